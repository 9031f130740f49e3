//! The whole repair.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use futures::StreamExt;

use super::job::{Job, What, dead_links, jobs, leftovers, modes};
use super::mend::{Site, Tried, mend};
use super::mode::allow;
use super::put::put;
use super::repaired::{Mended, PlannedRepair, RepairOptions, RepairPlan, RepairSource, Repaired, Unmended};
use crate::base::class::chain;
use crate::base::fs::named;
use crate::installer::Installer;
use crate::installer::change::{Change, StageFolder};
use crate::installer::error::InstallError;
use crate::installer::guarded::Guarded;
use crate::installer::install::StopWhenDropped;
use crate::installer::origin::Origins;
use crate::installer::prepare::pack_of;
use crate::installer::python::Compatibility;
use crate::installer::stage::{Addition, Contents, remove_tree, symlink};
use crate::installer::switch::{Journal, Register};
use crate::installer::verify::{Examined, PROGRAM, Project, Right, Subject, Verified};
use crate::installer::wheels::{Candidate, Sought};

/// A RECORD that was put back may show more that is damaged, and that is put back next.
const MOST_PASSES: usize = 3;

/// Projects that are worked on at the same time.
const AT_ONCE: usize = 8;

impl Installer {
    /// Says what a repair would do. Looks, and changes nothing.
    ///
    /// # Cancellation
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// [`InstallError`] when the environment cannot be looked at.
    pub async fn repair_plan(&self, subject: &Subject, options: &RepairOptions) -> Result<RepairPlan, InstallError> {
        let examined = self.examine(subject, options.full).await?;
        let store = self.fetcher().store().clone();
        let (planned, removals, relinks) = (jobs(&examined), leftovers(&examined), dead_links(&examined));
        let allowances = modes(&examined).into_iter().map(|(path, _)| path).collect();
        let repairs = tokio::task::spawn_blocking(move || {
            let each = planned.into_iter().map(|job| {
                let source = match (&job.origin, &job.name, &job.version) {
                    (Some(origin), ..) => {
                        let cached = store.pack(&origin.wheel)?.is_some();
                        RepairSource::Noted { wheel: origin.file.clone(), cached }
                    }
                    (None, Some(_), Some(_)) => RepairSource::Searched,
                    _ => RepairSource::Unknown,
                };
                let paths = match &job.what {
                    What::Everything => Vec::new(),
                    What::Files(files) => files.iter().map(|file| PathBuf::from(&file.path)).collect(),
                };
                Ok(PlannedRepair { project: job.name, paths, source })
            });
            each.collect::<Result<Vec<_>, InstallError>>()
        });
        let repairs = repairs.await.map_err(|error| InstallError::Panicked(error.to_string()))??;
        let (root, verified) = (subject.root().to_owned(), examined.verified);
        Ok(RepairPlan { root, repairs, relinks, allowances, removals, verified })
    }

    /// Puts back what is damaged, file by file, and says how the environment is then. What belongs to nobody stays, and what does not
    /// fit each other is only named.
    ///
    /// # Cancellation
    /// Dropping the future stops the work between two files. Each file is the old one or the right one.
    ///
    /// # Errors
    /// [`InstallError`] when the environment cannot be looked at, or when there is no room. What cannot be put back is no error.
    pub async fn repair(&self, subject: &Subject, options: &RepairOptions) -> Result<Repaired, InstallError> {
        let root = subject.root();
        let (locked, register) = self.lock(root, "repair").await?;
        let locked = Arc::new(locked);
        let recovered = self.recover(&register, root).await?;
        let mut examined = self.examine(subject, options.full).await?;
        let mut work = Work::default();
        let mut guarded = None;
        let also_damaged = also_damaged(&examined);
        for pass in 0..MOST_PASSES {
            let left = leftovers(&examined).into_iter().filter(|path| work.tried.insert(path.clone()));
            let left: Vec<_> = left.collect();
            let links = dead_links(&examined).into_iter().filter(|path| work.tried.insert(path.clone()));
            let links: Vec<_> = links.collect();
            let modes = modes(&examined).into_iter().filter(|mode| work.tried_modes.insert(mode.clone()));
            let small = Small { left, links, modes: modes.collect() };
            let wanted = jobs(&examined).into_iter().filter(|job| work.is_new(job, pass));
            let wanted: Vec<_> = wanted.collect();
            if wanted.is_empty() && small.is_empty() {
                break;
            }
            if guarded.is_none() {
                guarded = Some(self.guarded_repair(root).await?);
            }
            // Metadata that is right again may name files that were not known before.
            let is_single = small.is_empty() && examined.projects.iter().all(Project::is_known);
            let before = work.mended.len();
            let stop = Arc::new(AtomicBool::new(false));
            let _dropped = StopWhenDropped(Arc::clone(&stop));
            let (stage, _) = StageFolder::make(&register, root, u64::MAX)?;
            let site = Site {
                root: root.to_owned(),
                stage,
                _locked: Arc::clone(&locked),
                interpreter: subject.interpreter().cloned(),
                store: self.fetcher().store().clone(),
                link_mode: self.ways().link_mode,
                full: options.full,
                stop,
            };
            self.pass(Arc::new(site), &register, wanted, small, &mut work).await?;
            if is_single {
                examined.verified.forget(&work.mended[before..].iter().map(|one| one.path.as_path()).collect());
                break;
            }
            examined = self.examine(subject, false).await?;
        }
        let notes = match guarded {
            Some(guarded) => {
                let told = tokio::task::spawn_blocking(move || guarded.changed()).await;
                told.map_err(|error| InstallError::Panicked(error.to_string()))?
            }
            None => Vec::new(),
        };
        let Work { mended, relinked, allowed, removed, unmended, .. } = work;
        let verified = examined.verified;
        Ok(Repaired {
            root: root.to_owned(),
            mended,
            relinked,
            allowed,
            removed,
            unmended,
            also_damaged,
            recovered,
            verified,
            notes,
        })
    }

