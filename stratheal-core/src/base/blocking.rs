//! Threads for code that may block for ever.
//!
//! An asynchronous runtime cannot interrupt a system call that hangs, as `statvfs` does on a dead network mount. So
//! such code runs on threads of this pool, and a thread that does not come back in time is *written off*: it keeps
//! its key busy, is listed by name, and no longer counts against the pool's size, so that others get a fresh thread.
//! At most [`BlockingPool::MAX_STUCK`] threads are written off; beyond that, new work is refused rather than queued
//! behind them. When a written-off thread comes back after all, its result is dropped and the key is free again.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

type Job = Box<dyn FnOnce() + Send>;

/// Why blocking code gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BlockingError {
    /// The deadline passed; the thread is written off until it returns.
    #[error("`{key}` did not return within its time")]
    TimedOut {
        /// The key of the work.
        key: Arc<str>,
    },
    /// An earlier call with the same key has still not returned.
    #[error("`{key}` has been stuck for {} s", since.as_secs())]
    Stuck {
        /// The key of the work.
        key: Arc<str>,
        /// For how long.
        since: Duration,
    },
    /// As many threads as allowed are written off already.
    #[error("no thread left for `{key}`: {} threads are stuck", culprits.len())]
    Exhausted {
        /// The key of the work.
        key: Arc<str>,
        /// The keys of the written-off threads.
        culprits: Vec<Arc<str>>,
    },
    /// The code panicked.
    #[error("`{key}` panicked: {message}")]
    Panicked {
        /// The key of the work.
        key: Arc<str>,
        /// What the panic said.
        message: String,
    },
    /// The system would not give a thread.
    #[error("no thread for `{key}`: {message}")]
    Spawn {
        /// The key of the work.
        key: Arc<str>,
        /// What the system said.
        message: String,
    },
}

/// A bounded pool of replaceable threads. Cloning shares it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::time::Duration;
/// use stratheal_core::base::blocking::BlockingPool;
/// let pool = BlockingPool::new(4);
/// let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
/// assert_eq!(pool.run("sum", deadline, || 1 + 1).await, Ok(2));
/// # }
/// ```
#[derive(Clone)]
pub struct BlockingPool {
    shared: Arc<Shared>,
    /// The last one ends the threads that have nothing to do.
    _owner: Arc<Owner>,
}

struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

struct Shared {
    size: usize,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Arc<str>, Job)>,
    threads: usize,
    idle: usize,
    busy: HashMap<Arc<str>, Busy>,
    stuck: usize,
    /// Whether nobody can bring work any more.
    closed: bool,
}

struct Busy {
    since: Instant,
    written_off: bool,
}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("BlockingPool")
            .field("threads", &state.threads)
            .field("stuck", &state.stuck)
            .finish_non_exhaustive()
    }
}

impl BlockingPool {
    /// How many threads may be written off at the same time.
    pub const MAX_STUCK: usize = 32;

    /// How long an idle thread waits for work before it ends.
    const IDLE: Duration = Duration::from_secs(10);

