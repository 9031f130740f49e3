//! What the library logs, on its way to Python's `logging`: put into a mailbox, and handed on by a thread of Python.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// The most lines that wait; what comes when nobody takes them is counted, and lost.
const MOST: usize = 1024;

/// The number that Python gives a level.
const fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}

struct Line {
    level: u8,
    target: &'static str,
    text: String,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<Line>,
    lost: u64,
    wake: Option<PipeWriter>,
}

type Shared = Arc<Mutex<Waiting>>;

/// Where lines go now. A process that was forked has another one.
/// It is no mutex, because a fork may happen while somebody holds one.
static CURRENT: ArcSwapOption<Mutex<Waiting>> = ArcSwapOption::const_empty();
/// Lines below this are not made.
static LEAST: AtomicU8 = AtomicU8::new(30);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct ToPython;

impl Subscriber for ToPython {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().trim_start_matches('_').starts_with("stratheal")
            && number(*metadata.level()) >= LEAST.load(Ordering::Relaxed)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words::default();
        event.record(&mut words);
        let line = Line {
            level: number(*event.metadata().level()),
            target: event.metadata().target(),
            text: words.message + &words.fields,
        };
        let Some(shared) = CURRENT.load_full() else { return };
        let mut waiting = lock(&shared);
        if waiting.lines.len() >= MOST {
            waiting.lost += 1;
            return;
        }
        waiting.lines.push_back(line);
        if let Some(wake) = &mut waiting.wake {
            // A pipe that is full has woken the thread already.
            drop(wake.write(&[0]));
        }
    }
}

#[derive(Default)]
struct Words {
    message: String,
    fields: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

/// The end of the log that Python reads from.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct LogReader {
    shared: SharedLog,
    wake: PipeReader,
}

struct SharedLog(Shared);

impl fmt::Debug for SharedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedLog").finish_non_exhaustive()
    }
}

#[pymethods]
impl LogReader {
    /// Begins to log in this process, from this level on.
    #[staticmethod]
    fn open(level: u8) -> io::Result<Self> {
        LEAST.store(level, Ordering::Relaxed);
        let (reader, writer) = io::pipe()?;
        rustix::io::ioctl_fionbio(&writer, true)?;
        let shared = Shared::default();
        lock(&shared).wake = Some(writer);
        CURRENT.store(Some(shared.clone()));
        // Somebody else has begun to log when this module was loaded before; nothing is lost then.
        drop(tracing::subscriber::set_global_default(ToPython));
        Ok(Self { shared: SharedLog(shared), wake: reader })
    }

    /// The descriptor to wait for.
    fn fileno(&self) -> i32 {
        self.wake.as_raw_fd()
    }

    /// Says from which level on lines are made.
    #[expect(clippy::unused_self, reason = "it reads as what belongs to the log")]
    fn set_level(&self, level: u8) {
        LEAST.store(level, Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    /// Takes all lines: level, where, and text; and how many were lost.
    fn take(&self) -> (Vec<(u8, &'static str, String)>, u64) {
        let mut waiting = lock(&self.shared.0);
        let lines = waiting.lines.drain(..).map(|line| (line.level, line.target, line.text)).collect();
        (lines, std::mem::take(&mut waiting.lost))
    }
}