    /// Tells that files are about to be put back.
    async fn guarded_repair(&self, root: &Path) -> Result<Guarded, InstallError> {
        let (installer, root) = (self.clone(), root.to_owned());
        let told = tokio::task::spawn_blocking(move || installer.guarded(&root, "repair".to_owned())).await;
        told.map_err(|error| InstallError::Panicked(error.to_string()))
    }

    async fn pass(
        &self,
        site: Arc<Site>,
        register: &Register,
        wanted: Vec<Job>,
        small: Small,
        work: &mut Work,
    ) -> Result<(), InstallError> {
        for path in small.left {
            match remove(&site.root, &path) {
                Ok(()) => work.removed.push(path),
                Err(reason) => work.unmended.push(Unmended { project: None, path, reason }),
            }
        }
        for path in small.links {
            match relink(&site, &path) {
                Ok(()) => work.relinked.push(path),
                Err(reason) => work.unmended.push(Unmended { project: None, path, reason }),
            }
        }
        for (path, lacks) in small.modes {
            match allow(&site.root, &path, lacks) {
                Ok(()) => work.allowed.push(path),
                Err(reason) => work.unmended.push(Unmended { project: None, path, reason }),
            }
        }
        let accepts = site.interpreter.as_ref().map(Compatibility::of);
        let each = wanted.into_iter().map(|job| self.mend(&site, job, accepts.as_ref()));
        let mut done = futures::stream::iter(each).buffer_unordered(AT_ONCE);
        let mut failed = None;
        while let Some(one) = done.next().await {
            match one {
                Ok(one) => {
                    work.mended.extend(one.mended);
                    work.unmended.extend(one.unmended);
                    if let Some((addition, contents)) = one.noted {
                        let change = Change { additions: vec![addition], removals: Vec::new() };
                        Origins::note(register, &change, &[contents]);
                    }
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        drop(done);
        drop(site);
        Journal::close(register).map_err(|source| InstallError::storage("close the journal", source))?;
        work.mended.sort_by(|a, b| a.path.cmp(&b.path));
        failed.map_or(Ok(()), Err)
    }

    /// Puts back one project's files, from one wheel after the other.
    async fn mend(
        &self,
        site: &Arc<Site>,
        mut job: Job,
        accepts: Option<&Compatibility>,
    ) -> Result<Done, InstallError> {
        let mut done = Done::default();
        let Some(name) = job.name.clone() else {
            return Ok(Done { unmended: failed(&job, "nobody knows which project it is"), ..done });
        };
        let sought = Sought { name: &name, version: job.version.as_ref(), origin: job.origin.as_ref() };
        let candidates = match self.candidates(sought, accepts).await {
            Ok(candidates) => candidates,
            Err(reason) => return Ok(Done { unmended: failed(&job, &reason), ..done }),
        };
        let mut reason = "no wheel of this version holds it".to_owned();
        let mut is_done = false;
        for candidate in &candidates {
            // A wheel that is damaged in the store is had once more.
            for attempt in 0..2 {
                let tried = match self.try_one(site, &job, candidate).await {
                    Ok(tried) => tried,
                    Err(error @ (InstallError::DiskFull { .. } | InstallError::Panicked(_))) => return Err(error),
                    Err(InstallError::Store(error)) if error.is_disk_full() => return Err(error.into()),
                    Err(error) => {
                        reason = chain(&error);
                        break;
                    }
                };
                let wheel = || candidate.name.clone();
                let files = tried.mended.into_iter();
                done.mended.extend(files.map(|path| Mended { project: job.name.clone(), path, wheel: wheel() }));
                done.unmended.extend(tried.refused);
                done.noted = tried.noted;
                if let What::Files(open) = &mut job.what {
                    *open = tried.open;
                    is_done = open.is_empty();
                } else {
                    is_done = !tried.again;
                }
                if is_done || !tried.again || attempt > 0 {
                    break;
                }
            }
            if is_done {
                break;
            }
        }
        if !is_done {
            done.unmended.extend(failed(&job, &reason));
        }
        Ok(done)
    }

    async fn try_one(&self, site: &Arc<Site>, job: &Job, candidate: &Candidate) -> Result<Tried, InstallError> {
        let pack = pack_of(self.fetcher(), &self.place(candidate).await?).await?;
        let (site, job) = (Arc::clone(site), job.clone());
        let tried = tokio::task::spawn_blocking(move || mend(&site, &job, &pack)).await;
        tried.map_err(|error| InstallError::Panicked(error.to_string()))?
    }
}

/// What was done for one project.
#[derive(Default)]
struct Done {
    mended: Vec<Mended>,
    unmended: Vec<Unmended>,
    noted: Option<(Addition, Contents)>,
}

/// What needs no wheel.
struct Small {
    left: Vec<PathBuf>,
    links: Vec<PathBuf>,
    modes: Vec<(PathBuf, Right)>,
}

impl Small {
    const fn is_empty(&self) -> bool {
        self.left.is_empty() && self.links.is_empty() && self.modes.is_empty()
    }
}

/// What was done so far.
#[derive(Default)]
struct Work {
    mended: Vec<Mended>,
    relinked: Vec<PathBuf>,
    allowed: Vec<PathBuf>,
    removed: Vec<PathBuf>,
    unmended: Vec<Unmended>,
    /// What need not be tried again.
    tried: BTreeSet<PathBuf>,
    tried_modes: BTreeSet<(PathBuf, Right)>,
}

impl Work {
    /// Whether a job is worth doing: what failed once fails again.
    fn is_new(&self, job: &Job, pass: usize) -> bool {
        let is_failed = self.unmended.iter().any(|one| one.project == job.name);
        pass == 0 || !is_failed
    }
}

impl Verified {
    /// Leaves out what was said about files that are right now.
    fn forget(&mut self, mended: &BTreeSet<&Path>) {
        let is_about = |path: Option<&PathBuf>| path.is_some_and(|path| mended.contains(path.as_path()));
        self.findings.retain(|finding| !(finding.counts() && is_about(finding.path.as_ref())));
    }
}

fn also_damaged(examined: &Examined) -> Vec<PathBuf> {
    let shared = examined.verified.findings.iter().filter_map(|finding| finding.shared.as_ref());
    let all: BTreeSet<_> = shared.flat_map(|shared| shared.environments.iter().cloned()).collect();
    all.into_iter().collect()
}

/// What stays damaged of a job, with what to type.
fn failed(job: &Job, reason: &str) -> Vec<Unmended> {
    let next = match (&job.name, &job.version) {
        (Some(name), Some(version)) if job.is_what_its_folder_says(name, version) => {
            format!("`stratheal install --reinstall {name}=={version}`")
        }
        (Some(name), Some(_)) => {
            format!("`stratheal install --reinstall {name}`, with the version that it should have")
        }
        _ => "remove it, and install the project again".to_owned(),
    };
    let reason = format!("{reason}: {next}");
    let one = |path: PathBuf| Unmended { project: job.name.clone(), path, reason: reason.clone() };
    match &job.what {
        What::Everything => vec![one(job.folder.clone())],
        What::Files(files) => files.iter().map(|file| one(PathBuf::from(&file.path))).collect(),
    }
}

/// Makes another name of the interpreter a link to its program, as an environment is laid out.
fn relink(site: &Site, path: &Path) -> Result<(), String> {
    let ready = site.stage.path().join("link");
    let made = symlink(Path::new(PROGRAM), &ready).map_err(|error| named(&ready, &error).to_string());
    made.and_then(|()| put(&site.root, path, &ready).map_err(|error| chain(&error)))
}

/// Removes what an interrupted pip has left: something in a folder of packages whose name begins with `~`.
fn remove(root: &Path, path: &Path) -> Result<(), String> {
    let place = root.join(path);
    let is_leftover = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"~"));
    let parent = place.parent().and_then(|parent| parent.canonicalize().ok());
    if !is_leftover || !parent.is_some_and(|parent| parent.starts_with(root)) {
        return Err("it is reached through a link: look at it yourself".to_owned());
    }
    let is_folder = fs::symlink_metadata(&place).is_ok_and(|found| found.is_dir());
    let removed = if is_folder { remove_tree(&place) } else { fs::remove_file(&place) };
    removed.map_err(|error| format!("it cannot be removed ({error}): remove it yourself"))
}
