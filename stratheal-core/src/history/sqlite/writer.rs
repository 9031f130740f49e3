//! The thread that writes.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::file;
use super::inbox::{Batch, Ledger, Outlet};
use super::store::Store;
use super::trouble::{Trouble, delay};
use super::turn::{GATHER, Situation, Turn, next_turn};
use crate::base::clock::Clock;
use crate::history::retention::{Kind, Retention, next_deletion};

/// How often old rows are looked for.
const UPKEEP: Duration = Duration::from_mins(5);
/// How long people can see that something was lost.
const NOTICE: Duration = Duration::from_mins(10);
/// How long the end may take.
pub(super) const LAST: Duration = Duration::from_secs(2);
/// Deletions between two writes: enough to make room for more than one write can need.
const DELETIONS: usize = 16;

/// Everything the thread owns.
#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    policy: Retention,
    clock: Arc<dyn Clock>,
    outlet: Outlet,
    ledger: Arc<Ledger>,
    in_place: Arc<RwLock<()>>,
    store: Option<Store>,
    batch: Batch,
    since: Option<Instant>,
    upkeep_at: Instant,
    failures: u32,
    retry_at: Option<Instant>,
    trouble: Option<String>,
    notice: Option<(String, Instant)>,
    ends_at: Option<Instant>,
}

/// What a writer works with.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) path: PathBuf,
    pub(super) policy: Retention,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) outlet: Outlet,
    pub(super) ledger: Arc<Ledger>,
    pub(super) in_place: Arc<RwLock<()>>,
}

impl Writer {
    /// Opens the file. Trouble that may pass is no reason not to begin.
    pub(super) fn begin(parts: Parts) -> Result<Self, Trouble> {
        let Parts { path, policy, clock, outlet, ledger, in_place } = parts;
        let mut writer = Self {
            path,
            policy,
            clock,
            outlet,
            ledger,
            in_place,
            store: None,
            batch: Batch::default(),
            since: None,
            upkeep_at: Instant::now(),
            failures: 0,
            retry_at: None,
            trouble: None,
            notice: None,
            ends_at: None,
        };
        match writer.open() {
            Err(trouble) if trouble.may_pass() => writer.failed(&trouble),
            result => result?,
        }
        if writer.store.as_ref().is_some_and(Store::is_unclean) {
            writer.ledger.suspect.store(true, Ordering::SeqCst);
        }
        Ok(writer)
    }

    /// Works until the end is asked for.
    pub(super) fn run(mut self) {
        loop {
            if self.ends_at.is_none() && self.ledger.stop.load(Ordering::SeqCst) {
                self.ends_at = Some(Instant::now() + LAST);
                // One last try, whatever went wrong before.
                self.retry_at = None;
            }
            self.fill();
            match next_turn(&self.situation(), Instant::now()) {
                Turn::Write => self.write(),
                Turn::Upkeep => self.upkeep(),
                Turn::ClearNotice => {
                    self.notice = None;
                    self.publish();
                }
                Turn::Wait(time) => self.wait(time),
                Turn::End => break,
            }
        }
        self.give_up_rest();
    }

    fn fill(&mut self) {
        self.outlet.fill(&mut self.batch);
        if !self.batch.is_empty() && self.since.is_none() {
            self.since = Some(Instant::now());
        }
    }

    fn situation(&self) -> Situation {
        let suspect = self.ledger.suspect.load(Ordering::SeqCst);
        Situation {
            since: self.since,
            urgent: self.batch.is_full() || self.ledger.hurry.load(Ordering::SeqCst),
            retry_at: self.retry_at,
            upkeep_at: if suspect { Instant::now() } else { self.upkeep_at },
            notice_until: self.notice.as_ref().map(|(_, until)| *until),
            ends_at: self.ends_at,
        }
    }

    fn wait(&mut self, time: Duration) {
        if self.since.is_some() {
            std::thread::park_timeout(time);
            return;
        }
        // Nobody waits for what is not there.
        self.ledger.hurry.store(false, Ordering::SeqCst);
        self.ledger.idle.store(true, Ordering::SeqCst);
        std::sync::atomic::fence(Ordering::SeqCst);
        // What came before the flag was set woke nobody.
        self.fill();
        if self.since.is_none() && !self.ledger.stop.load(Ordering::SeqCst) {
            std::thread::park_timeout(time);
        }
        self.ledger.idle.store(false, Ordering::SeqCst);
    }

    fn write(&mut self) {
        self.ledger.hurry.store(false, Ordering::SeqCst);
        match self.try_write() {
            Ok(()) => {}
            Err(Trouble::Fault(problem)) => {
                tracing::error!(path = %self.path.display(), %problem, "entries of the history cannot be written and are dropped");
                self.ledger.drop_entries(self.batch.runs.len() + self.batch.changes.len());
                self.store = None;
            }
            Err(trouble) => return self.failed(&trouble),
        }
        // Whoever waits for the entries sees that all is well again.
        self.recovered();
        self.settle();
        if let Err(trouble) = self.make_room() {
            self.failed(&trouble);
        }
    }

    fn try_write(&mut self) -> Result<(), Trouble> {
        match self.write_once() {
            Err(Trouble::Damaged(problem)) => {
                self.replace(&problem)?;
                self.write_once()
            }
            Err(Trouble::Overfull) => {
                self.delete()?;
                match self.write_once() {
                    Err(Trouble::Overfull) => {
                        // There is no room for runs even so; changes are small and few.
                        self.ledger.drop_entries(self.batch.runs.len());
                        self.ledger.settle(self.batch.runs.len(), 0);
                        self.batch.runs.clear();
                        self.write_once()
                    }
                    result => result,
                }
            }
            result => result,
        }
    }

