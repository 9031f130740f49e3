//! The state of one transfer, and its loop: wait, take note, decide, act.

use std::collections::BTreeMap;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::arriving::Arriving;
use super::growth::Growth;
use super::habits::Habits;
use super::landing::{Finish, Finished, Landing, LandingError, Opened};
use super::lane::{Lane, poll_lanes};
use super::place::Place;
use super::verdicts::{Trial, Wrong};
use super::window::Window;
use crate::fetch::places::Places;
use crate::fetch::shared::{Location, Shared};
use crate::fetch::totals::Count;
use crate::fetch::{Event, FetchError, FetchedFile, FileOrigin};
use crate::objects::{ContentId, PartKey, Ranges, Sent, Validators};

/// How often a transfer looks at itself.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Bytes that may wait for the disk before the network has to.
const BACKLOG: u64 = 8 << 20;

/// After this many deadlines a transfer ends, whatever it achieved meanwhile; a large file gets more.
const DEADLINES: u32 = 30;
/// Which rate a large file must reach to be had at all, in bytes a second.
const SLOWEST: u64 = 16 * 1024;

/// What is to be had.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) file: String,
    pub(super) expected: Option<ContentId>,
    /// What the index says where it gives no SHA-256.
    pub(super) digests: BTreeMap<String, String>,
    /// As the index says.
    pub(super) size: Option<u64>,
    pub(super) key: PartKey,
    /// Where it may be had, now and later.
    pub(super) places: Places,
}

/// Who said how large the file is. An index and a range are believed; a head can be of a file that was cut on its way to the
/// server, and an end can be one of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SizeFrom {
    Index,
    Range,
    Head,
    End,
}

/// One transfer.
pub(super) struct Transfer {
    pub(super) shared: Arc<Shared>,
    pub(super) habits: Arc<Habits>,
    pub(super) arriving: Arc<Arriving>,
    pub(super) wanted: Wanted,
    pub(super) landing: Landing,
    pub(super) places: Vec<Place>,
    pub(super) lanes: Vec<Lane>,
    pub(super) next_lane: u32,
    pub(super) present: Ranges,
    pub(super) sent: Vec<Sent>,
    pub(super) total: Option<(u64, SizeFrom)>,
    pub(super) validators: Validators,
    pub(super) trial: Trial,
    pub(super) growth: Growth,
    /// Failures in a row without a byte in between.
    pub(super) fruitless: u32,
    /// No new connection before this.
    pub(super) not_before: Instant,
    /// Ends by then, or earlier when a member answers somebody else again.
    pub(super) rest: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Places of members whose pages come only now: looked for once a place failed.
    pub(super) more: Pin<Box<dyn Future<Output = Vec<Location>> + Send>>,
    pub(super) awaits_more: bool,
    /// The most bytes there ever were, and how far bytes came that had been there before.
    pub(super) most: u64,
    pub(super) replayed: u64,
    pub(super) started: Instant,
    pub(super) progressed: Instant,
    pub(super) window: Window,
    /// Bytes that were there at the beginning, that crossed the network, and that were handed to the disk.
    pub(super) resumed: u64,
    pub(super) network: u64,
    pub(super) ordered: u64,
}

impl Transfer {
    pub(super) fn new(
        shared: Arc<Shared>,
        habits: Arc<Habits>,
        arriving: Arc<Arriving>,
        wanted: Wanted,
        locations: Vec<Location>,
        (landing, opened): (Landing, Opened),
    ) -> Self {
        let now = Instant::now();
        arriving.set_file(opened.file);
        let mut transfer = Self {
            shared,
            habits,
            arriving,
            total: wanted.size.map(|size| (size, SizeFrom::Index)),
            wanted,
            landing,
            places: locations.into_iter().map(Place::new).collect(),
            lanes: Vec::new(),
            next_lane: 0,
            present: opened.present,
            sent: opened.sent,
            validators: opened.validators,
            trial: Trial::default(),
            growth: Growth::new(now),
            fruitless: 0,
            not_before: now,
            rest: Box::pin(pending()),
            more: Box::pin(pending()),
            awaits_more: false,
            most: 0,
            replayed: 0,
            started: now,
            progressed: now,
            window: Window::new(now),
            resumed: 0,
            network: 0,
            ordered: 0,
        };
        transfer.take_over();
        transfer
    }

