//! Repeating what another process has published.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::document::{Document, Entry, VERSION};
use crate::base::clock::{Clock, SystemClock};
use crate::base::fs::read_bytes;
use crate::contract::{CheckContext, CheckError, CheckKind, HealthCheck};
use crate::engine::Registration;
use crate::model::quantity::show_seconds;
use crate::model::{CheckId, CheckSpec, GatePolicy, Report};

/// The largest file that is read.
const LARGEST: u64 = 64 << 20;
/// What is older says nothing any more.
const OLDEST: Duration = Duration::from_secs(15);
/// How often it is looked.
const INTERVAL: Duration = Duration::from_secs(1);

/// What another process publishes. Clones share what was read.
#[derive(Debug, Clone)]
pub struct Published {
    file: PathBuf,
    clock: Arc<dyn Clock>,
    read: Arc<Mutex<Option<Kept>>>,
}

/// What was read last, and when that was written.
#[derive(Debug)]
struct Kept {
    changed: SystemTime,
    document: Arc<Document>,
}

impl Published {
    /// In this file, there or not.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self::with_clock(file, Arc::new(SystemClock))
    }

    /// The same by another clock.
    #[must_use]
    pub fn with_clock(file: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { file, clock, read: Arc::default() }
    }

    /// What is published of a check, as a report. What is old, or not published at all, is Unknown. Reads a file.
    #[must_use]
    pub fn report(&self, id: &CheckId) -> Report {
        let document = match self.document() {
            Ok(document) => document,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Report::unknown("the process that runs it has published nothing yet").code("pending");
            }
            Err(error) => {
                return Report::unknown(format!("cannot read what the process that runs it publishes: {error}"))
                    .code("unreadable");
            }
        };
        let age = document.at.age(&self.clock.stamp());
        if age > OLDEST {
            let text = format!(
                "process {}, which runs it, has published nothing for {}",
                document.process,
                show_seconds(age.as_secs_f64())
            );
            return Report::unknown(text).code("stale");
        }
        let missing = || {
            let text = format!("process {}, which runs what is about the host, does not know it", document.process);
            Report::unknown(text).code("missing")
        };
        document.checks.get(id.as_str()).map_or_else(missing, Entry::repeated)
    }

    fn document(&self) -> io::Result<Arc<Document>> {
        let changed = std::fs::metadata(&self.file)?.modified()?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = read.as_ref().filter(|kept| kept.changed == changed) {
            return Ok(kept.document.clone());
        }
        let document: Document = serde_json::from_slice(&read_bytes(&self.file, LARGEST)?)?;
        if document.version != VERSION {
            return Err(io::Error::other("it was written by another version of this program"));
        }
        let document = Arc::new(document);
        *read = Some(Kept { changed, document: document.clone() });
        Ok(document)
    }

    /// A registration that repeats what is published of a check with this specification. It has no revision: one that measures takes its
    /// place in any case, also where both look alike.
    #[must_use]
    pub fn mirrored(&self, id: CheckId, spec: &CheckSpec) -> Registration {
        let spec = CheckSpec {
            gate: GatePolicy { fail_after: 1, recover_after: 1, window: None, flap: None },
            required: spec.required,
            tags: spec.tags.clone(),
            probes: spec.probes.clone(),
            maintenance: spec.maintenance.clone(),
            hint: spec.hint.clone(),
            // Whoever measures has judged already, with what it depends on.
            ..CheckSpec::every(INTERVAL)
        };
        Registration::new(Mirrored { id, published: self.clone() }, spec)
    }
}

/// A check that another process runs.
#[derive(Debug)]
pub struct Mirrored {
    id: CheckId,
    published: Published,
}

#[async_trait]
impl HealthCheck for Mirrored {
    fn id(&self) -> &CheckId {
        &self.id
    }

    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }

    async fn check(&self, cx: &CheckContext) -> Result<Report, CheckError> {
        let (published, id) = (self.published.clone(), self.id.clone());
        cx.blocking(self.id.as_str(), move || published.report(&id)).await
    }
}