    /// A pool of at most `size` threads (at least one), started when needed.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let state = Mutex::new(State::default());
        let shared = Arc::new(Shared { size: size.max(1), state, wake: Condvar::new() });
        Self { _owner: Arc::new(Owner(shared.clone())), shared }
    }

    /// Runs `work` on a thread of the pool and waits for it until `deadline`.
    ///
    /// `key` names the thing that may hang, for example a mount point: while one call with a key has not returned,
    /// another is refused instead of hanging a second thread on it.
    ///
    /// # Cancellation
    /// Dropping the future does not stop the thread; its key stays busy until the work returns.
    ///
    /// # Errors
    /// [`BlockingError`], which always names the key.
    pub async fn run<T, F>(&self, key: &str, deadline: Instant, work: F) -> Result<T, BlockingError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let key: Arc<str> = Arc::from(key);
        let (sender, receiver) = oneshot::channel();
        self.submit(&key, work, sender)?;
        // A dropped caller must not leave a hung thread uncounted.
        let mut guard = WriteOff { shared: &self.shared, key: Some(key.clone()) };
        match tokio::time::timeout_at(deadline, receiver).await {
            Ok(answer) => {
                guard.key = None;
                match answer {
                    Ok(Ok(value)) => Ok(value),
                    Ok(Err(message)) => Err(BlockingError::Panicked { key, message }),
                    Err(_) => Err(BlockingError::Panicked { key, message: "its thread ended".to_owned() }),
                }
            }
            Err(_) => Err(BlockingError::TimedOut { key }),
        }
    }

    fn submit<T, F>(
        &self,
        key: &Arc<str>,
        work: F,
        sender: oneshot::Sender<Result<T, String>>,
    ) -> Result<(), BlockingError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let mut state = self.shared.lock();
        if let Some(busy) = state.busy.get(key) {
            return Err(BlockingError::Stuck { key: key.clone(), since: busy.since.elapsed() });
        }
        if state.stuck >= Self::MAX_STUCK {
            let culprits = state.busy.iter().filter(|(_, busy)| busy.written_off).map(|(key, _)| key.clone());
            return Err(BlockingError::Exhausted { key: key.clone(), culprits: culprits.collect() });
        }
        let shared = self.shared.clone();
        let job_key = key.clone();
        let job: Job = Box::new(move || {
            let answer = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_text(panic.as_ref()));
            shared.finished(&job_key);
            // The receiver is gone when the caller stopped waiting: nobody is left to tell.
            drop(sender.send(answer));
        });
        if state.idle > state.queue.len() || state.threads - state.stuck >= self.shared.size {
            state.queue.push_back((key.clone(), job));
        } else {
            let shared = self.shared.clone();
            std::thread::Builder::new()
                .name("stratheal-block".to_owned())
                .spawn(move || shared.serve(job))
                .map_err(|error| BlockingError::Spawn { key: key.clone(), message: error.to_string() })?;
            state.threads += 1;
        }
        state.busy.insert(key.clone(), Busy { since: Instant::now(), written_off: false });
        drop(state);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// The keys of the threads that are written off, and for how long each has been gone.
    #[must_use]
    pub fn stuck(&self) -> Vec<(Arc<str>, Duration)> {
        let state = self.shared.lock();
        let written_off = state.busy.iter().filter(|(_, busy)| busy.written_off);
        written_off.map(|(key, busy)| (key.clone(), busy.since.elapsed())).collect()
    }
}

struct WriteOff<'a> {
    shared: &'a Arc<Shared>,
    key: Option<Arc<str>>,
}

impl Drop for WriteOff<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key.take() else { return };
        let mut state = self.shared.lock();
        if let Some(place) = state.queue.iter().position(|(queued, _)| *queued == key) {
            // It never started, so no thread is lost.
            state.queue.remove(place);
            state.busy.remove(&key);
            return;
        }
        if let Some(busy) = state.busy.get_mut(&key)
            && !busy.written_off
        {
            busy.written_off = true;
            state.stuck += 1;
            // Work that waits behind the written-off thread gets a thread of its own.
            if let Some((_, job)) = state.queue.pop_front() {
                state.threads += 1;
                drop(state);
                let shared = self.shared.clone();
                let spawned =
                    std::thread::Builder::new().name("stratheal-block".to_owned()).spawn(move || shared.serve(job));
                if let Err(error) = spawned {
                    self.shared.lock().threads -= 1;
                    tracing::error!(%error, "no thread for blocking work");
                }
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding the lock, and the state is valid at every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finished(&self, key: &str) {
        let mut state = self.lock();
        if let Some(busy) = state.busy.remove(key)
            && busy.written_off
        {
            state.stuck -= 1;
        }
    }

    fn serve(&self, first: Job) {
        let mut job = Some(first);
        loop {
            if let Some(job) = job.take() {
                job();
            }
            let mut state = self.lock();
            // A thread that came back after its replacement was started makes room again by leaving.
            if state.threads - state.stuck > self.size {
                state.threads -= 1;
                return;
            }
            job = state.queue.pop_front().map(|(_, job)| job);
            if job.is_none() && state.closed {
                state.threads -= 1;
                return;
            }
            if job.is_none() {
                state.idle += 1;
                let (mut state, waited) =
                    self.wake.wait_timeout(state, BlockingPool::IDLE).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                job = state.queue.pop_front().map(|(_, job)| job);
                if job.is_none() && waited.timed_out() {
                    state.threads -= 1;
                    return;
                }
            }
        }
    }
}

/// What a caught panic said.
#[must_use]
pub fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without text".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_threads_end_with_their_pool() {
        let pool = BlockingPool::new(2);
        let deadline = Instant::now() + Duration::from_secs(5);
        pool.run("one", deadline, || ()).await.unwrap();
        let (shared, other) = (pool.shared.clone(), pool.clone());
        drop(pool);
        other.run("two", deadline, || ()).await.unwrap();
        assert!(shared.lock().threads > 0, "somebody has the pool");
        drop(other);
        // Long before an idle thread would go by itself.
        while shared.lock().threads > 0 {
            assert!(Instant::now() < deadline, "threads outlive their pool");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
