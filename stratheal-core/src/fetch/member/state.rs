//! What is learned about one member, from everything it does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::Instant;
use url::Url;

use super::latency::{Latency, Rate};
use super::pace::{Load, Pace, Place};
use super::patience::Patience;
use super::score::Score;
use super::view::{MemberStatus, MemberView};
use crate::base::breaker::{Breaker, BreakerPolicy, Permission};
use crate::base::redact::safe_url;
use crate::fetch::failure::{Failure, FailureKind, Verdict};

/// When a member is left alone. The first probe comes soon, because most trouble is short.
const POLICY: BreakerPolicy =
    BreakerPolicy { failures: 5, first: Duration::from_secs(2), longest: Duration::from_mins(1) };

/// What a member is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    Pages,
    Files,
}

/// One member in one purpose, at one origin.
#[derive(Debug)]
pub(crate) struct MemberState {
    /// Its base URL, safe to show.
    name: String,
    purpose: Purpose,
    pace: Arc<Pace>,
    recovered: Arc<Notify>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    score: Score,
    latency: Latency,
    patience: Patience,
    rate: Rate,
    breaker: Breaker,
    /// It failed, and has not answered since.
    is_failing: bool,
    hold_until: Option<Instant>,
    answers: u64,
    failures: u64,
    bytes: u64,
    last_failure: Option<String>,
}

/// A change of a member that people may want to know about: whether it is used now, and why.
pub(crate) type Change = Option<bool>;

impl MemberState {
    pub(super) fn new(member: &Url, origin: &Url, purpose: Purpose, latency: Latency, now: Instant) -> Self {
        let mut name = safe_url(member.as_str());
        if member.origin() != origin.origin() {
            name = format!("{} (of {name})", safe_url(&origin.origin().ascii_serialization()));
        }
        let inner = Inner {
            score: Score::new(now),
            latency,
            patience: Patience::default(),
            rate: Rate::default(),
            breaker: Breaker::new(POLICY),
            is_failing: false,
            hold_until: None,
            answers: 0,
            failures: 0,
            bytes: 0,
            last_failure: None,
        };
        Self { name, purpose, pace: Pace::new(), recovered: Arc::default(), inner: Mutex::new(inner) }
    }

