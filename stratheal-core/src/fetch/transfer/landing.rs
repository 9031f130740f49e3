//! The disk's side of a transfer: one thread that writes, hashes and keeps the journal, in the order in which it is told to.
//!
//! The hash follows the bytes that are there without a gap. What arrives in order is hashed from memory, so that nothing is read
//! again; what came out of order or from an earlier process is read back when its turn comes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{oneshot, watch};

use super::digest::{self, OtherDigest};
use super::wholeness;
use crate::objects::{ContentId, PartFile, PartKey, Ranges, Sent, Store, StoreError, Validators};

/// So many bytes may be lost to the next process when this one is killed.
const RECORD_EVERY: u64 = 128 << 10;
/// As well, where each time the disk has to be waited for.
const SYNC_EVERY: u64 = 512 << 10;

/// How much is read back at once for the hash, while nothing else is to be done.
const READ_BACK: u64 = 1 << 20;

/// Why nothing more can be stored.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum LandingError {
    #[error("{0}")]
    DiskFull(String),
    #[error("{0}")]
    Storage(String),
}

impl From<io::Error> for LandingError {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::DiskFull(error.to_string()),
            _ => Self::Storage(error.to_string()),
        }
    }
}

impl From<StoreError> for LandingError {
    fn from(error: StoreError) -> Self {
        let text = crate::base::class::chain(&error);
        match error {
            StoreError::DiskFull { .. } => Self::DiskFull(text),
            _ => Self::Storage(text),
        }
    }
}

/// What is to be done.
#[derive(Debug)]
enum Order {
    Write { offset: u64, pieces: Vec<Bytes>, from: Arc<str> },
    Identify(Validators),
    Record,
    Restart,
    Finish { finish: Finish, reply: oneshot::Sender<Finished> },
}

/// A file all of whose bytes are there.
#[derive(Debug)]
pub(super) struct Finish {
    pub(super) size: u64,
    pub(super) expected: Option<ContentId>,
    /// What the index says instead: lower-case algorithm to hexadecimal digest.
    pub(super) digests: BTreeMap<String, String>,
    pub(super) name: String,
    pub(super) from: String,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Finished {
    /// It is what it should be, and in the store.
    Stored { id: ContentId, path: PathBuf },
    /// It is something else. It is still there.
    Mismatch { got: ContentId },
    /// It has another digest than the index says, which gives no SHA-256. It is still there.
    OtherDigest(OtherDigest),
    /// It is not whole, as far as can be told without a hash. It is still there.
    NotWhole(String),
    /// It cannot be stored.
    Failed(LandingError),
}

/// How far the disk's side is.
#[derive(Debug, Clone, Default)]
pub(super) struct Landed {
    /// Bytes written since the beginning.
    pub(super) written: u64,
    /// Bytes that readers find in the file, from the first one on; of this attempt.
    pub(super) prefix: u64,
    /// How often it was begun anew.
    pub(super) epoch: u32,
    /// Why it stopped.
    pub(super) failed: Option<LandingError>,
}

/// What was there when the part file was opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) present: Ranges,
    pub(super) sent: Vec<Sent>,
    pub(super) validators: Validators,
    pub(super) file: Arc<File>,
}

/// The caller's end. When it is dropped, what was sent is still written and recorded.
#[derive(Debug)]
pub(super) struct Landing {
    orders: Sender<Order>,
    pub(super) landed: watch::Receiver<Landed>,
}

impl Landing {
    /// Opens the part file; `None` while somebody else has it.
    ///
    /// # Errors
    /// [`LandingError`] when it cannot be opened.
    pub(super) async fn open(
        store: Store,
        folder: PathBuf,
        key: PartKey,
    ) -> Result<Option<(Self, Opened)>, LandingError> {
        let (orders, todo) = channel();
        let (tell, landed) = watch::channel(Landed::default());
        let (opened, wait) = oneshot::channel();
        tokio::task::spawn_blocking(move || {
            let part = match PartFile::try_open(&folder, &key) {
                Ok(Some(part)) => part,
                Ok(None) => return drop(opened.send(Ok(None))),
                Err(error) => return drop(opened.send(Err(error.into()))),
            };
            let there = Opened {
                present: part.present().clone(),
                sent: part.sent().to_vec(),
                validators: part.validators().clone(),
                file: part.file(),
            };
            // Nobody waits any more: then the part file closes as it is.
            if opened.send(Ok(Some(there))).is_ok() {
                let record_every = if key.is_proven() { RECORD_EVERY } else { SYNC_EVERY };
                Worker { part, store, hasher: Sha256::new(), hashed: 0, unrecorded: 0, record_every, tell }
                    .serve(&todo);
            }
        });
        match wait.await {
            Ok(Ok(Some(there))) => Ok(Some((Self { orders, landed }, there))),
            Ok(Ok(None)) => Ok(None),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(LandingError::Storage("the thread that writes ended".to_owned())),
        }
    }

    /// The thread ends by itself only after it said why, so that an order which nobody takes needs no answer.
    fn order(&self, order: Order) {
        drop(self.orders.send(order));
    }

