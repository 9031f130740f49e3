//! What an installer tells while it works.

use serde::Serialize;

use super::change::Moment;
use super::switch::{Holder, Recovered};

/// Something happened. For people and for counting: none of it is needed to use a result. What is fetched is told by the fetcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum InstallEvent {
    /// Versions are being chosen.
    Resolving {
        /// By which engine.
        engine: &'static str,
    },
    /// A wheel is being built.
    Building {
        /// Of what.
        what: String,
    },
    /// Wheels are being fetched and unpacked.
    Preparing {
        /// How many.
        wheels: usize,
    },
    /// One is ready.
    Prepared {
        /// Its file name.
        wheel: String,
    },
    /// Somebody else changes the environment, and is waited for.
    Waiting {
        /// Who, if that is known.
        holder: Option<Holder>,
    },
    /// A change that was not brought to its end was found.
    Recovered {
        /// What became of it.
        how: Recovered,
    },
    /// The machine was restarted since the environment was changed last, so all of it was looked at.
    Restarted {
        /// Files that were looked at.
        files: usize,
        /// Those that were damaged and put back.
        mended: usize,
        /// Those that could not be put back.
        unmended: usize,
    },
    /// The change goes on to its next moment.
    Change {
        /// Which.
        moment: Moment,
    },
}
