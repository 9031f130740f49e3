//! What a fetcher does, shown while it does it, and summed up in the end.
//!
//! Everything goes to standard error: standard output belongs to the command that runs, or to its result.

mod bars;
mod lines;

use std::io::{self, IsTerminal};
use std::time::Duration;

use stratheal_core::fetch::{Event, Summary};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use crate::args::Common;
use crate::ci::Build;
use crate::output;
use bars::Bars;
use lines::Lines;

/// How often something is redrawn or looked at when nothing happens.
const BEAT: Duration = Duration::from_millis(250);

/// How progress is shown.
#[derive(Debug)]
pub(crate) enum Display {
    /// Not at all: somebody else has the terminal.
    Silent,
    /// Line by line.
    Lines(Lines),
    /// Bars on a terminal.
    Bars(Bars),
}

impl Display {
    /// What suits standard error.
    pub(crate) fn suitable(common: &Common, build: Build) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        if common.quiet {
            Self::Silent
        } else if io::stderr().is_terminal() && build == Build::Absent && !dumb {
            Self::Bars(Bars::new(common.verbose > 0))
        } else {
            Self::Lines(Lines::new(common.verbose > 0))
        }
    }

    /// Lines, also on a terminal.
    pub(crate) fn plain(common: &Common) -> Self {
        if common.quiet { Self::Silent } else { Self::Lines(Lines::new(common.verbose > 0)) }
    }

    fn show(&mut self, event: &Event, now: Instant) {
        match self {
            Self::Silent => {}
            Self::Lines(lines) => lines.add(event, now).iter().for_each(|line| output::say_plainly(line)),
            Self::Bars(bars) => bars.add(event),
        }
    }

    fn beat(&mut self, now: Instant) {
        match self {
            Self::Silent => {}
            Self::Lines(lines) => lines.due(now).iter().for_each(|line| output::say_plainly(line)),
            Self::Bars(bars) => bars.beat(),
        }
    }

    fn finish(self) {
        if let Self::Bars(bars) = self {
            bars.finish();
        }
    }
}

/// Follows a fetcher's events until it is told to finish.
#[derive(Debug)]
pub(crate) struct Progress {
    finish: oneshot::Sender<()>,
    task: JoinHandle<Summary>,
}

impl Progress {
    /// Begins to follow.
    pub(crate) fn follow(events: Receiver<Event>, display: Display) -> Self {
        let (finish, finished) = oneshot::channel();
        Self { finish, task: tokio::spawn(follow(events, display, finished)) }
    }

    /// Takes in what is still on its way, and sums up.
    pub(crate) async fn finish(self) -> Summary {
        // When the task has ended by itself, it has summed up already.
        let _ = self.finish.send(());
        self.task.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the summary is lost");
            Summary::default()
        })
    }
}

async fn follow(mut events: Receiver<Event>, mut display: Display, mut finished: oneshot::Receiver<()>) -> Summary {
    let mut summary = Summary::default();
    let mut beat = interval(BEAT);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => {
                    summary.add(&event);
                    display.show(&event, Instant::now());
                }
                Err(RecvError::Lagged(missed)) => summary.missed(missed),
                Err(RecvError::Closed) => break,
            },
            _ = beat.tick() => display.beat(Instant::now()),
            _ = &mut finished => break,
        }
    }
    loop {
        match events.try_recv() {
            Ok(event) => {
                summary.add(&event);
                display.show(&event, Instant::now());
            }
            Err(TryRecvError::Lagged(missed)) => summary.missed(missed),
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    display.finish();
    summary
}
