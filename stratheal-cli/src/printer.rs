//! Printing that never holds anybody up.
//!
//! A terminal that was stopped with Ctrl-S, a pager that nobody scrolls, a log reader that hangs: whoever prints waits for them. A
//! monitor must not, so what it says goes through a bounded queue to a thread of its own, and is dropped when that is full.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// So many messages may wait.
const QUEUE: usize = 1024;
/// How long the last messages may take at the end.
const PATIENCE: Duration = Duration::from_millis(500);
/// Takes the last line of a terminal away.
const ERASE: &str = "\r\u{1b}[2K";

enum Message {
    /// For standard output, a whole line.
    Line(String),
    /// For the last line of the terminal, until something else is printed.
    Status(String),
    /// For standard error, as it is.
    Log(Vec<u8>),
    /// Answer when everything before is printed.
    Flush(SyncSender<()>),
}

static PRINTER: OnceLock<SyncSender<Message>> = OnceLock::new();

/// Starts the thread; from now on nothing here waits. Without a thread everything is printed directly.
pub(crate) fn start() {
    let (sender, receiver) = sync_channel(QUEUE);
    let spawned = std::thread::Builder::new().name("stratheal-print".to_owned()).spawn(move || serve(&receiver));
    if spawned.is_ok() {
        // Started once; a second start would only leave a thread without messages.
        drop(PRINTER.set(sender));
    }
}

/// Prints a line.
pub(crate) fn line(text: String) {
    send(Message::Line(text));
}

/// Shows the last line of the terminal.
pub(crate) fn status(text: String) {
    send(Message::Status(text));
}

/// Waits until everything is printed, half a second at most.
pub(crate) fn flush() {
    let Some(printer) = PRINTER.get() else { return };
    let (done, answer) = sync_channel(1);
    // When the queue is full nobody reads, and waiting would be in vain.
    if printer.try_send(Message::Flush(done)).is_ok() && answer.recv_timeout(PATIENCE).is_err() {
        tracing::debug!("the last lines were not read");
    }
}

fn send(message: Message) {
    if let Some(printer) = PRINTER.get() {
        // A full queue means that nobody reads; what is dropped is in the history and in `stratheal status`.
        drop(printer.try_send(message));
    }
}

fn serve(messages: &Receiver<Message>) {
    let mut status_shown = false;
    while let Ok(message) = messages.recv() {
        let mut out = io::stdout().lock();
        let erase = if std::mem::take(&mut status_shown) { ERASE } else { "" };
        // Nowhere is left to say that standard output or standard error is gone.
        let _ = match message {
            Message::Line(text) => writeln!(out, "{erase}{text}"),
            Message::Status(text) => {
                status_shown = true;
                write!(out, "{ERASE}{text}")
            }
            Message::Log(text) => {
                write!(out, "{erase}").and_then(|()| out.flush()).and_then(|()| io::stderr().lock().write_all(&text))
            }
            Message::Flush(done) => {
                let erased = write!(out, "{erase}").and_then(|()| out.flush());
                // Whoever asked may have lost patience.
                let _ = done.send(());
                erased
            }
        };
        let _ = out.flush();
    }
}

/// A log message on its way: handed over whole when dropped.
#[derive(Debug, Default)]
pub(crate) struct LogWriter(Vec<u8>);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.0);
        if PRINTER.get().is_some() {
            send(Message::Log(text));
        } else {
            // A one-off command logs directly; there is nowhere left to say that standard error is closed.
            let _ = io::stderr().lock().write_all(&text);
        }
    }
}
