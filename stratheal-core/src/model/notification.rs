//! What people are told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CheckId, Status};

/// Why somebody is told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NotificationKind {
    /// Something broke.
    Opened,
    /// It works again; who made it work is in the text.
    Healed,
    /// Nothing that may be done by itself is left to try: a person has to look.
    GivenUp,
    /// A plan waits for a person's word.
    ApprovalNeeded,
    /// What heals is itself not well: its journal cannot be written, its disk is full, it was paused for too long.
    HealerDegraded,
}

impl NotificationKind {
    /// The word for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Healed => "healed",
            Self::GivenUp => "given-up",
            Self::ApprovalNeeded => "approval-needed",
            Self::HealerDegraded => "healer-degraded",
        }
    }
}

/// One message. It holds no secret: what checks and services say was redacted where it was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// The same at every attempt to deliver it, and never used again for another one.
    pub id: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Why.
    pub kind: NotificationKind,
    /// The number of the incident, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
    /// The failing check, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckId>,
    /// How bad it is now.
    pub status: Status,
    /// One line.
    pub title: String,
    /// The rest: what was tried, what to type next.
    pub text: String,
    /// The end of the audit log when it was written, so that its truncation can be found out elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<String>,
}
