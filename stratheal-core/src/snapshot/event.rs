//! What happens while snapshots are made and used.

use serde::Serialize;

use crate::installer::{Holder, Recovered};

/// Something happened. For people and for counting: none of it is needed to use a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SnapshotEvent {
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
    /// The work goes on to its next moment.
    Moment {
        /// Which.
        moment: Moment,
    },
    /// A snapshot was made.
    Made {
        /// Its number.
        number: u64,
    },
}

/// Where the work is. Each is told before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "at", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Moment {
    /// The environment is being looked at.
    Looking,
    /// Files are being read that nothing is known of.
    Reading {
        /// How many.
        files: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// What nobody else has is being kept.
    Keeping,
    /// The environment as it was is being built.
    Building {
        /// How many files are put back.
        files: usize,
    },
    /// It is being looked at.
    Checking,
    /// It takes the place of the current one.
    Switch {
        /// How far that is.
        moment: crate::installer::Moment,
    },
    /// What was there is being deleted. The snapshot that was made before has it.
    Cleaning,
}
