//! Signals by name. Source: signal(7).

use std::fmt;
use std::str::FromStr;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

/// A signal that asks a program to end, or to do something else.
///
/// ```
/// use stratheal_core::service::StopSignal;
/// assert_eq!("SIGINT".parse::<StopSignal>().unwrap().to_string(), "INT");
/// assert_eq!(StopSignal::default().to_string(), "TERM");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StopSignal(Signal);

/// A text names no signal that can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no signal to stop with: use TERM, INT, QUIT, HUP, USR1, USR2, WINCH, ABRT or KILL")]
pub struct InvalidSignal(String);

const NAMES: &[(&str, Signal)] = &[
    ("TERM", Signal::TERM),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("HUP", Signal::HUP),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("ABRT", Signal::ABORT),
    ("KILL", Signal::KILL),
];

/// Signals that nobody sends on purpose, but that end programs.
const OTHERS: &[(&str, Signal)] = &[
    ("SEGV", Signal::SEGV),
    ("BUS", Signal::BUS),
    ("FPE", Signal::FPE),
    ("ILL", Signal::ILL),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TRAP", Signal::TRAP),
    ("SYS", Signal::SYS),
    ("XCPU", Signal::XCPU),
    ("XFSZ", Signal::XFSZ),
];

impl StopSignal {
    /// Ends a program that does not catch it.
    pub const TERM: Self = Self(Signal::TERM);
    /// As Ctrl-C.
    pub const INT: Self = Self(Signal::INT);
    /// Ends any program.
    pub const KILL: Self = Self(Signal::KILL);

    pub(super) const fn get(self) -> Signal {
        self.0
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        Self::TERM
    }
}

impl FromStr for StopSignal {
    type Err = InvalidSignal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let found = NAMES.iter().find(|(known, _)| *known == name).map(|(_, signal)| Self(*signal));
        found.ok_or_else(|| InvalidSignal(text.chars().take(32).collect()))
    }
}

impl TryFrom<String> for StopSignal {
    type Error = InvalidSignal;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<StopSignal> for String {
    fn from(signal: StopSignal) -> Self {
        signal.to_string()
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&name(self.0.as_raw()))
    }
}

/// The name of a signal without `SIG`, or its number where it has none here.
pub(super) fn name(number: i32) -> String {
    let known = NAMES.iter().chain(OTHERS).find(|(_, signal)| signal.as_raw() == number);
    known.map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for (text, name) in [("TERM", "TERM"), ("sigquit", "QUIT"), ("SIGKILL", "KILL")] {
            assert_eq!(text.parse::<StopSignal>().unwrap().to_string(), name);
        }
        assert!("SIGSEGV".parse::<StopSignal>().is_err() && "9".parse::<StopSignal>().is_err());
        assert_eq!((name(11), name(9), name(63)), ("SEGV".to_owned(), "KILL".to_owned(), "63".to_owned()));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,20}") {
            let _ = text.parse::<StopSignal>();
        }
    }
}