    fn write_once(&mut self) -> Result<(), Trouble> {
        self.open()?;
        match &mut self.store {
            Some(store) => store.write(&self.batch),
            None => Err(Trouble::Gone),
        }
    }

    fn settle(&mut self) {
        self.ledger.settle(self.batch.runs.len(), self.batch.changes.len());
        self.batch.clear();
        self.since = None;
    }

    /// Makes sure that the file is open, and still the one with the name.
    fn open(&mut self) -> Result<(), Trouble> {
        match self.store.as_ref().map(Store::check_place) {
            Some(Ok(())) => return Ok(()),
            Some(Err(Trouble::Gone)) => {
                // Closed before another is opened: closing removes the log that has its name.
                self.store = None;
                tracing::error!(path = %self.path.display(), "the history was deleted or replaced while it was written");
                self.tell("the file was deleted or replaced while it was written; a new one is begun".to_owned());
            }
            Some(Err(trouble)) => return Err(trouble),
            None => {}
        }
        let store = match Store::open(&self.path, self.policy.max_size) {
            Err(Trouble::Damaged(problem)) => {
                self.replace(&problem)?;
                Store::open(&self.path, self.policy.max_size)?
            }
            result => result?,
        };
        self.store = Some(store);
        Ok(())
    }

    /// Puts a damaged file aside, so that a new one can be begun.
    fn replace(&mut self, problem: &str) -> Result<(), Trouble> {
        self.store = None;
        let place = {
            // A reader that has the file open but not yet its log would find the log of the next file.
            let _in_place = self.in_place.write().unwrap_or_else(PoisonError::into_inner);
            file::set_aside(&self.path, self.clock.now())?
        };
        tracing::error!(path = %self.path.display(), aside = %place.display(), %problem, "the history is damaged; a new one is begun");
        self.tell(format!("the file was damaged ({problem}) and was moved to {}; a new one is begun", place.display()));
        Ok(())
    }

    /// Deletes what is too old or too much. Says whether there is more of it.
    fn delete(&mut self) -> Result<bool, Trouble> {
        self.open()?;
        let Some(store) = &mut self.store else { return Ok(false) };
        let now = self.clock.now();
        let mut checks_may_be_gone = false;
        let mut more = true;
        for _ in 0..DELETIONS {
            let Some(deletion) = next_deletion(&self.policy, &store.stock()?, now) else {
                more = false;
                break;
            };
            store.delete(deletion)?;
            checks_may_be_gone |= matches!(deletion.kind(), Kind::Daily | Kind::Transitions);
        }
        if checks_may_be_gone {
            store.forget_checks()?;
        }
        Ok(more)
    }

    fn make_room(&mut self) -> Result<(), Trouble> {
        if let Some(store) = &self.store
            && store.is_tight(&self.policy)?
        {
            self.delete()?;
        }
        Ok(())
    }

    fn upkeep(&mut self) {
        match self.try_upkeep() {
            // A write may come in between.
            Ok(true) => self.upkeep_at = Instant::now() + GATHER / 10,
            Ok(false) => self.upkeep_at = Instant::now() + UPKEEP,
            Err(trouble) => return self.failed(&trouble),
        }
        self.recovered();
    }

    fn try_upkeep(&mut self) -> Result<bool, Trouble> {
        self.open()?;
        if self.ledger.suspect.swap(false, Ordering::SeqCst)
            && let Some(Err(trouble)) = self.store.as_ref().map(Store::inspect)
        {
            return Err(trouble);
        }
        let more = self.delete()?;
        let shrinks = self.store.as_ref().map_or(Ok(false), Store::shrink)?;
        Ok(more || shrinks)
    }

    fn failed(&mut self, trouble: &Trouble) {
        let text = match trouble {
            Trouble::Damaged(problem) => match self.replace(problem) {
                // The next try goes to the new file.
                Ok(()) => return,
                Err(worse) => worse.to_string(),
            },
            trouble => trouble.to_string(),
        };
        self.store = None;
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(Instant::now() + delay(self.failures));
        let text = format!("{text} ({})", self.path.display());
        if self.trouble.as_ref() != Some(&text) {
            tracing::error!(problem = %text, "the history is not recorded");
        }
        self.trouble = Some(text);
        self.publish();
    }

    fn recovered(&mut self) {
        self.failures = 0;
        self.retry_at = None;
        if self.trouble.take().is_some() {
            let dropped = self.ledger.dropped.load(Ordering::Relaxed);
            tracing::info!(path = %self.path.display(), dropped, "the history is recorded again");
        }
        self.publish();
    }

    fn tell(&mut self, notice: String) {
        self.notice = Some((notice, Instant::now() + NOTICE));
        self.publish();
    }

    fn publish(&self) {
        let failing = self.trouble.as_ref().or(self.notice.as_ref().map(|(notice, _)| notice));
        if failing != self.ledger.failing.load().as_deref() {
            self.ledger.failing.store(failing.cloned().map(Arc::new));
        }
        if let Some(store) = &self.store {
            self.ledger.bytes.store(store.bytes(), Ordering::Relaxed);
        }
    }

    /// Counts what will not be written any more.
    fn give_up_rest(mut self) {
        let mut lost = 0;
        loop {
            lost += self.batch.runs.len() + self.batch.changes.len();
            self.batch.clear();
            self.outlet.fill(&mut self.batch);
            if self.batch.is_empty() {
                break;
            }
        }
        if lost > 0 {
            self.ledger.drop_entries(lost);
            tracing::error!(path = %self.path.display(), lost, "the last entries of the history could not be written");
        }
        // Closing empties the log into the file.
        self.store = None;
    }
}
