//! How a program ended.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::signal;

/// The way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum How {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
    /// Nobody was there to see it: the keeper had been killed, or the machine was restarted.
    Unseen,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// The way out.
    pub how: How,
    /// When it was noticed.
    pub at: Timestamp,
    /// Whether a core dump was written.
    #[serde(default)]
    pub core_dumped: bool,
    /// Whether the kernel killed a process for lack of memory meanwhile, so that this may have been the one.
    #[serde(default)]
    pub out_of_memory: bool,
    /// Why the program was not even begun, if so.
    #[serde(default)]
    pub not_started: Option<String>,
}

impl Ending {
    /// An end that nobody saw.
    #[must_use]
    pub const fn unseen(at: Timestamp) -> Self {
        Self { how: How::Unseen, at, core_dumped: false, out_of_memory: false, not_started: None }
    }

    /// Whether it ended as a program does that has nothing to complain about.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.how, How::Exited(0))
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.not_started {
            return f.write_str(why);
        }
        match self.how {
            How::Exited(code) => write!(f, "exited with code {code}")?,
            How::Signalled(number) => write!(f, "ended by signal {}", signal::name(number))?,
            How::Unseen => f.write_str("ended unseen")?,
        }
        if self.core_dumped {
            f.write_str(", core dumped")?;
        }
        if self.out_of_memory {
            f.write_str(", probably because memory ran out")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_told_in_words() {
        let ending = |how| Ending { how, ..Ending::unseen(Timestamp::UNIX_EPOCH) };
        assert_eq!(ending(How::Exited(3)).to_string(), "exited with code 3");
        assert_eq!(ending(How::Signalled(9)).to_string(), "ended by signal KILL");
        let killed = Ending { out_of_memory: true, core_dumped: true, ..ending(How::Signalled(6)) };
        assert_eq!(killed.to_string(), "ended by signal ABRT, core dumped, probably because memory ran out");
        let missing = Ending { not_started: Some("there is no program \"x\"".to_owned()), ..ending(How::Exited(127)) };
        assert_eq!(missing.to_string(), "there is no program \"x\"");
        assert!(ending(How::Exited(0)).is_success() && !killed.is_success());
    }
}
