//! The ledger on the disk: a journal that has its room already, and a file for each incident that people may read.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ledger::{Change, Ledger, Unreadable, in_short};
use crate::base::class::{ErrorClass, chain};
use crate::journal::{Journal, JournalError, Reserve};
use crate::model::incident::Incident;

/// How large one half of the journal is: some thousand incidents.
const HALF: u64 = 4 * 1024 * 1024;

/// Why the ledger cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What it holds cannot be understood.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The folder cannot be made.
    #[error("cannot make the folder of the journal")]
    Folder(#[source] io::Error),
}

impl StoreError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Journal(error) => error.class(),
            Self::Unreadable(Unreadable::Newer(_)) => ErrorClass::Permanent,
            Self::Unreadable(Unreadable::Damaged(_)) => ErrorClass::Corrupt,
            Self::Folder(error) => crate::base::class::of_io(error),
        }
    }
}

/// What a change has to survive before the next thing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durable {
    /// The end of this program.
    Process,
    /// A power cut.
    Machine,
}

/// The ledger, and where it is kept. Its methods block for as long as a disk takes.
#[derive(Debug)]
pub struct Store {
    ledger: Ledger,
    disk: Option<Disk>,
    trouble: Option<String>,
}

#[derive(Debug)]
struct Disk {
    folder: PathBuf,
    journal: Journal,
    reserve: Reserve,
}

