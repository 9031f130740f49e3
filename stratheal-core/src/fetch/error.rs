//! Why something could not be had.

use jiff::Timestamp;

use crate::base::class::ErrorClass;
use crate::objects::ContentId;

/// Why a page or a file could not be had.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Every member of every source that was asked said that there is no such project.
    #[error("no index has a project named `{project}` ({})", asked.join(", "))]
    NoSuchProject {
        /// The project.
        project: String,
        /// Who was asked, as safe URLs.
        asked: Vec<String>,
    },
    /// The page was had, and does not list the file.
    #[error("`{file}` is not offered by {source_name}: {reason}")]
    NoSuchFile {
        /// The file.
        file: String,
        /// The source.
        source_name: String,
        /// Why: never listed, refused, withdrawn.
        reason: String,
    },
    /// It could not be had now; later it may.
    #[error("cannot get {wanted} now: {}", said(attempts))]
    Unavailable {
        /// A project or a file name.
        wanted: String,
        /// What each member said, last word each.
        attempts: Vec<Attempt>,
        /// When it makes sense to ask again, where a member said so.
        retry_after: Option<std::time::Duration>,
    },
    /// A member wants credentials, or different ones.
    #[error("{member} refuses access to {wanted} ({status}): check the credentials for it")]
    Denied {
        /// The member, as a safe URL.
        member: String,
        /// A project or a file name.
        wanted: String,
        /// The HTTP status.
        status: u16,
    },
    /// What arrived is not what the index promised, from every member that could be asked.
    #[error("{file} has the wrong content: expected sha256 {expected}, got {got} from {member}")]
    HashMismatch {
        /// The file.
        file: String,
        /// What the index promised.
        expected: ContentId,
        /// What arrived.
        got: ContentId,
        /// Who sent it, as a safe URL.
        member: String,
    },
    /// The same, where the index gives no SHA-256 but another digest.
    #[error(transparent)]
    DigestMismatch(Box<WrongDigest>),
    /// The file has changed its content under the same name.
    #[error(transparent)]
    Changed(Box<ChangedFile>),
    /// Offline, and not in the cache.
    #[error("{wanted} is not in the cache, and this is offline: get it once with a network (`stratheal warm`)")]
    Offline {
        /// A project or a file name.
        wanted: String,
    },
    /// Somebody read the file while it arrived, and what was read turned out to be wrong.
    #[error("what was sent of {wanted} so far is wrong, and it is had again: ask once more from the beginning")]
    Restarted {
        /// A file name.
        wanted: String,
    },
    /// The deadline passed.
    #[error("{wanted} did not arrive within {}: {}", human(*within), said(attempts))]
    Deadline {
        /// A project or a file name.
        wanted: String,
        /// The deadline.
        within: std::time::Duration,
        /// What each member said until then.
        attempts: Vec<Attempt>,
        /// When it makes sense to ask again, where a member said so.
        retry_after: Option<std::time::Duration>,
    },
    /// The disk is full.
    #[error("no space left on the device that holds {folder}: free some, or move the cache with --cache-dir")]
    DiskFull {
        /// The cache.
        folder: String,
    },
    /// The settings are impossible.
    #[error("{0}")]
    Settings(String),
    /// The store could not be used.
    #[error("the cache cannot be used: {0}")]
    Store(String),
}

/// A file with another digest than the index promised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} has the wrong content: expected {algorithm} {expected}, got {got} from {member}")]
pub struct WrongDigest {
    /// Its name.
    pub file: String,
    /// The algorithm, in lower case.
    pub algorithm: String,
    /// What the index promised, as hexadecimal digits.
    pub expected: String,
    /// What arrived.
    pub got: String,
    /// Who sent it, as a safe URL.
    pub member: String,
}

/// A file whose content changed under the same name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file} changed: sha256 {now} at {now_at}, but {before} was seen at {before_at} on {before_when}; when you know why, `stratheal \
     index accept {file} {now}`, or set `immutable = false` for this source"
)]
pub struct ChangedFile {
    /// Its name.
    pub file: String,
    /// The hash that is offered now.
    pub now: ContentId,
    /// By whom, as a safe URL.
    pub now_at: String,
    /// The hash that was seen before.
    pub before: ContentId,
    /// From whom, as a safe URL.
    pub before_at: String,
    /// When.
    pub before_when: Timestamp,
}

/// What one member did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The member, as a safe URL.
    pub member: String,
    /// How often it was asked.
    pub times: u32,
    /// Its last failure.
    pub failure: MemberFailure,
}

/// How a member failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemberFailure {
    /// There was no connection, or it broke.
    #[error("{0}")]
    Network(String),
    /// An HTTP status other than success.
    #[error("answered {0}")]
    Status(u16),
    /// It was too slow.
    #[error("{0}")]
    Slow(String),
    /// What it sent is damaged or not what it should be.
    #[error("{0}")]
    Damaged(String),
    /// It was not asked, because it failed too often just before.
    #[error("left alone after repeated failures")]
    LeftAlone,
}

fn said(attempts: &[Attempt]) -> String {
    let each = attempts.iter().map(|attempt| {
        let times = if attempt.times > 1 { format!(" ({} times)", attempt.times) } else { String::new() };
        format!("{} {}{times}", attempt.member, attempt.failure)
    });
    each.collect::<Vec<_>>().join("; ")
}

fn human(duration: std::time::Duration) -> String {
    crate::model::quantity::show_seconds(duration.as_secs_f64())
}

impl FetchError {
    /// After how long it makes sense to ask again, where somebody said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Unavailable { retry_after, .. } | Self::Deadline { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The class of this error.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NoSuchProject { .. } | Self::NoSuchFile { .. } | Self::Offline { .. } => ErrorClass::Permanent,
            Self::Unavailable { .. } | Self::Restarted { .. } | Self::DiskFull { .. } | Self::Store(_) => {
                ErrorClass::Transient
            }
            Self::Denied { .. } => ErrorClass::Denied,
            Self::HashMismatch { .. } | Self::DigestMismatch(_) | Self::Changed(_) => ErrorClass::Corrupt,
            Self::Deadline { .. } => ErrorClass::TimedOut,
            Self::Settings(_) => ErrorClass::Usage,
        }
    }
}
