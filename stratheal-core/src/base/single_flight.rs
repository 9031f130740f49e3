//! Work that several want at the same time is done once: one works, the others wait for its answer.
//!
//! The pool for blocking code refuses a second call with a key that is busy, which is right for something that hangs and
//! wrong for ten that want the same. So they share a [`Flight`].

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::time::Instant;

/// The flights that are in use, by key.
#[derive(Debug)]
pub struct Flights<T> {
    by_key: Mutex<Option<HashMap<String, Weak<Flight<T>>>>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Flights<T> {
    /// No flights yet. A constant, so that a `static` can hold it.
    #[must_use]
    pub const fn new() -> Self {
        Self { by_key: Mutex::new(None) }
    }

    /// The flight of this key, shared with everybody who has it. Keys nobody holds any more are forgotten.
    pub fn get(&self, key: &str) -> Arc<Flight<T>> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let by_key = by_key.get_or_insert_default();
        if let Some(flight) = by_key.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        // Looking at all of them only when the table would grow keeps adding cheap.
        if by_key.len() == by_key.capacity() {
            by_key.retain(|_, flight| flight.strong_count() > 0);
        }
        let flight = Arc::new(Flight { last: tokio::sync::Mutex::new(None) });
        by_key.insert(key.to_owned(), Arc::downgrade(&flight));
        flight
    }
}

/// One piece of work that is never done twice at the same time.
#[derive(Debug)]
pub struct Flight<T> {
    last: tokio::sync::Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Flight<T> {
    /// Does the work, unless somebody else finishes it while this call waits; then that answer is as fresh as an own one.
    ///
    /// # Cancellation
    /// When the one that works is dropped, the next one works.
    /// # Errors
    /// What the work says. Those who waited then work themselves, one after the other; work that must not be repeated puts its
    /// error into `T`.
    pub async fn run<E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((finished, answer)) = &*last
            && *finished >= asked
        {
            return Ok(answer.clone());
        }
        let answer = work.await?;
        *last = Some((Instant::now(), answer.clone()));
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_share_the_answer() {
        let flights = Flights::new();
        let runs = AtomicUsize::new(0);
        let ask = || async {
            let flight: Arc<Flight<usize>> = flights.get("key");
            let work = async {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Ok::<_, ()>(runs.fetch_add(1, Ordering::SeqCst))
            };
            flight.run(work).await
        };
        let keep = flights.get("key");
        assert_eq!(tokio::join!(ask(), ask(), ask()), (Ok(0), Ok(0), Ok(0)));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(ask().await, Ok(1), "an answer from before is not fresh");
        drop(keep);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_worker_is_replaced() {
        let flight: Arc<Flight<u8>> = Flights::new().get("key");
        let never = flight.run(std::future::pending::<Result<u8, ()>>());
        let second = async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            flight.run(async { Ok::<_, ()>(7) }).await
        };
        let (first, second) = tokio::join!(tokio::time::timeout(Duration::from_millis(5), never), second);
        assert!(first.is_err());
        assert_eq!(second, Ok(7));
    }
}
