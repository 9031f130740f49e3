//! What happens while an operation goes on, kept until somebody in Python asks.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use stratheal_core::fetch::{Event, FileOrigin};
use stratheal_core::installer::{Holder, InstallEvent, Installer};
use stratheal_core::snapshot::{Moment, SnapshotEvent, Snapshots};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// The most that is kept. Whoever is slower misses the oldest.
const MOST: usize = 1024;

/// What happened, of what, bytes that are there, and the size.
pub(crate) type Told = (&'static str, String, Option<u64>, Option<u64>);

/// What was told and not yet taken.
#[derive(Debug, Default)]
pub(crate) struct Telling(Mutex<VecDeque<Told>>);

impl Telling {
    fn add(&self, told: Told) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of a file that goes on arriving only the last word counts.
        if let Some(last) = kept.back_mut().filter(|last| last.0 == "fetching" && last.0 == told.0 && last.1 == told.1)
        {
            last.2 = told.2;
            return;
        }
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back(told);
    }

    pub(crate) fn take(&self) -> Vec<Told> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }

    /// Does the work of an installer, and keeps what it tells meanwhile.
    pub(crate) async fn of_installer<T>(&self, installer: &Installer, work: impl Future<Output = T>) -> T {
        let (mut said, mut fetched) = (installer.events(), installer.fetcher().events());
        let mut work = pin!(work);
        let done = loop {
            tokio::select! {
                biased;
                event = next(&mut said) => self.add_install(event),
                event = next(&mut fetched) => self.add_fetch(event),
                done = &mut work => break done,
            }
        };
        // What was told at the very end.
        while let Ok(event) = said.try_recv() {
            self.add_install(event);
        }
        while let Ok(event) = fetched.try_recv() {
            self.add_fetch(event);
        }
        done
    }

    /// Does the work of snapshots, and keeps what they tell meanwhile.
    pub(crate) async fn of_snapshots<T>(&self, snapshots: &Snapshots, work: impl Future<Output = T>) -> T {
        let mut said = snapshots.events();
        let mut work = pin!(work);
        let done = loop {
            tokio::select! {
                biased;
                event = next(&mut said) => self.add_snapshot(event),
                done = &mut work => break done,
            }
        };
        while let Ok(event) = said.try_recv() {
            self.add_snapshot(event);
        }
        done
    }

    fn say(&self, step: &'static str, what: impl Into<String>) {
        self.add((step, what.into(), None, None));
    }

    fn say_waiting(&self, holder: Option<Holder>) {
        self.say("waiting", holder.map_or_else(|| "another process".to_owned(), |holder| holder.work));
    }

    fn add_install(&self, event: InstallEvent) {
        match event {
            InstallEvent::Waiting { holder } => self.say_waiting(holder),
            InstallEvent::Resolving { engine } => self.say("resolving", engine),
            InstallEvent::Building { what } => self.say("building", what),
            InstallEvent::Preparing { wheels } => self.say("preparing", wheels.to_string()),
            InstallEvent::Prepared { wheel } => self.say("prepared", wheel),
            InstallEvent::Change { moment } => self.say("changing", word(moment)),
            _ => {}
        }
    }

    fn add_fetch(&self, event: Event) {
        match event {
            Event::FileStarted { file, size, resumed_at } => self.add(("fetching", file, Some(resumed_at), size)),
            Event::FileProgress { file, received } => self.add(("fetching", file, Some(received), None)),
            Event::FileDone { origin: FileOrigin::Store, .. } => {}
            Event::FileDone { file, size, .. } => self.add(("fetched", file, Some(size), Some(size))),
            Event::Trouble { member, problem, .. } => self.say("trouble", format!("{member} {problem}")),
            _ => {}
        }
    }

    fn add_snapshot(&self, event: SnapshotEvent) {
        match event {
            SnapshotEvent::Waiting { holder } => self.say_waiting(holder),
            SnapshotEvent::Moment { moment } => self.say(
                "changing",
                match moment {
                    Moment::Switch { moment } => word(moment),
                    Moment::Looking => "looking".to_owned(),
                    Moment::Reading { .. } => "reading".to_owned(),
                    Moment::Keeping => "keeping".to_owned(),
                    Moment::Building { .. } => "building".to_owned(),
                    Moment::Checking => "checking".to_owned(),
                    _ => "cleaning".to_owned(),
                },
            ),
            _ => {}
        }
    }
}

fn word(moment: stratheal_core::installer::Moment) -> String {
    serde_json::to_value(moment).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The next event. One who waits for ever loses nothing: the others end the waiting.
async fn next<T: Clone>(events: &mut Receiver<T>) -> T {
    loop {
        match events.recv().await {
            Ok(event) => return event,
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
