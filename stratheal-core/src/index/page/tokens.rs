//! HTML as a flat run of tags and texts. No tree and no recursion, so depth costs nothing.

use std::borrow::Cow;
use std::convert::Infallible;

use html5gum::Tokenizer;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};

/// The most attributes of one tag; more are passed over. An anchor of an index has about six.
const MOST_ATTRIBUTES: usize = 64;

/// A piece of HTML. Names are in lower case; entities are resolved.
#[derive(Clone, Copy)]
pub(super) enum Token<'a> {
    Start {
        name: &'a str,
        attributes: &'a Attributes,
    },
    End {
        name: &'a str,
    },
    Text(&'a str),
    Comment(&'a str),
    /// The text ended inside a tag or a comment.
    CutOff,
}

/// The attributes of a tag, in their order.
#[derive(Default)]
pub(super) struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// The value of the first attribute of this name; empty for one without a value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The text of a body: UTF-8, else Latin-1, in which every byte means something.
pub(super) fn decoded(body: &[u8]) -> Cow<'_, str> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    std::str::from_utf8(body)
        .map_or_else(|_| Cow::Owned(body.iter().map(|&byte| char::from(byte)).collect()), Cow::Borrowed)
}

/// Hands over the pieces of some HTML in their order. What stands in scripts and styles comes as text.
pub(super) fn read(html: &str, mut each: impl FnMut(Token<'_>)) {
    let mut tag: Option<String> = None;
    let mut attributes = Attributes::default();
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: html5gum::Span<()>| -> Option<Infallible> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                attributes.0.clear();
                tag = Some(String::from_utf8_lossy(name).into_owned());
            }
            CallbackEvent::AttributeName { name } => {
                if tag.is_some() && attributes.0.len() < MOST_ATTRIBUTES {
                    attributes.0.push((String::from_utf8_lossy(name).into_owned(), String::new()));
                }
            }
            CallbackEvent::AttributeValue { value } => {
                if tag.is_some()
                    && let Some((_, last)) = attributes.0.last_mut()
                    && last.is_empty()
                {
                    *last = String::from_utf8_lossy(value).into_owned();
                }
            }
            CallbackEvent::CloseStartTag { .. } => {
                if let Some(name) = tag.take() {
                    each(Token::Start { name: &name, attributes: &attributes });
                }
            }
            CallbackEvent::EndTag { name } => {
                tag = None;
                each(Token::End { name: &String::from_utf8_lossy(name) });
            }
            CallbackEvent::String { value } => each(Token::Text(&String::from_utf8_lossy(value))),
            CallbackEvent::Comment { value } => each(Token::Comment(&String::from_utf8_lossy(value))),
            CallbackEvent::Error(error) if error.as_str().starts_with("eof-") => each(Token::CutOff),
            CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => {}
        }
        None
    });
    emitter.naively_switch_states(true);
    match Tokenizer::new_with_emitter(html, emitter).finish() {
        Ok(()) => {}
        Err(never) => match never {},
    }
}
