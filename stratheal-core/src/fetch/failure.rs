//! How one request failed, and what that means for the next one.
//!
//! Each kind says once what follows from it ([`classify`]); nobody else decides by status or by text.

use std::time::Duration;

use super::MemberFailure;

/// One request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// What the member did, to be read after its name: `refused the connection`. Without secrets.
    pub(crate) text: String,
    /// How long the member asked to be left alone, clamped.
    pub(crate) retry_after: Option<Duration>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum FailureKind {
    /// The name was not found, or nobody answered for it.
    Lookup,
    /// Nobody is there: refused, unreachable, or no connection within the time for it.
    Connect,
    /// A connection, but no head of an answer within its time.
    Silent,
    /// The TLS handshake failed: an untrusted, expired or wrong certificate.
    Tls,
    /// The connection broke.
    Broken,
    /// The body ended too early.
    Truncated,
    /// The body stalled, or trickled too slowly.
    Stalled,
    /// An HTTP status that is no success.
    Status(u16),
    /// What came is no HTTP, or exceeds a limit.
    Malformed,
    /// A redirect that is not followed.
    Redirect,
    /// The content is damaged: a page that cannot be read, a hash that differs.
    Content,
    /// It answers properly, but not what is needed: no ranges, other content than was promised. Asking again changes nothing.
    Refused,
    /// The way there refuses: the proxy wants other credentials.
    Proxy,
    /// Something of this host is used up or set wrongly; no member is to blame.
    Local,
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Verdict {
    /// It may go away: ask again, another member first.
    Retry,
    /// This member does not help with this, now or soon; another one may.
    NextMember,
    /// The member does not have it.
    Gone,
    /// The member wants credentials, or other ones.
    Denied,
    /// No member can help.
    Fatal,
}

/// Decides what follows from a kind of failure.
///
/// Statuses after RFC 9110, 15: of the 4xx only 408, 425 and 429 speak of the moment and not of the request.
pub(crate) const fn classify(kind: FailureKind) -> Verdict {
    match kind {
        FailureKind::Lookup
        | FailureKind::Connect
        | FailureKind::Silent
        | FailureKind::Broken
        | FailureKind::Truncated
        | FailureKind::Stalled
        | FailureKind::Content
        | FailureKind::Malformed
        | FailureKind::Status(408 | 425 | 429 | 500 | 502..=504 | 506..=599) => Verdict::Retry,
        FailureKind::Status(404 | 410) => Verdict::Gone,
        FailureKind::Status(401 | 403) => Verdict::Denied,
        FailureKind::Tls | FailureKind::Redirect | FailureKind::Refused | FailureKind::Status(_) => Verdict::NextMember,
        FailureKind::Proxy | FailureKind::Local => Verdict::Fatal,
    }
}

impl FailureKind {
    /// Whether no connection came about, so that everything else at the same origin is in the same trouble.
    pub(crate) const fn is_of_the_way(self) -> bool {
        matches!(self, Self::Lookup | Self::Connect | Self::Tls)
    }

    /// Whether it says nothing about how well the member is: it answered in time, just not with what was wanted.
    pub(crate) const fn is_an_answer(self) -> bool {
        matches!(classify(self), Verdict::Gone | Verdict::Denied | Verdict::Fatal)
    }
}

impl Failure {
    /// A failure without a wish for when to come back.
    pub(crate) fn new(kind: FailureKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), retry_after: None }
    }

    /// A status that is no success.
    pub(crate) fn status(status: u16, retry_after: Option<Duration>) -> Self {
        let name = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let text = name.map_or_else(|| format!("answered {status}"), |name| format!("answered {status} {name}"));
        Self { kind: FailureKind::Status(status), text, retry_after }
    }

    /// What follows from it.
    pub(crate) const fn verdict(&self) -> Verdict {
        classify(self.kind)
    }

    /// As it is told to callers.
    pub(crate) fn to_public(&self) -> MemberFailure {
        match self.kind {
            FailureKind::Status(status) => MemberFailure::Status(status),
            FailureKind::Silent | FailureKind::Stalled => MemberFailure::Slow(self.text.clone()),
            FailureKind::Content | FailureKind::Malformed | FailureKind::Refused | FailureKind::Truncated => {
                MemberFailure::Damaged(self.text.clone())
            }
            _ => MemberFailure::Network(self.text.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_what() {
        use FailureKind::{
            Broken, Connect, Content, Local, Lookup, Proxy, Redirect, Silent, Stalled, Status, Tls, Truncated,
        };
        for (kinds, expected) in [
            (&[Lookup, Connect, Silent, Broken, Truncated, Stalled, Content][..], Verdict::Retry),
            (&[Status(408), Status(425), Status(429), Status(500), Status(502), Status(503)], Verdict::Retry),
            (&[Status(504), Status(520), Status(599)], Verdict::Retry),
            (&[Tls, Redirect, Status(300), Status(304), Status(400), Status(406), Status(416)], Verdict::NextMember),
            (&[Status(451), Status(501), Status(505), Status(600)], Verdict::NextMember),
            (&[Status(404), Status(410)], Verdict::Gone),
            (&[Status(401), Status(403)], Verdict::Denied),
            (&[Local, Proxy], Verdict::Fatal),
        ] {
            for &kind in kinds {
                assert_eq!(classify(kind), expected, "{kind:?}");
            }
        }
    }
}
