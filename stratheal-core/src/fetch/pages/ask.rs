//! One member's page of one project: asked for, read, and made into a record.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use super::freshness::{self, fresh_for};
use super::record::{MemberRecord, Said};
use super::sent::Sent;
use crate::fetch::failure::{Failure, FailureKind, Verdict};
use crate::fetch::insist::insist;
use crate::fetch::member::{MemberState, Purpose, Turn};
use crate::fetch::shared::Shared;
use crate::fetch::totals::Count;
use crate::fetch::transport::{Answer, Ask, Encoding};
use crate::index::{Member, PageFormat, PageLimits, ProjectName, Trust};

/// How long a page may send nothing before it is given up: doubled with each failure, because a server that always stalls that long
/// must be reachable all the same.
const IDLE: Duration = Duration::from_secs(10);
/// Reading a large page takes a while, which must not hold up a thread of the runtime.
const LARGE: usize = 256 << 10;

/// What is asked: a member for a project.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) member: Member,
    pub(super) state: Arc<MemberState>,
    pub(super) project: ProjectName,
    pub(super) url: Url,
    /// What it said before.
    pub(super) known: Option<MemberRecord>,
}

impl Question {
    /// `None` for a base URL that cannot be one.
    pub(super) fn new(
        shared: &Shared,
        member: &Member,
        project: &ProjectName,
        known: Option<MemberRecord>,
    ) -> Option<Self> {
        let url = member.url.join(&format!("{project}/")).ok()?;
        let state = shared.members.get(&member.url, &url, Purpose::Pages);
        Some(Self { member: member.clone(), state, project: project.clone(), url, known })
    }

    /// Asks once; when the answer is late, again beside it. `arrived` is called whenever something arrives.
    ///
    /// # Cancellation
    /// Dropping the future closes the connections.
    ///
    /// # Errors
    /// [`Failure`]; the member has not learned from it yet.
    pub(super) async fn ask(
        &self,
        shared: &Shared,
        turn: Turn,
        failures: u32,
        arrived: &(dyn Fn(u64) + Sync),
    ) -> Result<MemberRecord, Failure> {
        let patience = self.state.view(Instant::now()).patience;
        let received = AtomicU64::new(0);
        let more = |bytes| {
            received.fetch_add(bytes, Ordering::Relaxed);
            shared.counters.add(Count::NetworkBytes, bytes);
            arrived(bytes);
        };
        let tell = |again| shared.asked_again(&self.state, again);
        let answer = insist(patience, &received, || self.once(shared, failures, &more), tell).await;
        drop(turn);
        answer
    }

    async fn once(
        &self,
        shared: &Shared,
        failures: u32,
        arrived: &(dyn Fn(u64) + Sync),
    ) -> Result<MemberRecord, Failure> {
        self.state.held().await;
        let begun = Instant::now();
        let idle = IDLE.saturating_mul(1 << failures.min(4)).min(shared.deadline);
        let mut ask = Ask { accept: Some(PageFormat::ACCEPT), encoding: Encoding::Compressed, ..Ask::default() };
        // Only what is at hand can be "unchanged".
        if let Some(known) = self.known.as_ref().filter(|known| matches!(known.said, Said::Page(..))) {
            ask.etag.clone_from(&known.etag);
            ask.last_modified.clone_from(&known.last_modified);
        }
        let is_conditional = ask.etag.is_some() || ask.last_modified.is_some();
        let answer = shared.transport.get(&self.url, &ask).await?;
        let at = shared.now();
        let record = match answer.status {
            200 => {
                shared.answered(&self.state, begun.elapsed());
                self.page(shared, answer, idle, arrived).await?
            }
            304 if is_conditional => {
                shared.answered(&self.state, begun.elapsed());
                let known = self.known.clone();
                let known = known.ok_or_else(|| Failure::new(FailureKind::Content, "said unchanged about nothing"))?;
                let fresh_for = fresh_for(answer.header("cache-control"), answer.header("age"));
                MemberRecord { at, fresh_for, is_believed: self.member.trust == Trust::Pages, ..known }
            }
            _ => {
                let failure = answer.status_failure(at);
                if failure.verdict() != Verdict::Gone {
                    return Err(failure);
                }
                shared.answered(&self.state, begun.elapsed());
                self.record(Said::Missing, None, None, at, freshness::MISSING)
            }
        };
        self.state.delivered(0, begun.elapsed(), Instant::now());
        Ok(record)
    }

    async fn page(
        &self,
        shared: &Shared,
        answer: Answer,
        idle: Duration,
        arrived: &(dyn Fn(u64) + Sync),
    ) -> Result<MemberRecord, Failure> {
        let limits = PageLimits::default();
        let header = |name| answer.header(name).map(str::to_owned);
        let (etag, last_modified) = (header("etag"), header("last-modified"));
        let (content_type, serial) = (header("content-type"), header("x-pypi-last-serial"));
        let serial = serial.and_then(|serial| serial.trim().parse().ok());
        let fresh_for = fresh_for(answer.header("cache-control"), answer.header("age"));
        let base = answer.final_url.clone();
        let body = answer.collect(limits.bytes, idle, arrived).await?;
        let is_large = body.len() > LARGE;
        let (sent, project) = (Sent { body, content_type, base, serial }, self.project.clone());
        let read = move || {
            let damaged = |text| Failure::new(FailureKind::Content, format!("sent a page that cannot be used: {text}"));
            let (page, left_out) = sent.read(&project).map_err(damaged)?;
            Ok::<_, Failure>((page, sent, left_out))
        };
        let (page, sent, left_out) = if is_large {
            let local =
                |error| Failure::new(FailureKind::Local, format!("sent a page that cannot be read here: {error}"));
            tokio::task::spawn_blocking(read).await.map_err(local)??
        } else {
            read()?
        };
        if left_out.count > 0 {
            let (member, count) = (self.state.name(), left_out.count);
            tracing::debug!(member, project = %self.project, count, first = ?left_out.first.first(), "files left out of a page");
        }
        Ok(self.record(Said::Page(page, sent), etag, last_modified, shared.now(), fresh_for))
    }

    fn record(
        &self,
        said: Said,
        etag: Option<String>,
        last_modified: Option<String>,
        at: jiff::Timestamp,
        fresh_for: Duration,
    ) -> MemberRecord {
        let (member, is_believed) = (self.member.url.clone(), self.member.trust == Trust::Pages);
        MemberRecord { member, is_believed, said, etag, last_modified, at, fresh_for }
    }
}
