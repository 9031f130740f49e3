//! What a member answered, and its body piece by piece.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use url::Url;

use super::problem;
use super::unpack::Unpacking;
use crate::fetch::failure::{Failure, FailureKind};
use crate::fetch::retry_after::parse_retry_after;

/// The head of an answer, with its body still to come.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Where it came from after redirects. Relative links are relative to this.
    pub(crate) final_url: Url,
    pub(crate) body: Body,
    /// Whether the body has to be unpacked by gzip.
    pub(super) is_packed: bool,
    pub(super) longest_retry_after: Duration,
}

impl Answer {
    /// A header as text; one that is not plain ASCII counts as absent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The length that the head promises for the body as it is on the wire.
    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// The failure that this status is. A success is one, too, when it is not the one that was asked for.
    pub(crate) fn status_failure(&self, now: Timestamp) -> Failure {
        let wait = self.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Failure::status(self.status, wait.and_then(|value| parse_retry_after(value, now, self.longest_retry_after)))
    }

    /// Reads the whole body, at most `limit` bytes after unpacking, with at most `idle` between two pieces. `arrived` is called with
    /// the size of each piece as it comes, packed.
    ///
    /// # Errors
    /// [`Failure`] when it breaks, stalls, ends early or is too large.
    pub(crate) async fn collect(
        mut self,
        limit: usize,
        idle: Duration,
        arrived: &(dyn Fn(u64) + Sync),
    ) -> Result<Bytes, Failure> {
        if let Some(length) = self.content_length().filter(|length| !self.is_packed && *length > limit as u64) {
            let problem = format!("wants to send {length} bytes, more than {limit}");
            return Err(Failure::new(FailureKind::Malformed, problem));
        }
        let mut whole = Unpacking::new(self.is_packed, limit);
        while let Some(piece) = self.body.next_within(idle).await? {
            arrived(piece.len() as u64);
            whole.push(&piece)?;
        }
        whole.finish()
    }
}

/// The body of an answer. Dropping it before its end closes the connection.
#[derive(Debug)]
pub(crate) struct Body {
    pub(super) response: reqwest::Response,
}

impl Body {
    /// The next piece; `None` at the proper end.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`Failure`] when the connection breaks or the body ends early.
    pub(crate) async fn next_chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.response.chunk().await.map_err(|error| problem::of_body(&error))
    }

    /// The next piece, if it comes within this time.
    ///
    /// # Errors
    /// [`FailureKind::Stalled`] when it does not, otherwise as [`Body::next_chunk`].
    pub(crate) async fn next_within(&mut self, idle: Duration) -> Result<Option<Bytes>, Failure> {
        tokio::time::timeout(idle, self.next_chunk()).await.unwrap_or_else(|_| {
            Err(Failure::new(
                FailureKind::Stalled,
                format!("sent nothing for {:.1} s within the body", idle.as_secs_f64()),
            ))
        })
    }
}
