//! The snapshots of a project, as programs use them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio::sync::broadcast;

use super::catalog::{Catalog, Unreadable};
use super::tree::Tree;
use super::{Selector, Snapshot, SnapshotError, SnapshotEvent};
use crate::base::clock::{Clock, SystemClock};
use crate::installer::StopWhenDropped;
use crate::installer::switch::{EnvironmentLock, Journal, Register};
use crate::objects::Store;

/// Events that a slow listener may be behind.
const EVENTS: usize = 1024;

/// The snapshots of a project. Clones share everything; any number of processes may use one folder at the same time.
///
/// ```no_run
/// use std::path::Path;
/// use stratheal_core::snapshot::{CreateOptions, RollbackOptions, Selector, Snapshots};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let snapshots = Snapshots::open(Path::new(".stratheal"), Path::new("/home/app/.local/state/stratheal"), None);
/// let made = snapshots.create(Path::new(".venv"), &CreateOptions::default()).await?;
/// println!("snapshot {}: {} files", made.snapshot.number, made.snapshot.files);
/// // Something goes wrong, and then:
/// let back = snapshots.rollback(&Selector::Newest, Path::new(".venv"), &RollbackOptions::default()).await?;
/// println!("{} files put back", back.put);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Snapshots {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) catalog: Catalog,
    objects: PathBuf,
    vault: OnceLock<Store>,
    pub(super) cache: Option<Store>,
    /// What this user's installers keep about environments.
    pub(super) user_state: PathBuf,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) events: broadcast::Sender<SnapshotEvent>,
    /// Held by each change that is at work, also when nobody waits for it any more.
    pub(super) at_work: Arc<tokio::sync::RwLock<()>>,
    pub(super) automatic: RwLock<super::Automatic>,
}

impl fmt::Debug for Snapshots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshots").field("objects", &self.shared.objects).finish_non_exhaustive()
    }
}

impl Snapshots {
    /// The snapshots in a state folder. Nothing is read or made yet. `user_state` is the folder for what this user's installers keep about
    /// environments, and `cache` the download cache: with it, wheels are shared instead of copied, and put back quickly.
    #[must_use]
    pub fn open(state: &Path, user_state: &Path, cache: Option<Store>) -> Self {
        Self::open_with(state, user_state, cache, Arc::new(SystemClock))
    }

    /// As [`Snapshots::open`], with a clock that says when a snapshot is made.
    #[must_use]
    pub fn open_with(state: &Path, user_state: &Path, cache: Option<Store>, clock: Arc<dyn Clock>) -> Self {
        let (events, _) = broadcast::channel(EVENTS);
        let shared = Shared {
            catalog: Catalog::new(state),
            objects: state.join("objects"),
            vault: OnceLock::new(),
            cache,
            user_state: user_state.to_owned(),
            clock,
            events,
            at_work: Arc::default(),
            automatic: RwLock::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What happens from now on. A listener that is too slow loses the oldest events.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<SnapshotEvent> {
        self.shared.events.subscribe()
    }

    pub(super) fn tell(&self, event: SnapshotEvent) {
        // Nobody may be listening.
        drop(self.shared.events.send(event));
    }

    /// How snapshots are made by themselves around changes: see [`crate::contract::EnvironmentGuard`].
    pub fn set_automatic(&self, automatic: super::Automatic) {
        *self.shared.automatic.write().unwrap_or_else(PoisonError::into_inner) = automatic;
    }

    /// Waits until changes that were dropped have come to their end: each is either made, or taken back.
    ///
    /// # Cancellation
    /// Dropping the future only stops waiting.
    pub async fn settled(&self) {
        drop(self.shared.at_work.write().await);
    }

    /// All snapshots in the order of their numbers, and those that cannot be read.
    ///
    /// # Errors
    /// [`SnapshotError::Storage`] when the folder cannot be read. That there is none is no error.
    pub fn list(&self) -> Result<(Vec<Snapshot>, Vec<Unreadable>), SnapshotError> {
        self.shared.catalog.list()
    }

    /// One snapshot. Words mean those of the environment `root`, or of any.
    ///
    /// # Errors
    /// [`SnapshotError::Unknown`], or [`SnapshotError::Damaged`] when it is there and cannot be read.
    pub fn find(&self, selector: &Selector, root: Option<&Path>) -> Result<Snapshot, SnapshotError> {
        if let Selector::Number(number) = selector {
            return self.shared.catalog.read(*number);
        }
        let (all, _) = self.list()?;
        selector.choose(&all, root).cloned()
    }

    /// Its tree, checked against its hash.
    ///
    /// # Errors
    /// [`SnapshotError::Damaged`] when it is not what it was.
    pub fn tree(&self, snapshot: &Snapshot) -> Result<Tree, SnapshotError> {
        self.shared.catalog.tree(snapshot)
    }

    /// Where content is kept; made when it is needed first.
    pub(super) fn vault(&self) -> Result<Store, SnapshotError> {
        if let Some(vault) = self.shared.vault.get() {
            return Ok(vault.clone());
        }
        let opened = Store::open_with(&self.shared.objects, Arc::clone(&self.shared.clock))?;
        Ok(self.shared.vault.get_or_init(|| opened).clone())
    }

    /// Locks an environment, and brings to an end what somebody else has begun to change there.
    pub(super) async fn lock(&self, root: &Path, work: &str) -> Result<(EnvironmentLock, Register), SnapshotError> {
        let storage = |error| SnapshotError::storage("lock the environment", error);
        let register = Register::open(&self.shared.user_state, root).map_err(storage)?;
        let waits = |holder| self.tell(SnapshotEvent::Waiting { holder });
        let locked = EnvironmentLock::take(&register, root, work, &waits).await.map_err(storage)?;
        let (recovering, at) = (register.clone(), root.to_owned());
        let recovered = tokio::task::spawn_blocking(move || Journal::recover(&recovering, &at)).await;
        let recovered = recovered.map_err(|error| SnapshotError::Panicked(error.to_string()))?;
        let recovered = recovered.map_err(|error| {
            SnapshotError::storage("bring an interrupted change of the environment to its end", error)
        })?;
        if let Some(how) = recovered {
            self.tell(SnapshotEvent::Recovered { how });
        }
        Ok((locked, register))
    }

    /// Runs work that blocks. It is asked to stop when nobody waits for it any more.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self, &AtomicBool) -> Result<T, SnapshotError> + Send + 'static,
    ) -> Result<T, SnapshotError> {
        let stop = Arc::new(AtomicBool::new(false));
        let dropped = StopWhenDropped(Arc::clone(&stop));
        let at_work = Arc::clone(&self.shared.at_work).read_owned().await;
        let own = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _at_work = at_work;
            work(&own, &stop)
        });
        let done = done.await.map_err(|error| SnapshotError::Panicked(error.to_string()))?;
        drop(dropped);
        done
    }
}

/// The real folder of an environment, which need not be there.
pub(super) fn real(root: &Path) -> Result<PathBuf, SnapshotError> {
    crate::installer::real(root).map_err(|error| SnapshotError::storage("find the environment", error))
}