    /// Its name, safe to show.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How long its answers took.
    pub(super) fn latency(&self) -> Latency {
        self.lock().latency.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of it now.
    pub(crate) fn view(&self, now: Instant) -> MemberView {
        let load = self.pace.load();
        let inner = self.lock();
        let p95 = inner.latency.quantile(0.95);
        MemberView {
            score: inner.score.value(now),
            median: inner.latency.quantile(0.5),
            p95,
            patience: inner.patience.after(p95),
            rate: inner.rate.value(),
            permission: inner.breaker.permission(now),
            hold_until: inner.hold_until.filter(|until| *until > now),
            load,
        }
    }

    /// Waits for a place among the requests to this member, and for the end of a time it asked for. The breaker is not asked:
    /// whether to try all the same is the caller's decision, and the only member there is must stay reachable.
    ///
    /// # Cancellation
    /// Dropping the future gives the place up.
    pub(crate) async fn enter(self: &Arc<Self>) -> Turn {
        let place = self.pace.enter().await;
        self.held().await;
        Turn { begun: Instant::now(), _place: place }
    }

    /// Waits for the end of a time it asked for.
    pub(crate) async fn held(&self) {
        loop {
            let hold = self.lock().hold_until;
            match hold {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    /// Takes the place of the one probe, if the breaker wants one now.
    pub(crate) fn begin_probe(&self, now: Instant) -> bool {
        self.lock().breaker.begin_probe(now)
    }

    /// The head of an answer came, this long after the request, with a status that is no failure.
    pub(crate) fn answered(&self, latency: Duration, now: Instant) -> Change {
        let mut inner = self.lock();
        inner.latency.add(latency);
        inner.answers += 1;
        inner.hold_until = inner.hold_until.filter(|until| *until > now);
        inner.breaker.succeeded().then_some(true)
    }

    /// A body came whole, or as much of it as was wanted.
    pub(crate) fn delivered(&self, bytes: u64, took: Duration, now: Instant) {
        {
            let mut inner = self.lock();
            inner.score.succeeded(now);
            inner.rate.add(bytes, took);
            inner.bytes += bytes;
            if std::mem::take(&mut inner.is_failing) {
                self.recovered.notify_waiters();
            }
        }
        self.pace.learn(Load::Fine);
    }

    /// The same was asked of it twice at once: whether the second question was answered first.
    pub(crate) fn asked_again(&self, was_needed: bool) {
        self.lock().patience.learn(was_needed);
    }

    /// Waits until it answers, when it failed before. Counts from the call on.
    pub(crate) fn recovered(&self) -> OwnedNotified {
        self.recovered.clone().notified_owned()
    }

    /// Bytes of a body that did not come whole.
    pub(crate) fn received(&self, bytes: u64) {
        self.lock().bytes += bytes;
    }

    /// A request failed. `others` says whether another member could do the work: the only one is paced, not left alone at once.
    pub(crate) fn failed(&self, failure: &Failure, now: Instant) -> Change {
        let weight = weight(failure.kind);
        let opened = {
            let mut inner = self.lock();
            inner.failures += 1;
            // Who says "too many" would only say it again.
            inner.is_failing |= failure.verdict() == Verdict::Retry && failure.kind != FailureKind::Status(429);
            inner.last_failure = Some(failure.text.clone());
            if let Some(wait) = failure.retry_after.filter(|wait| !wait.is_zero()) {
                inner.hold_until = inner.hold_until.max(Some(now + wait));
            }
            if weight > 0 {
                inner.score.failed(weight, now);
            }
            if failure.kind.is_an_answer() {
                inner.breaker.succeeded().then_some(true)
            } else {
                inner.breaker.failed(weight, now).then_some(false)
            }
        };
        if let Some(load) = load(failure) {
            self.pace.learn(load);
        }
        opened
    }

    /// How it is doing, for people.
    pub(crate) fn status(&self, now: Instant) -> MemberStatus {
        let view = self.view(now);
        let inner = self.lock();
        MemberStatus {
            member: self.name.clone(),
            purpose: match self.purpose {
                Purpose::Pages => "pages",
                Purpose::Files => "files",
            },
            usable: view.usable_at(now).is_none() && view.permission == Permission::Yes,
            score: view.score,
            latency: view.median,
            rate: view.rate,
            running: view.load.0,
            limit: view.load.1,
            answers: inner.answers,
            failures: inner.failures,
            bytes: inner.bytes,
            last_failure: inner.last_failure.clone(),
        }
    }
}

/// For how many ordinary failures this kind counts. Where no connection comes about, asking again at once is pointless.
const fn weight(kind: FailureKind) -> u32 {
    match kind {
        _ if kind.is_an_answer() => 0,
        _ if kind.is_of_the_way() => POLICY.failures,
        FailureKind::Silent => POLICY.failures,
        FailureKind::Status(429) => 0,
        _ => match super::super::failure::classify(kind) {
            Verdict::Retry => 1,
            _ => 2,
        },
    }
}

/// What this kind says about the number of requests under way.
const fn load(failure: &Failure) -> Option<Load> {
    match failure.kind {
        FailureKind::Status(429 | 503) if failure.retry_after.is_some() => Some(Load::Later),
        FailureKind::Status(429 | 503) => Some(Load::TooMany),
        FailureKind::Broken | FailureKind::Truncated | FailureKind::Stalled | FailureKind::Silent => Some(Load::Lost),
        _ => None,
    }
}

/// A place among the requests to a member. Dropping it ends the turn.
#[derive(Debug)]
pub(crate) struct Turn {
    begun: Instant,
    _place: Place,
}

impl Turn {
    /// When the request began.
    pub(crate) const fn begun(&self) -> Instant {
        self.begun
    }
}
