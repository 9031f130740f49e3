//! Who has a place: connections that asked for something have one of many, and those that did not yet wait beside them.
//!
//! A connection that sends no request, or half of one, costs its sender nothing. So it takes no place from clients: it has a few
//! seconds, and when too many wait the oldest goes.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{AcquireError, OnceCell, OwnedSemaphorePermit, Semaphore, oneshot};

/// Connections served at the same time; further ones wait in the system's queue. uv opens 50 for downloads, plus as many for builds.
const SERVED: u32 = 512;
/// Connections that have not asked for anything yet.
const WAITING: usize = 256;
/// All of them, those that asked and wait to be served included.
const ALL: usize = SERVED as usize + 2 * WAITING;

/// The places of a server.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    served: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// The oldest first.
    connections: VecDeque<(u64, oneshot::Sender<()>)>,
}

/// Permission to accept a connection.
pub(super) type Ticket = Result<OwnedSemaphorePermit, AcquireError>;

impl Places {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(ALL)),
            served: Arc::new(Semaphore::new(SERVED as usize)),
            waiting: Mutex::default(),
        })
    }

    /// Waits until one more connection may be accepted.
    pub(super) async fn ticket(&self) -> Ticket {
        self.all.clone().acquire_owned().await
    }

    /// The place of a new connection, which has asked for nothing yet.
    pub(super) fn place(self: &Arc<Self>, ticket: Ticket) -> (Place, Doubt) {
        let (goes, doubt) = oneshot::channel();
        let mut waiting = self.waiting();
        let number = waiting.next;
        waiting.next += 1;
        waiting.connections.push_back((number, goes));
        if waiting.connections.len() > WAITING
            && let Some((_, oldest)) = waiting.connections.pop_front()
        {
            // It fails when that connection has just ended by itself.
            let _ = oldest.send(());
        }
        drop(waiting);
        (Place { places: self.clone(), number, served: OnceCell::new(), _ticket: ticket }, Doubt(doubt))
    }

    /// Waits until nobody is served any more.
    pub(super) async fn empty(&self) {
        // It fails when it is closed, which it never is.
        let _ = self.served.acquire_many(SERVED).await;
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, number: u64) {
        self.waiting().connections.retain(|(known, _)| *known != number);
    }
}

/// The place of one connection, as long as it lasts.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    served: OnceCell<Ticket>,
    _ticket: Ticket,
}

impl Place {
    /// The connection has asked for something: from now on it is served.
    pub(super) async fn asked(&self) {
        self.places.leave(self.number);
        self.served.get_or_init(|| self.places.served.clone().acquire_owned()).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.leave(self.number);
    }
}

/// Whether a connection is worth waiting for.
#[derive(Debug)]
pub(super) struct Doubt(oneshot::Receiver<()>);

impl Doubt {
    /// Completes when the connection has to go: after this time, or to make room. Never once it has asked for something.
    pub(super) async fn in_vain(&mut self, within: Duration) {
        if let Ok(Err(_)) = tokio::time::timeout(within, &mut self.0).await {
            pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_nothing_goes_and_takes_nobodys_place() {
        let places = Places::new();
        let mut silent = Vec::new();
        for _ in 0..=WAITING {
            silent.push(places.place(places.ticket().await));
        }
        assert_eq!(places.served.available_permits(), SERVED as usize);
        // The oldest makes room at once, the others have their time.
        silent[0].1.in_vain(Duration::from_hours(1)).await;
        let began = tokio::time::Instant::now();
        silent[1].1.in_vain(WITHIN).await;
        assert_eq!(began.elapsed(), WITHIN);
        // Who asks is served, and stays.
        let (place, doubt) = &mut silent[2];
        place.asked().await;
        place.asked().await;
        assert_eq!(places.served.available_permits(), SERVED as usize - 1);
        assert!(tokio::time::timeout(Duration::from_hours(1), doubt.in_vain(WITHIN)).await.is_err());
        drop(silent);
        assert_eq!(places.all.available_permits(), ALL);
        places.empty().await;
    }
}
