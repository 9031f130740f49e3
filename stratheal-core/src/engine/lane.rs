//! Lanes: threads with a small runtime each, on which checks run.
//!
//! A check that blocks its thread stops everything else on that thread. So each lane shows which check it is polling, the scheduler
//! looks at that every few milliseconds, and a lane that still polls the same thing at the next look is *blocked*: it gets no new
//! runs, a replacement is started, and runs that have not begun are moved. If that goes on it is *stalled*: then the check is named,
//! and everything else is moved, too. When the lane comes back it is used again, or ends if there are enough lanes without it.
//!
//! Waking a thread costs more than a short check does. So runs are handed over together at the end of a pass of the scheduler, and a
//! lane wakes the scheduler when it has nothing left to do, not for each result (see [`Outbox`]). Runs that only wait for somebody
//! else need no lane: they are polled by the scheduler's own runtime, at *home*.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use futures::future::{AbortHandle, Abortable, abortable};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::outbox::Outbox;

/// Shows what a lane is polling. Written by the lane, read by the scheduler.
#[derive(Debug, Default)]
struct Gauge {
    /// The check's number plus one in the low half, a count of polls in the high half; zero in between.
    polling: AtomicU64,
    polls: AtomicU64,
}

impl Gauge {
    fn enter(&self, check: u32) {
        let count = self.polls.load(Ordering::Relaxed).wrapping_add(1);
        self.polls.store(count, Ordering::Relaxed);
        self.polling.store(count << 32 | (u64::from(check) + 1), Ordering::Relaxed);
    }

    fn leave(&self) {
        self.polling.store(0, Ordering::Relaxed);
    }
}

/// A run, which shows on the gauge of its lane while it is polled or dropped.
struct Watched {
    gauge: Arc<Gauge>,
    check: u32,
    run: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Future for Watched {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(run) = &mut this.run else { return Poll::Ready(()) };
        this.gauge.enter(this.check);
        let poll = run.as_mut().poll(cx);
        this.gauge.leave();
        poll
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // Dropping a run can block as well as polling it.
        self.gauge.enter(self.check);
        self.run = None;
        self.gauge.leave();
    }
}

/// A place where a run is.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) lane: u32,
    pub(crate) abort: AbortHandle,
}

/// A check that was found blocking a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Blocked {
    pub(crate) lane: u32,
    pub(crate) check: u32,
    pub(crate) since: Instant,
    /// Whether it lasts too long to be the machine's doing.
    pub(crate) stalled: bool,
}

struct Lane {
    number: u32,
    handle: Handle,
    gauge: Arc<Gauge>,
    seen: u64,
    blocked: Option<Blocked>,
    running: usize,
    /// Runs that are not handed over yet.
    waiting: Vec<Abortable<Watched>>,
    /// Ends the thread when dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// All lanes.
pub(crate) struct Lanes {
    /// `None`: runs are spawned on the runtime of the scheduler itself, as tests with a paused clock need it.
    wanted: Option<usize>,
    all: Vec<Lane>,
    numbered: u32,
    turn: usize,
    looked: Option<Instant>,
    outbox: Arc<Outbox>,
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").field("lanes", &self.all.len()).finish_non_exhaustive()
    }
}

impl Lanes {
    /// The number of no lane: the runtime of the scheduler itself.
    pub(crate) const HOME: u32 = u32::MAX;

    /// How often the scheduler looks while something runs. Two looks find a blocked lane.
    pub(crate) const LOOK: Duration = Duration::from_millis(15);

    /// A blocked lane is stalled after this. On a busy machine a thread can lose its processor for tens of milliseconds.
    const STALLED: Duration = Duration::from_millis(250);

    /// So many lanes may be blocked before no further replacement is started.
    const MAX_BLOCKED: usize = 32;

    /// Lanes with threads of their own.
    pub(crate) fn threads(count: usize) -> io::Result<Self> {
        let mut lanes = Self { wanted: Some(count.max(1)), ..Self::none() };
        for _ in 0..count.max(1) {
            lanes.start()?;
        }
        Ok(lanes)
    }

    /// One lane that is the current runtime.
    pub(crate) fn here() -> Self {
        let lane = Lane {
            number: 0,
            handle: Handle::current(),
            gauge: Arc::default(),
            seen: 0,
            blocked: None,
            running: 0,
            waiting: Vec::new(),
            stop: None,
            thread: None,
        };
        Self { all: vec![lane], numbered: 1, outbox: Arc::new(Outbox::eager()), ..Self::none() }
    }

    fn start(&mut self) -> io::Result<()> {
        let outbox = self.outbox.clone();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().on_thread_park(move || outbox.tell()).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let number = self.numbered;
        let thread = std::thread::Builder::new().name(format!("stratheal-{number}")).spawn(move || {
            // Either way the lane is to end: told to, or its owner is gone.
            drop(runtime.block_on(stopped));
            // Dropping the runtime drops what still runs on it.
            drop(runtime);
        })?;
        self.numbered += 1;
        self.all.push(Lane {
            number,
            handle,
            gauge: Arc::default(),
            seen: 0,
            blocked: None,
            running: 0,
            waiting: Vec::new(),
            stop: Some(stop),
            thread: Some(thread),
        });
        Ok(())
    }

