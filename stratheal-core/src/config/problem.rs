//! Mistakes in a configuration, all of them.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use crate::base::class::ErrorClass;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key, dotted, such as `checks.api.interval`; empty for a mistake of syntax.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// Why a configuration was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is none.
    #[error(
        "there is no stratheal.toml here, and no [tool.stratheal] in a pyproject.toml: run `stratheal init` to write one, or name one with --config"
    )]
    Missing,
    /// It cannot be read.
    #[error("cannot read the configuration")]
    Read(#[source] io::Error),
    /// It has mistakes.
    #[error("{}", Listing(file, problems))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The mistakes, in the order of the file.
        problems: Vec<Problem>,
        /// The state folder, where that much could be read: a running monitor can be asked all the same.
        state: Option<PathBuf>,
    },
}

impl ConfigError {
    /// What kind of trouble it is.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::Usage
    }
}

struct Listing<'a>(&'a PathBuf, &'a [Problem]);

impl fmt::Display for Listing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.1.iter().enumerate() {
            if place > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:{}:{}: ", self.0.display(), problem.line, problem.column)?;
            if !problem.key.is_empty() {
                write!(f, "{}: ", problem.key)?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

/// Collects mistakes while a file is read.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    text: &'a str,
    found: Vec<(Range<usize>, Problem)>,
}

/// The most mistakes that are reported; a file with more is something else.
const MAX_PROBLEMS: usize = 200;

impl<'a> Problems<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    pub(super) fn add(&mut self, span: &Range<usize>, key: impl Into<String>, message: impl Into<String>) {
        if self.found.len() < MAX_PROBLEMS {
            let (line, column) = position(self.text, span.start);
            let problem = Problem { line, column, key: key.into(), message: message.into() };
            self.found.push((span.clone(), problem));
        }
    }

    /// Whether there are any.
    pub(super) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them in the order of the file, each once.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|(span, _)| span.start);
        let mut problems: Vec<Problem> = self.found.into_iter().map(|(_, problem)| problem).collect();
        problems.dedup();
        problems
    }
}

/// Line and column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(byte.min(text.len()))];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