impl Store {
    /// A ledger that ends with this program.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { ledger: Ledger::default(), disk: None, trouble: None }
    }

    /// Whether anything was written down in a state folder.
    #[must_use]
    pub fn is_in(state: &Path) -> bool {
        state.join("journal/healing").exists()
    }

    /// Opens what is in a state folder, whose lock the caller holds. What is damaged is set aside, and said.
    ///
    /// # Errors
    /// [`StoreError`], for which [`in_memory`](Self::in_memory) may stand in.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let folder = state.join("journal");
        std::fs::create_dir_all(&folder)
            .map_err(|error| StoreError::Folder(crate::base::fs::named(&folder, &error)))?;
        let path = folder.join("healing");
        let (mut journal, mut found) = Journal::open(&path, HALF)?;
        let ledger = match Ledger::from_bytes(found.state.as_deref(), &found.records) {
            Ok(ledger) => ledger,
            Err(error @ Unreadable::Newer(_)) => return Err(error.into()),
            Err(Unreadable::Damaged(error)) => {
                tracing::error!(%error, "the journal of healing makes no sense; it begins anew");
                let aside = path.with_extension("unreadable");
                drop(journal);
                std::fs::rename(&path, &aside)
                    .map_err(|error| StoreError::Folder(crate::base::fs::named(&path, &error)))?;
                (journal, found) = Journal::open(&path, HALF)?;
                found.set_aside = Some(aside);
                Ledger::default()
            }
        };
        if let Some(aside) = found.set_aside {
            tracing::error!(file = %aside.display(), "what was in the place of the journal was set aside");
        }
        let reserve = Reserve::new(&folder.join("reserve"), Reserve::SIZE);
        if let Err(error) = reserve.take() {
            tracing::warn!(%error, "no room is kept back for a full disk");
        }
        let mut store = Self { ledger, disk: Some(Disk { folder, journal, reserve }), trouble: None };
        store.read_incidents();
        Ok(store)
    }

    /// The same, to be looked at: changes are not written down, and nobody goes on with what was left half-done.
    #[must_use]
    pub fn to_look_at(mut self) -> Self {
        self.disk = None;
        self.ledger.attempts.clear();
        self
    }

    /// What is known.
    #[must_use]
    pub(super) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Why changes are not on the disk, if they are not.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Makes changes. They hold in any case; where they cannot be written down, [`trouble`](Self::trouble) says why.
    pub(super) fn change(&mut self, changes: Vec<Change>, durable: Durable) {
        let written = self.write(&changes, durable);
        for change in changes {
            if let Change::Incident(incident) = &change {
                self.keep(incident);
            }
            self.ledger.apply(change);
        }
        // A checkpoint writes what holds after the changes.
        let written = match written {
            Ok(true) => Ok(()),
            Ok(false) => self.checkpoint(),
            Err(error) => {
                tracing::debug!(%error, "the journal is begun anew");
                self.checkpoint()
            }
        };
        self.trouble = written.err().map(|error| chain(&error));
        if let Some(trouble) = &self.trouble {
            tracing::error!(%trouble, "what is being healed cannot be written down");
        }
    }

    /// Writes records, if they fit and the file is where it should be. `false` when a checkpoint has to be made instead.
    fn write(&mut self, changes: &[Change], durable: Durable) -> Result<bool, StoreError> {
        let Some(disk) = &mut self.disk else { return Ok(true) };
        if self.trouble.is_some() || !disk.journal.is_in_place() {
            return Ok(false);
        }
        let short = |change: &Change| match change {
            Change::Incident(incident) => serde_json::to_vec(&Change::Incident(Box::new(in_short(incident)))),
            other => serde_json::to_vec(other),
        };
        let records = changes.iter().map(short).collect::<Result<Vec<_>, _>>().map_err(Unreadable::Damaged)?;
        let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        if !disk.journal.fits(&records) {
            return Ok(false);
        }
        disk.journal.append(&records)?;
        if durable == Durable::Machine {
            disk.journal.sync()?;
        }
        Ok(true)
    }

    /// Writes everything anew, in a new file if somebody took the old one away.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        if !disk.journal.is_in_place() {
            tracing::error!(folder = %disk.folder.display(), "the journal was taken away; it is made anew");
            std::fs::create_dir_all(&disk.folder)
                .map_err(|error| StoreError::Folder(crate::base::fs::named(&disk.folder, &error)))?;
            (disk.journal, _) = Journal::open(&disk.folder.join("healing"), HALF)?;
        }
        let mut short = self.ledger.clone();
        for incident in short.incidents.values_mut() {
            *incident = in_short(incident);
        }
        let state = short.to_bytes().map_err(Unreadable::Damaged)?;
        Ok(disk.journal.checkpoint(&state)?)
    }

    /// Writes the file of an incident. It is for people: without it, healing goes on. On a full disk the room that is kept back is given
    /// for it, and for whatever else has to be written now; it is taken again when an incident is over.
    fn keep(&self, incident: &Incident) {
        let Some(disk) = &self.disk else { return };
        let state = disk.folder.parent().unwrap_or(&disk.folder);
        let mut kept = super::files::keep(state, incident);
        if kept.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::StorageFull) && disk.reserve.is_there() {
            tracing::error!("the disk is full: the room that was kept back is used");
            kept = disk.reserve.release().and_then(|()| super::files::keep(state, incident));
        }
        if let Err(error) = kept {
            tracing::warn!(%error, incident = incident.number, "the file of an incident cannot be written");
        } else if incident.state.is_over()
            && let Err(error) = disk.reserve.take()
        {
            tracing::warn!(%error, "no room is kept back for a full disk");
        }
    }

    /// The journal has incidents in short; their own files have all of it.
    fn read_incidents(&mut self) {
        let Some(disk) = &self.disk else { return };
        let state = disk.folder.parent().unwrap_or(&disk.folder).to_owned();
        for incident in self.ledger.incidents.values_mut() {
            match super::files::read(&state, incident.number) {
                Ok(Some(whole)) if whole.check == incident.check => {
                    incident.timeline = whole.timeline;
                    incident.left_out = whole.left_out;
                    incident.evidence = whole.evidence;
                    incident.suppressed = whole.suppressed;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, incident = incident.number, "cannot read the file of an incident"),
            }
        }
        // A number is never given twice, also when the journal was lost.
        match super::files::newest(&state) {
            Ok(newest) => self.ledger.next_incident = self.ledger.next_incident.max(newest + 1),
            Err(error) => tracing::debug!(%error, "no incidents on record"),
        }
    }
}

/// A store that several tasks use.
#[derive(Debug, Clone)]
pub(super) struct SharedStore(Arc<Mutex<Store>>);

impl SharedStore {
    /// Shares a store.
    #[must_use]
    pub(super) fn new(store: Store) -> Self {
        Self(Arc::new(Mutex::new(store)))
    }

    /// Looks at it. Others wait meanwhile, so this must be short.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.lock())
    }

    /// Makes changes, and waits until they are as durable as wanted.
    ///
    /// # Cancellation
    /// The changes are made.
    pub(super) async fn change(&self, changes: Vec<Change>, durable: Durable) {
        let shared = self.clone();
        let done = tokio::task::spawn_blocking(move || shared.lock().change(changes, durable)).await;
        if let Err(error) = done {
            tracing::error!(%error, "a change of the journal was not made");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // A panic in the middle of a change leaves a ledger that is whole: changes are applied one by one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