    /// The lane for the next run: in turn, leaving out blocked ones.
    pub(crate) fn next_lane(&mut self) -> u32 {
        let count = self.all.len();
        self.turn = self.turn.wrapping_add(1);
        let mut in_turn = (0..count).map(|step| &self.all[(self.turn + step) % count]);
        // With every lane blocked and no replacement to be had, the run waits for whichever comes back.
        let free = in_turn.find(|lane| lane.blocked.is_none());
        free.map_or(self.all[self.turn % count].number, |lane| lane.number)
    }

    /// Where the runs on these lanes put their ends.
    pub(crate) fn outbox(&self) -> Arc<Outbox> {
        self.outbox.clone()
    }

    /// Puts a run on a lane, where it starts after [`Self::hand_over`], or on the runtime of the scheduler, from which this is called.
    pub(crate) fn spawn(
        &mut self,
        number: u32,
        check: u32,
        run: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        if number == Self::HOME {
            let (run, abort) = abortable(run);
            drop(tokio::spawn(run));
            return abort;
        }
        let place = self.all.iter().position(|lane| lane.number == number).unwrap_or_default();
        let lane = &mut self.all[place];
        lane.running += 1;
        let watched = Watched { gauge: lane.gauge.clone(), check, run: Some(Box::pin(run)) };
        let (abort, registration) = AbortHandle::new_pair();
        lane.waiting.push(Abortable::new(watched, registration));
        abort
    }

    /// Starts what was put on the lanes, waking each at most once.
    pub(crate) fn hand_over(&mut self) {
        for lane in &mut self.all {
            if lane.waiting.len() > 1 && lane.thread.is_some() {
                let runs = std::mem::take(&mut lane.waiting);
                lane.handle.spawn(async move {
                    for run in runs {
                        tokio::spawn(run);
                    }
                });
            } else {
                lane.waiting.drain(..).for_each(|run| drop(lane.handle.spawn(run)));
            }
        }
    }

    /// A run on this lane is over.
    pub(crate) fn ended(&mut self, number: u32) {
        if let Some(lane) = self.all.iter_mut().find(|lane| lane.number == number) {
            lane.running = lane.running.saturating_sub(1);
        }
    }

    /// Looks at every lane, if it is time; those that became blocked or stalled since the last look.
    pub(crate) fn look(&mut self, now: Instant) -> Vec<Blocked> {
        let mut found = Vec::new();
        let early = self.looked.is_some_and(|looked| now < looked + Self::LOOK);
        if self.wanted.is_none() || early {
            return found;
        }
        self.looked = Some(now);
        for lane in &mut self.all {
            let polling = lane.gauge.polling.load(Ordering::Relaxed);
            let same = polling != 0 && polling == std::mem::replace(&mut lane.seen, polling);
            match &mut lane.blocked {
                blocked if !same => *blocked = None,
                Some(blocked) if !blocked.stalled && now >= blocked.since + Self::STALLED => {
                    blocked.stalled = true;
                    found.push(*blocked);
                }
                Some(_) => {}
                None => {
                    let check = check_of(polling);
                    let blocked = Blocked { lane: lane.number, check, since: now, stalled: false };
                    lane.blocked = Some(blocked);
                    found.push(blocked);
                }
            }
        }
        self.keep_enough();
        found
    }

    /// Starts lanes while too few are free, ends those that are too many.
    fn keep_enough(&mut self) {
        let Some(wanted) = self.wanted else { return };
        let free = |lanes: &[Lane]| lanes.iter().filter(|lane| lane.blocked.is_none()).count();
        while free(&self.all) < wanted && self.all.len() - free(&self.all) <= Self::MAX_BLOCKED {
            if let Err(error) = self.start() {
                tracing::error!(%error, "no thread to replace a blocked one");
                break;
            }
        }
        while free(&self.all) > wanted {
            let idle = self.all.iter().position(|lane| lane.blocked.is_none() && lane.running == 0);
            let Some(place) = idle else { break };
            // Its thread ends by itself; nothing of it is running.
            drop(self.all.swap_remove(place));
        }
    }

    /// The checks that stall a lane now, and since when.
    pub(crate) fn stalling(&self) -> impl Iterator<Item = (u32, Instant)> + '_ {
        let blocked = self.all.iter().filter_map(|lane| lane.blocked);
        blocked.filter(|blocked| blocked.stalled).map(|blocked| (blocked.check, blocked.since))
    }

    /// No lanes, for an engine that has stopped.
    pub(crate) fn none() -> Self {
        Self { wanted: None, all: Vec::new(), numbered: 0, turn: 0, looked: None, outbox: Arc::default() }
    }

    /// Ends all lanes; the checks whose threads do not end. Nothing can stop those, so they are left behind.
    pub(crate) async fn shut_down(mut self) -> Vec<u32> {
        for lane in &mut self.all {
            drop(lane.stop.take());
        }
        let running = |lane: &Lane| lane.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        let limit = Instant::now() + Self::STALLED;
        while self.all.iter().any(running) && Instant::now() < limit {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let left = self.all.iter().filter(|lane| running(lane));
        let polling = left.map(|lane| lane.gauge.polling.load(Ordering::Relaxed)).filter(|polling| *polling != 0);
        polling.map(check_of).collect()
    }
}

/// The check that a gauge shows.
const fn check_of(polling: u64) -> u32 {
    (polling & u32::MAX as u64) as u32 - 1
}