    pub(super) fn write(&self, offset: u64, pieces: Vec<Bytes>, from: Arc<str>) {
        self.order(Order::Write { offset, pieces, from });
    }

    pub(super) fn identify(&self, validators: Validators) {
        self.order(Order::Identify(validators));
    }

    /// From here on the next process may continue.
    pub(super) fn record(&self) {
        self.order(Order::Record);
    }

    /// Drops everything that is there.
    pub(super) fn restart(&self) {
        self.order(Order::Restart);
    }

    /// Checks the whole, and puts it into the store when it is right.
    pub(super) async fn finish(&self, finish: Finish) -> Finished {
        let (reply, wait) = oneshot::channel();
        self.order(Order::Finish { finish, reply });
        wait.await.unwrap_or_else(|_| {
            let failed = self.landed.borrow().failed.clone();
            let ended = || LandingError::Storage("the thread that writes ended".to_owned());
            Finished::Failed(failed.unwrap_or_else(ended))
        })
    }
}

struct Worker {
    part: PartFile,
    store: Store,
    hasher: Sha256,
    hashed: u64,
    unrecorded: u64,
    record_every: u64,
    tell: watch::Sender<Landed>,
}

impl Worker {
    fn serve(mut self, todo: &Receiver<Order>) {
        self.tell.send_modify(|landed| landed.prefix = self.part.present().prefix());
        loop {
            let order = match todo.try_recv() {
                Ok(order) => order,
                Err(TryRecvError::Disconnected) => return,
                // Reading back is done while there is nothing more urgent.
                Err(TryRecvError::Empty) if self.hashed < self.part.present().prefix() => {
                    if let Err(error) = self.read_back() {
                        return self.fail(error.into());
                    }
                    continue;
                }
                Err(TryRecvError::Empty) => match todo.recv() {
                    Ok(order) => order,
                    Err(_) => return,
                },
            };
            let done = match order {
                Order::Write { offset, pieces, from } => self.write(offset, &pieces, &from),
                Order::Identify(validators) => self.part.identify(validators),
                Order::Record => self.record(),
                Order::Restart => self.restart(),
                Order::Finish { finish, reply } => {
                    let finished = self.finish(&finish).unwrap_or_else(Finished::Failed);
                    if matches!(finished, Finished::Stored { .. }) {
                        self.moved();
                        drop(reply.send(finished));
                        return;
                    }
                    drop(reply.send(finished));
                    Ok(())
                }
            };
            if let Err(error) = done {
                return self.fail(error.into());
            }
        }
    }

    fn fail(self, error: LandingError) {
        self.tell.send_modify(|landed| landed.failed = Some(error));
    }

    fn write(&mut self, offset: u64, pieces: &[Bytes], from: &Arc<str>) -> io::Result<()> {
        self.part.write(offset, pieces, from)?;
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        if offset == self.hashed {
            for piece in pieces {
                self.hasher.update(piece);
            }
            self.hashed += length;
        }
        self.unrecorded += length;
        self.tell.send_modify(|landed| {
            landed.written += length;
            landed.prefix = self.part.present().prefix();
        });
        if self.unrecorded >= self.record_every { self.record() } else { Ok(()) }
    }

    fn record(&mut self) -> io::Result<()> {
        self.unrecorded = 0;
        self.part.record()
    }

    fn restart(&mut self) -> io::Result<()> {
        self.part.restart()?;
        (self.hasher, self.hashed, self.unrecorded) = (Sha256::new(), 0, 0);
        self.tell.send_modify(|landed| (landed.prefix, landed.epoch) = (0, landed.epoch + 1));
        Ok(())
    }

    /// Hashes the next bytes that are there and not hashed yet.
    fn read_back(&mut self) -> io::Result<()> {
        let length = (self.part.present().prefix() - self.hashed).min(READ_BACK) as usize;
        let bytes = self.part.read(self.hashed, length)?;
        if bytes.len() < length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "somebody else shortened the part file"));
        }
        self.hasher.update(&bytes);
        self.hashed += length as u64;
        Ok(())
    }

    fn finish(&mut self, finish: &Finish) -> Result<Finished, LandingError> {
        while self.hashed < self.part.present().prefix().min(finish.size) {
            self.read_back()?;
        }
        let got = ContentId::new(self.hasher.clone().finalize().into());
        if self.hashed != finish.size || finish.expected.is_some_and(|expected| expected != got) {
            return Ok(Finished::Mismatch { got });
        }
        let path = self.part.whole(finish.size)?.to_owned();
        if finish.expected.is_none()
            && let Err(problem) = wholeness::check(&finish.name, &self.part.file())
        {
            return Ok(Finished::NotWhole(problem));
        }
        if finish.expected.is_none()
            && let Some(other) = digest::check(&finish.digests, &self.part.file())?
        {
            return Ok(Finished::OtherDigest(other));
        }
        let pack = self.store.adopt(Path::new(&path), &got, &finish.name, &finish.from)?;
        Ok(Finished::Stored { id: got, path: pack.path().to_owned() })
    }

    fn moved(self) {
        if let Err(error) = self.part.moved() {
            tracing::debug!(%error, "a part file is left beside the finished file");
        }
    }
}
