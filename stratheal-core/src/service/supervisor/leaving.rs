//! The end: everything is stopped, each service after those that need it.
//!
//! It comes within a bound, whatever a service does. What could not be stopped by then is named.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::actor::Actor;
use super::entry::Entry;
use super::event::What;
use crate::model::ServiceId;
use crate::service::outside::MANAGER;
use crate::service::protocol::Request;
use crate::service::spec::How;
use crate::service::state::{Input, ServiceState, StoppedBy};

/// How long the keeper may take to end.
const LAST_NEWS: Duration = Duration::from_secs(20);
/// How much longer than it says a stop may take, before it counts as one that failed: the keeper kills what does not stop, and tells
/// who cannot be killed; a service that looks after itself is asked how it is.
const BEYOND: Duration = Duration::from_secs(30);

/// Everything is being stopped.
#[derive(Debug)]
pub(super) struct Leaving {
    /// Who waits for it.
    reply: oneshot::Sender<Vec<ServiceId>>,
    /// When what is being stopped now counts as what cannot be stopped.
    until: Instant,
}

/// Waits until then; for ever when nobody leaves.
pub(super) async fn time_is_over(leaving: Option<&Leaving>) {
    match leaving {
        Some(leaving) => tokio::time::sleep_until(leaving.until).await,
        None => std::future::pending().await,
    }
}

pub(super) fn done(reply: oneshot::Sender<Vec<ServiceId>>, left: Vec<ServiceId>) {
    if reply.send(left).is_err() {
        tracing::debug!("whoever asked the supervisor to stop has gone");
    }
}

/// Whether something of it is still to be stopped.
fn is_pending(entry: &Entry) -> bool {
    !entry.machine.is_quiet() && entry.not_stopped.is_none()
}

/// How long the stop of a service may take in all.
pub(super) fn stop_limit(entry: &Entry) -> Duration {
    let spec = &entry.running;
    let manager = if matches!(spec.how, How::Unit { .. }) { MANAGER } else { Duration::ZERO };
    // What is being started is not stopped before that is over.
    let start = if entry.machine.is_launching() { entry.spec.start_timeout } else { Duration::ZERO };
    start + manager + spec.stop_timeout * 2 + BEYOND
}

impl Actor {
    pub(super) fn begin_to_leave(&mut self, reply: oneshot::Sender<Vec<ServiceId>>) {
        for entry in self.entries.values_mut() {
            // What could not be stopped before is tried once more.
            entry.not_stopped = None;
        }
        self.leaving = Some(Leaving { reply, until: Instant::now() });
        self.renew();
    }

    /// What is being stopped has its time from now on.
    fn renew(&mut self) {
        let longest = self.entries.values().filter(|entry| is_pending(entry)).map(stop_limit).max();
        if let Some(leaving) = &mut self.leaving {
            leaving.until = Instant::now() + longest.unwrap_or_default();
        }
    }

    /// Stops whatever nothing else needs any more. Answers whether nothing is left to be stopped.
    pub(super) fn stop_next(&mut self) -> bool {
        let pending = self.entries.values().filter(|entry| is_pending(entry));
        let needed: HashSet<ServiceId> = pending.flat_map(|entry| entry.spec.depends_on.clone()).collect();
        let stop = |(id, entry): (&ServiceId, &Entry)| {
            let wanted = is_pending(entry) && !needed.contains(id) && *entry.machine.state() != ServiceState::Stopping;
            wanted.then(|| id.clone())
        };
        let stop: Vec<ServiceId> = self.entries.iter().filter_map(stop).collect();
        if !stop.is_empty() {
            self.renew();
        }
        for id in stop {
            self.drive(id, Input::Stop(StoppedBy::Engine));
        }
        !self.entries.values().any(is_pending)
    }

    /// What is being stopped and has not gone in its time is not waited for any longer.
    pub(super) fn give_up(&mut self) {
        let late = |(id, entry): (&ServiceId, &Entry)| {
            (is_pending(entry) && *entry.machine.state() == ServiceState::Stopping).then(|| id.clone())
        };
        let late: Vec<ServiceId> = self.entries.iter().filter_map(late).collect();
        for id in late {
            let why = "it is not known to have gone in its time".to_owned();
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.not_stopped = Some(why.clone());
            }
            self.tell(&id, What::NotStopped { why });
        }
        self.renew();
    }

    /// The last that is done: the keeper ends, and what is left is named.
    pub(super) async fn leave(mut self) {
        let left =
            self.entries.iter().filter(|(_, entry)| !entry.machine.is_quiet()).map(|(id, _)| id.clone()).collect();
        if let Some(link) = self.link.take() {
            let mut news = self.news.take();
            // Until it hangs up, which it does when it has ended.
            let hangs_up = async {
                while let Some(news) = &mut news
                    && news.recv().await.is_some()
                {}
            };
            let ended = async { tokio::join!(link.ask(Request::End { stop: true }), hangs_up) };
            if tokio::time::timeout(LAST_NEWS, ended).await.is_err() {
                tracing::error!("the keeper does not end");
            }
        }
        if let Some(leaving) = self.leaving.take() {
            done(leaving.reply, left);
        }
    }
}