    /// Continues what an earlier process left, where that may be continued.
    fn take_over(&mut self) {
        if let (None, Some(total)) = (self.total, self.validators.total) {
            self.total = Some((total, SizeFrom::Head));
        }
        let too_long = self.total.is_some_and(|(total, _)| self.present.end() > total);
        let same_place = self.places.iter().any(|place| self.validators.from.as_deref() == Some(&*place.name));
        let may = self.wanted.expected.is_some() || (same_place && self.validator().is_some());
        if !self.present.is_empty() && (too_long || !may) {
            self.start_over();
        }
        self.resumed = self.present.total();
        self.most = self.resumed;
        self.shared.counters.add(Count::ResumedBytes, self.resumed);
        let (size, prefix) = (self.size(), self.present.prefix());
        self.arriving.tell(|status| (status.size, status.prefix) = (size, prefix));
        self.shared.tell(Event::FileStarted { file: self.wanted.file.clone(), size, resumed_at: self.resumed });
    }

    pub(super) fn size(&self) -> Option<u64> {
        self.total.map(|(total, _)| total)
    }

    /// Transfers the file.
    ///
    /// # Cancellation
    /// What arrived is written and recorded.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub(super) async fn run(mut self) -> Result<FetchedFile, FetchError> {
        let sleep = tokio::time::sleep_until(self.started);
        tokio::pin!(sleep);
        let mut tick = self.started + TICK;
        loop {
            if let Some(size) = self.size().filter(|size| self.present.prefix() >= *size) {
                if let Some(fetched) = self.finish(size).await? {
                    return Ok(fetched);
                }
                continue;
            }
            let now = Instant::now();
            self.check_time(now)?;
            let is_due = |lane: &mut Lane| lane.due.take_if(|due| *due <= now).is_some();
            let some_due = self.lanes.iter_mut().map(is_due).fold(false, |some, due| some | due);
            if now >= tick || some_due {
                self.look_around(now);
                tick = now + TICK;
            }
            self.fill(now)?;
            let due = self.lanes.iter().filter_map(|lane| lane.due).min();
            let not_before = Some(self.not_before).filter(|_| self.lanes.is_empty());
            let wake = due.into_iter().chain(not_before).fold(tick, Instant::min);
            if sleep.deadline() != wake {
                sleep.as_mut().reset(wake);
            }
            let first = self.next_lane as usize + self.network as usize;
            let has_room = self.ordered.saturating_sub(self.landing.landed.borrow().written) < BACKLOG;
            if !has_room {
                self.measure_later(now);
            }
            tokio::select! {
                (index, happened) = poll_fn(|cx| poll_lanes(&mut self.lanes, first, cx)), if has_room && !self.lanes.is_empty() => {
                    self.take_note(index, happened, Instant::now())?;
                }
                changed = self.landing.landed.changed() => self.landed(changed.is_ok())?,
                () = self.rest.as_mut() => {
                    self.not_before = now;
                    self.rest = Box::pin(pending());
                }
                found = self.more.as_mut() => self.take_places(found, Instant::now()),
                () = &mut sleep => {
                    if !has_room {
                        // The network is not to blame for what the disk takes.
                        let now = Instant::now();
                        self.lanes.iter_mut().for_each(|lane| lane.since = now);
                    }
                }
            }
        }
    }

    /// The disk's side moved on, or stopped.
    fn landed(&mut self, alive: bool) -> Result<(), FetchError> {
        let landed = self.landing.landed.borrow_and_update().clone();
        if let Some(error) = landed.failed {
            return Err(self.storage_error(error));
        }
        if !alive {
            return Err(FetchError::Store("the thread that writes ended".to_owned()));
        }
        self.arriving.tell(|status| {
            if status.epoch == landed.epoch {
                status.landed = landed.prefix;
            }
        });
        Ok(())
    }

    pub(super) fn storage_error(&self, error: LandingError) -> FetchError {
        match error {
            LandingError::DiskFull(_) => FetchError::DiskFull { folder: self.shared.cache.display().to_string() },
            LandingError::Storage(text) => FetchError::Store(text),
        }
    }

    fn check_time(&self, now: Instant) -> Result<(), FetchError> {
        let within = self.shared.deadline;
        let size = self.size().unwrap_or_default();
        let overall = (within * DEADLINES).saturating_add(Duration::from_secs(size / SLOWEST));
        let idle = now.saturating_duration_since(self.progressed);
        if idle < within && now.saturating_duration_since(self.started) < overall {
            return Ok(());
        }
        let within = if idle < within { overall } else { within };
        Err(FetchError::Deadline {
            wanted: self.wanted.file.clone(),
            within,
            attempts: self.attempts(),
            retry_after: None,
        })
    }

    /// All bytes are there. `None` when they are not the right ones, and another attempt is made.
    async fn finish(&mut self, size: u64) -> Result<Option<FetchedFile>, FetchError> {
        let now = Instant::now();
        while let Some(mut lane) = self.lanes.pop() {
            self.flush(&mut lane);
            self.learn_patience(&lane);
            self.leave(&lane, now);
        }
        let finish = Finish {
            size,
            expected: self.wanted.expected,
            digests: self.wanted.digests.clone(),
            name: self.wanted.file.clone(),
            from: self.sent.first().map(|sent| sent.from.to_string()).unwrap_or_default(),
        };
        match self.landing.finish(finish).await {
            Finished::Stored { id, path } => Ok(Some(self.stored(id, path, size))),
            Finished::Mismatch { got } => self.wrong(&Wrong::Sha256(got)).map(|()| None),
            Finished::OtherDigest(other) => self.wrong(&Wrong::Digest(other)).map(|()| None),
            Finished::NotWhole(problem) => self.wrong(&Wrong::NotWhole(problem)).map(|()| None),
            Finished::Failed(error) => Err(self.storage_error(error)),
        }
    }

    fn stored(&mut self, id: ContentId, path: std::path::PathBuf, size: u64) -> FetchedFile {
        self.blame_others();
        self.remember_growth();
        let origin = FileOrigin::Members(self.hosts());
        self.shared.counters.add(Count::FilesFetched, 1);
        self.shared.tell(Event::FileProgress { file: self.wanted.file.clone(), received: size });
        self.shared.tell(Event::FileDone {
            file: self.wanted.file.clone(),
            size,
            origin: origin.clone(),
            transferred: self.network,
            took: self.started.elapsed(),
        });
        tracing::debug!(
            file = self.wanted.file,
            size,
            network = self.network,
            resumed = self.resumed,
            "a file is there"
        );
        FetchedFile { path, id, size, origin }
    }

    /// Forgets what arrived.
    pub(super) fn start_over(&mut self) {
        self.lanes.clear();
        self.present = Ranges::default();
        self.sent.clear();
        self.validators = Validators::default();
        self.total = self.wanted.size.map(|size| (size, SizeFrom::Index));
        self.growth = Growth::new(Instant::now());
        self.trial.tail_asked = false;
        self.resumed = 0;
        for place in &mut self.places {
            place.other_sizes = 0;
        }
        self.landing.restart();
        self.arriving.restart();
        let size = self.size();
        self.arriving.tell(|status| status.size = size);
    }
}

impl Drop for Transfer {
    /// What arrived and is not written yet would be had again by the next transfer.
    fn drop(&mut self) {
        for mut lane in std::mem::take(&mut self.lanes) {
            self.flush(&mut lane);
        }
        self.landing.record();
    }
}
