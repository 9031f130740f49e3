//! What waits to be done in Python, and how Python is woken for it.

use std::collections::VecDeque;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use crate::run::{Run, RunState};

/// The most messages that wait. A pipe of Linux holds as many bytes, one for each.
const MOST: usize = 16 * 1024;

/// What is to be done in Python.
#[derive(Debug)]
pub(crate) enum Message {
    /// Call a function.
    Run(Arc<RunState>),
    /// What was called is not wanted any more.
    Cancel(u64),
    /// An operation has ended.
    Ended(u64),
}

type Queue = Arc<Mutex<VecDeque<Message>>>;

/// The end that the library writes to. When the last one is gone, readers see the end of the pipe.
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: Queue,
    /// None once it is closed.
    wake: Mutex<Option<PipeWriter>>,
}

/// The end that Python reads from.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct Reader {
    queue: Queue,
    wake: PipeReader,
}

/// A mailbox and its reader. With `blocking`, threads wait in `os.read`; without, an event loop watches the descriptor.
pub(crate) fn mailbox(blocking: bool) -> io::Result<(Arc<Mailbox>, Reader)> {
    let (reader, writer) = io::pipe()?;
    rustix::io::ioctl_fionbio(&writer, true)?;
    if !blocking {
        rustix::io::ioctl_fionbio(&reader, true)?;
    }
    let queue = Queue::default();
    Ok((Arc::new(Mailbox { queue: queue.clone(), wake: Mutex::new(Some(writer)) }), Reader { queue, wake: reader }))
}

/// The end of the library, as Python hands it on.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct Sender(Arc<Mailbox>);

#[pymethods]
impl Sender {
    /// A mailbox for an event loop: the end of the library, and that of the loop.
    #[staticmethod]
    fn open() -> PyResult<(Self, Reader)> {
        let (mailbox, reader) = mailbox(false)?;
        Ok((Self(mailbox), reader))
    }
}

impl Sender {
    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        self.0.clone()
    }
}

fn lock(queue: &Queue) -> std::sync::MutexGuard<'_, VecDeque<Message>> {
    // A queue cannot be half changed.
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Mailbox {
    /// Puts a message in, and wakes one reader. Never waits.
    ///
    /// # Errors
    /// When nobody has taken anything for very long.
    pub(crate) fn put(&self, message: Message) -> Result<(), &'static str> {
        let mut queue = lock(&self.queue);
        // Those who wait for an end wait for ever without it, and there is one for each of them.
        if queue.len() >= MOST && matches!(message, Message::Run(_)) {
            return Err("too much waits to be done in Python");
        }
        queue.push_back(message);
        drop(queue);
        match &*self.wake.lock().unwrap_or_else(PoisonError::into_inner) {
            // A pipe that is full has woken everybody already.
            Some(wake) => drop({ wake }.write(&[0])),
            None => return Err("the monitor has stopped"),
        }
        Ok(())
    }

    /// Has readers see the end. In a fork somebody may hold the lock who is not there, and then it stays open.
    pub(crate) fn close(&self) {
        if let Ok(mut wake) = self.wake.try_lock() {
            *wake = None;
        }
    }
}

#[pymethods]
impl Reader {
    /// The descriptor to wait for; one byte for each message.
    fn fileno(&self) -> i32 {
        self.wake.as_raw_fd()
    }

    /// Takes one message: what is to be called, or nothing.
    fn take(&self) -> Option<Run> {
        loop {
            match lock(&self.queue).pop_front()? {
                // One that nobody waits for any more needs no thread.
                Message::Run(state) if state.is_abandoned() => {}
                Message::Run(state) => return Some(Run::of(state)),
                // Threads cannot be interrupted, and wait for no operations.
                Message::Cancel(_) | Message::Ended(_) => {}
            }
        }
    }

    /// Takes everything: what is to be called, what is to be cancelled, and which operations have ended.
    fn take_all(&self) -> (Vec<Run>, Vec<u64>, Vec<u64>) {
        let (mut runs, mut cancelled, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        for message in std::mem::take(&mut *lock(&self.queue)) {
            match message {
                Message::Run(state) => runs.push(Run::of(state)),
                Message::Cancel(number) => cancelled.push(number),
                Message::Ended(number) => ended.push(number),
            }
        }
        (runs, cancelled, ended)
    }
}
