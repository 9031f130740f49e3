//! Reading a requirement from left to right, with the place of whatever is wrong.

use super::error::InvalidRequirement;

/// The longest text of a requirement or a marker, in bytes.
const LONGEST: usize = 64 << 10;

/// A text, and how far it is read.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, InvalidRequirement> {
        let cursor = Self { text: text.trim_end(), at: text.len() - text.trim_start().len() };
        if text.len() > LONGEST { Err(cursor.error("is longer than 64 KiB")) } else { Ok(cursor) }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|character| matches!(character, ' ' | '\t'));
    }

    /// Goes past this text if it stands here.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_here = self.rest().starts_with(text);
        if is_here {
            self.at += text.len();
        }
        is_here
    }

    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|character| !wanted(character)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    /// The word that begins here, which is not gone past.
    pub(super) fn word(&self) -> &'t str {
        let rest = self.rest();
        let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '.');
        &rest[..rest.find(|character| !is_part(character)).unwrap_or(rest.len())]
    }

    /// Goes back to where [`Cursor::at`] was taken.
    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn error(&self, reason: &'static str) -> InvalidRequirement {
        self.error_at(self.at, reason)
    }

    pub(super) fn error_at(&self, at: usize, reason: &'static str) -> InvalidRequirement {
        let before = self.text.get(..at).unwrap_or(self.text);
        InvalidRequirement::new(self.text, before.chars().count() + 1, reason)
    }

    /// An error unless all is read.
    pub(super) fn end(&self, reason: &'static str) -> Result<(), InvalidRequirement> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.error(reason)) }
    }
}
