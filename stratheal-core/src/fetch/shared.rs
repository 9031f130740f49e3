//! What all parts of a fetcher share.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::broadcast;
use tokio::time::Instant;
use url::Url;

use super::failure::Failure;
use super::insist::Again;
use super::member::{MemberState, Members};
use super::pages::{self, Pages};
use super::pause::{Pause, pause_after};
use super::totals::{Count, Counters};
use super::transfer::Transfers;
use super::transport::Transport;
use super::{Event, FetchError, FileRequest};
use crate::base::budget::Budget;
use crate::base::clock::Clock;
use crate::index::{Chain, Source};
use crate::objects::{ContentId, Store};

/// What all parts of a fetcher share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) chain: Chain,
    pub(super) cache: PathBuf,
    pub(super) store: Store,
    pub(super) transfers: Transfers,
    pub(super) offline: bool,
    /// How long something may take without any progress, all retries included.
    pub(super) deadline: Duration,
    pub(super) transport: Transport,
    pub(super) members: Members,
    pub(super) pages: Pages,
    pub(super) counters: Counters,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) budget: Mutex<Budget>,
}

/// One place where a file may be had.
#[derive(Debug, Clone)]
pub(super) struct Location {
    pub(super) url: Url,
    pub(super) member: Arc<MemberState>,
}

impl Shared {
    /// Tells listeners, if there are any.
    pub(super) fn tell(&self, event: Event) {
        // It fails only when nobody listens.
        drop(self.events.send(event));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn source(&self, name: &str) -> Option<&Source> {
        self.chain.sources.iter().find(|source| source.name == name)
    }

    /// Refuses a file that changed under its name: a request may stand on a page from before. What is in the store was looked at when it
    /// came; its page is not read for that again.
    pub(super) async fn refuse_changed(self: &Arc<Self>, request: &FileRequest) -> Result<(), FetchError> {
        let number = self.chain.sources.iter().position(|source| source.name == *request.source);
        let (Some(number), Some(hash)) = (number, request.file.hashes.sha256) else { return Ok(()) };
        let known = match pages::in_memory(self, number, &request.project) {
            None if self.has(hash).await => return Ok(()),
            None => pages::known(self, number, &request.project).await,
            known => known,
        };
        match known.and_then(|known| known.change(&request.file.name, &hash)) {
            Some(change) => Err(FetchError::Changed(Box::new(change))),
            None => Ok(()),
        }
    }

    async fn has(&self, id: ContentId) -> bool {
        let store = self.store.clone();
        let found = tokio::task::spawn_blocking(move || store.pack(&id)).await;
        matches!(found, Ok(Ok(Some(_))))
    }

    /// How long to wait before the next attempt after this many failures in a time; takes a token of the budget for it.
    pub(super) fn pause(&self, failures: u32, trouble: Duration) -> Pause {
        self.counters.add(Count::Retries, 1);
        let owed = self.budget.lock().unwrap_or_else(PoisonError::into_inner).withdraw(Instant::now());
        pause_after(failures, trouble, owed, fastrand::f64())
    }

    /// The same is asked of a member twice at once, or was.
    pub(super) fn asked_again(&self, member: &MemberState, again: Again) {
        match again {
            Again::Asked => {
                self.counters.add(Count::Hedges, 1);
                tracing::debug!(member = member.name(), "late: asked again beside it");
            }
            Again::Needed => member.asked_again(true),
            Again::Needless => member.asked_again(false),
        }
    }

    /// A piece of work begins, which pays for a part of a retry.
    pub(super) fn begin_work(&self) {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).deposit(Instant::now());
    }

    /// A request failed: the member learns from it, and listeners are told.
    pub(super) fn failed(&self, member: &Arc<MemberState>, wanted: &str, failure: &Failure, next: &str) {
        tracing::debug!(member = member.name(), wanted, problem = failure.text, next, "a request failed");
        self.tell(Event::Trouble {
            member: member.name().to_owned(),
            wanted: wanted.to_owned(),
            problem: failure.text.clone(),
            next: next.to_owned(),
        });
        for (member, usable) in self.members.failed(member, failure, Instant::now()) {
            self.tell_change(&member, usable, &failure.text);
        }
    }

    /// The head of a usable answer came.
    pub(super) fn answered(&self, member: &Arc<MemberState>, latency: Duration) {
        if let Some(usable) = member.answered(latency, Instant::now()) {
            self.tell_change(member, usable, "answered again");
        }
    }

    fn tell_change(&self, member: &MemberState, usable: bool, reason: &str) {
        self.tell(Event::Member { member: member.name().to_owned(), usable, reason: reason.to_owned() });
    }
}
