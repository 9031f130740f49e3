//! What kind of trouble an error is, so that callers decide on a class and never on a text.

use serde::{Deserialize, Serialize};

/// The class of an error. Each error type of this crate has a `class()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ErrorClass {
    /// It may go away by itself; trying again later is reasonable.
    Transient,
    /// It will stay until somebody changes something.
    Permanent,
    /// It took longer than it was given.
    TimedOut,
    /// Somebody asked for it to stop.
    Cancelled,
    /// Not allowed: permissions or credentials.
    Denied,
    /// Data is damaged or not what it says it is.
    Corrupt,
    /// The caller asked for something impossible.
    Usage,
    /// A fault of this program.
    Bug,
}

/// Writes an error and its sources in one line, outermost first, joined by `: `.
///
/// `Display` of this crate's errors never repeats the source, so each cause appears once.
///
/// ```
/// use stratheal_core::base::class::chain;
/// let inner = std::io::Error::other("disk on fire");
/// assert_eq!(chain(&inner), "disk on fire");
/// ```
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Errors of other crates often repeat their source; saying it twice helps nobody.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The class that fits an I/O error.
#[must_use]
pub fn of_io(error: &std::io::Error) -> ErrorClass {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => ErrorClass::Denied,
        Kind::TimedOut => ErrorClass::TimedOut,
        Kind::InvalidData | Kind::UnexpectedEof => ErrorClass::Corrupt,
        Kind::InvalidInput | Kind::NotFound | Kind::NotADirectory | Kind::IsADirectory | Kind::Unsupported => {
            ErrorClass::Permanent
        }
        _ => ErrorClass::Transient,
    }
}
