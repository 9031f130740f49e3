//! The four tiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How something is, in the four tiers of the Nagios plugin protocol.
///
/// There is deliberately no `Ord`: whether `Unknown` is worse than `Warning` depends on who asks, so combining
/// statuses is the business of an [`Aggregation`](super::aggregate::Aggregation).
///
/// Source of the numbers: Monitoring Plugins Development Guidelines, "Plugin Return Codes".
///
/// ```
/// use stratheal_core::model::Status;
/// assert_eq!(Status::Critical.exit_code(), 2);
/// assert_eq!(Status::from_exit_code(77), Status::Unknown);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Status {
    /// Works as it should.
    Healthy = 0,
    /// Works, but somebody should look at it.
    Warning = 1,
    /// Does not work.
    Critical = 2,
    /// Could not be measured. Never counts as healthy.
    #[default]
    Unknown = 3,
}

impl Status {
    /// All four, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::Warning, Self::Critical, Self::Unknown];

    /// The exit code of a plugin that found this: 0 to 3.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        self as u8
    }

    /// The status a plugin's exit code stands for; everything outside 0 to 3 is `Unknown`.
    #[must_use]
    pub const fn from_exit_code(code: i32) -> Self {
        match code {
            0 => Self::Healthy,
            1 => Self::Warning,
            2 => Self::Critical,
            _ => Self::Unknown,
        }
    }

    /// Whether something was measured at all.
    #[must_use]
    pub const fn is_known(self) -> bool {
        !matches!(self, Self::Unknown)
    }

    /// The lowercase word used in every format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is none of the four statuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a status: use healthy, warning, critical or unknown")]
pub struct InvalidStatus(String);

impl FromStr for Status {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| InvalidStatus(text.to_owned()))
    }
}
