//! [`Delivery`]: messages on their way, kept on the disk until they are taken.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::outbox::Outbox;
use crate::base::class::ErrorClass;
use crate::base::clock::{Clock, SystemClock};
use crate::base::fs::{read_text, write_atomic};
use crate::contract::{Notifier, NotifyError};
use crate::model::notification::Notification;

/// Messages that may wait until the task takes them.
const WAITING: usize = 256;
/// The largest outbox that is read: as many messages as it may hold, with what each may say.
const MAX_FILE: u64 = 32 * 1024 * 1024;
/// How long a notifier may take.
const TIME: Duration = Duration::from_secs(30);
/// The longest time without a look.
const LOOK: Duration = Duration::from_mins(1);

/// Delivers messages to notifiers: each at least once to each, in order, again and again for three days, also over restarts.
///
/// # Example
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use stratheal_core::notify::{CommandNotifier, Delivery};
/// let folder = tempfile::tempdir()?;
/// let pager = CommandNotifier::new("pager", ["/usr/local/bin/page"], None);
/// let delivery = Delivery::new(&folder.path().join("outbox.json"), vec![Box::new(pager)]).start();
/// // delivery.tell(message)
/// # drop(delivery);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Delivery {
    path: PathBuf,
    notifiers: BTreeMap<String, Arc<dyn Notifier>>,
    clock: Arc<dyn Clock>,
}

/// Gives messages to a [`Delivery`]. Cheap to clone; when the last one is dropped it ends, and what waits is on the disk.
#[derive(Debug, Clone)]
pub struct DeliveryHandle {
    messages: mpsc::Sender<Told>,
}

/// What a delivery is told.
#[derive(Debug)]
enum Told {
    Message(Box<Notification>),
    /// Somebody waits until nothing is on its way.
    Settle(oneshot::Sender<()>),
}

impl DeliveryHandle {
    /// Hands over a message. Never waits: one that finds no room is said in the log, and lost.
    pub fn tell(&self, message: Notification) {
        if let Err(error) = self.messages.try_send(Told::Message(Box::new(message))) {
            tracing::error!(%error, "a message cannot be handed over");
        }
    }

    /// Waits until everything that was told has been tried: for a program that ends. What was not taken then lies on the disk.
    ///
    /// # Cancellation
    /// It goes on being delivered.
    pub async fn settled(&self) {
        let (reply, settled) = oneshot::channel();
        if self.messages.send(Told::Settle(reply)).await.is_ok() {
            // It has ended where it does not answer.
            drop(settled.await);
        }
    }
}

impl Delivery {
    /// Messages for these notifiers; what they have not taken yet lies in a file of this name.
    #[must_use]
    pub fn new(path: &Path, notifiers: Vec<Box<dyn Notifier>>) -> Self {
        let notifiers = notifiers.into_iter().map(|one| (one.name().to_owned(), Arc::from(one))).collect();
        Self { path: path.to_owned(), notifiers, clock: Arc::new(SystemClock) }
    }

    /// Another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Starts it, as a task of the current runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(self) -> DeliveryHandle {
        let (messages, received) = mpsc::channel(WAITING);
        tokio::spawn(self.run(received));
        DeliveryHandle { messages }
    }

    async fn run(self, mut messages: mpsc::Receiver<Told>) {
        let names: Vec<String> = self.notifiers.keys().cloned().collect();
        let mut outbox = self.read();
        outbox.keep_only(&names);
        let mut busy: BTreeMap<String, u64> = BTreeMap::new();
        let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
        let mut sends: JoinSet<(String, u64, Result<(), NotifyError>)> = JoinSet::new();
        loop {
            let now = self.clock.stamp();
            for (name, notifier) in
                self.notifiers.iter().filter(|(name, _)| !busy.contains_key(*name)).collect::<Vec<_>>()
            {
                if let Some(message) = outbox.due(name, &now).cloned() {
                    busy.insert(name.clone(), message.id);
                    sends.spawn(send(name.clone(), notifier.clone(), message));
                }
            }
            if busy.is_empty() {
                // Whoever waited may have gone.
                for one in waiting.drain(..) {
                    let _ = one.send(());
                }
            }
            let idle = names.iter().filter(|name| !busy.contains_key(*name));
            let wait = idle.filter_map(|name| outbox.next(name, &now)).min().unwrap_or(LOOK).min(LOOK);
            tokio::select! {
                message = messages.recv() => match message {
                    Some(Told::Settle(reply)) => waiting.push(reply),
                    Some(Told::Message(message)) => {
                        if let Some(lost) = outbox.put(*message, &names, &self.clock.stamp()) {
                            tracing::error!(title = lost.title, "too many messages wait; this one is lost");
                        }
                        self.write(&outbox).await;
                    }
                    None => return,
                },
                Some(sent) = sends.join_next() => match sent {
                    Ok((name, id, taken)) => {
                        busy.remove(&name);
                        self.settle(&mut outbox, &name, id, taken);
                        self.write(&outbox).await;
                    }
                    Err(error) => {
                        tracing::error!(%error, "a notifier ended badly");
                        // Nobody knows which; those that are still at work will say so again.
                        busy.clear();
                    }
                },
                () = sleep_until(Instant::now() + wait) => {}
            }
        }
    }

    fn settle(&self, outbox: &mut Outbox, name: &str, id: u64, taken: Result<(), NotifyError>) {
        let Err(error) = taken else { return outbox.done(name, id) };
        let now = self.clock.stamp();
        // Different for each message and each second, which is all that is needed to keep many from coming at once.
        let random = (id.wrapping_add(now.since_boot.as_secs()).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 11) as f64
            / (1_u64 << 53) as f64;
        let hopeless = !matches!(error.class(), ErrorClass::Transient | ErrorClass::TimedOut);
        if hopeless {
            outbox.done(name, id);
        }
        if hopeless || outbox.failed(name, id, error.retry_after, random, &now) {
            tracing::error!(%error, id, "a message is not delivered, and not tried again");
        } else {
            tracing::warn!(%error, id, "a message was not taken; it is tried again");
        }
    }

    fn read(&self) -> Outbox {
        let read = read_text(&self.path, MAX_FILE);
        let parsed = read.and_then(|text| serde_json::from_str(&text).map_err(io::Error::from));
        match parsed {
            Ok(outbox) => outbox,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Outbox::default(),
            Err(error) => {
                tracing::error!(%error, "messages that were not delivered yet cannot be read");
                Outbox::default()
            }
        }
    }

    async fn write(&self, outbox: &Outbox) {
        let (path, text) = (self.path.clone(), serde_json::to_vec(outbox));
        let written = tokio::task::spawn_blocking(move || write_atomic(&path, &text.map_err(io::Error::from)?));
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "messages that are not delivered yet do not outlive this program");
            }
            Err(error) => tracing::error!(%error, "messages are not written down"),
        }
    }
}

async fn send(
    name: String,
    notifier: Arc<dyn Notifier>,
    message: Notification,
) -> (String, u64, Result<(), NotifyError>) {
    let id = message.id;
    // In a task of its own, so that one that panics has an end that can be told.
    let sent = tokio::spawn(async move { timeout(TIME, notifier.notify(&message)).await }).await;
    let taken = match sent {
        Ok(Ok(taken)) => taken,
        Ok(Err(_)) => Err(NotifyError::new(&name, ErrorClass::TimedOut, "it took more than half a minute")),
        Err(_) => Err(NotifyError::new(&name, ErrorClass::Transient, "it panicked")),
    };
    (name, id, taken)
}
