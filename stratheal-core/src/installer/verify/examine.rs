//! The whole examination.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;

use super::alien::aliens;
use super::conflicts::conflicts;
use super::content::{Hashed, hash_all};
use super::expected::{Claim, ExpectedFiles, Outside};
use super::judge::{self, Content, Damaged, finding, mender, needed, overlaps, problem};
use super::linked::Linked;
use super::mode::has_lost_it;
use super::moved::moved;
use super::programs::dead_links;
use super::project::projects;
use super::shared::Elsewhere;
use super::sight::{Seen, look};
use super::standing::{Fit, explained, has_twins, is_claimed, settle};
use super::stat_cache::StatCache;
use super::{
    Finding, Problem, Project, Remedy, Right, Subject, Vanished, Verified, VerifyOptions, content, imports, mode, pth,
    vanished,
};
use crate::base::clock::{Clock, SystemClock};
use crate::installer::Installer;
use crate::installer::error::InstallError;
use crate::installer::install::StopWhenDropped;
use crate::installer::installed::Installed;
use crate::installer::origin::Origins;
use crate::installer::switch::{Identity, Register};
use crate::objects::{RecordHash, Store};

/// How often an environment is looked at anew because it was exchanged meanwhile.
const MOST_ATTEMPTS: usize = 3;

/// The largest file outside the environment that is hashed, in bytes.
const LARGEST_OUTSIDE: u64 = 1 << 30;

/// The most rows that lead outside: a RECORD that is hostile may have many.
const MOST_OUTSIDE: usize = 1_000;

/// What an examination found, and all that a repair needs to know.
#[derive(Debug)]
pub(in crate::installer) struct Examined {
    pub(in crate::installer) verified: Verified,
    pub(in crate::installer) projects: Vec<Project>,
    pub(in crate::installer) files: Vec<super::Expected>,
    pub(in crate::installer) damaged: Vec<Damaged>,
    pub(in crate::installer) origins: Origins,
}

impl Installer {
    /// Looks whether an environment is what its installers made of it. Nothing in it is changed. Whoever changes it at the same time
    /// may be seen half-way, except where it is exchanged as a whole.
    ///
    /// # Cancellation
    /// Dropping the future stops the work, and kills interpreters that import.
    ///
    /// # Errors
    /// [`InstallError`] when it cannot be looked at. Damage is no error.
    pub async fn verify(&self, subject: &Subject, options: &VerifyOptions) -> Result<Verified, InstallError> {
        let Examined { mut verified, projects, .. } = self.examine(subject, options.full).await?;
        if let Some(interpreter) = subject.interpreter().filter(|_| options.imports) {
            verified.findings.extend(imports::failing(subject.root(), &projects, interpreter).await);
            verified.settle();
        }
        Ok(verified)
    }

    /// As [`Installer::verify`], without imports, and with everything that was found.
    pub(in crate::installer) async fn examine(&self, subject: &Subject, full: bool) -> Result<Examined, InstallError> {
        let stop = Arc::new(AtomicBool::new(false));
        let dropped = StopWhenDropped(Arc::clone(&stop));
        let (installer, subject) = (self.clone(), subject.clone());
        let examined = tokio::task::spawn_blocking(move || {
            let identity = || Identity::of(subject.root()).ok().flatten();
            let mut attempts = 0;
            loop {
                let before = identity();
                attempts += 1;
                let work = Examining {
                    subject: &subject,
                    // Without a place for it nothing is remembered, and that is all.
                    register: Register::open(installer.state(), subject.root()).ok(),
                    state: installer.state(),
                    store: installer.fetcher().store(),
                    full,
                    stop: &stop,
                    began: SystemClock.now(),
                };
                let examined = work.run();
                if before == identity() || attempts >= MOST_ATTEMPTS {
                    return examined;
                }
            }
        });
        let examined = examined.await.map_err(|error| InstallError::Panicked(error.to_string()))?;
        drop(dropped);
        examined
    }
}

/// An examination, and all it needs.
struct Examining<'a> {
    subject: &'a Subject,
    register: Option<Register>,
    state: &'a Path,
    store: &'a Store,
    full: bool,
    stop: &'a AtomicBool,
    began: Timestamp,
}

impl Examining<'_> {
    fn run(&self) -> Result<Examined, InstallError> {
        let root = self.subject.root();
        let folders: Vec<_> = self.subject.packages().iter().map(|folder| root.join(folder)).collect();
        let installed = Installed::scan(folders.iter().map(std::path::PathBuf::as_path))
            .map_err(|source| InstallError::storage("read what is installed", source))?;
        let origins = self.register.as_ref().map(Origins::read).unwrap_or_default();
        let (mut projects, mut findings) = projects(root, installed);
        findings.extend(self.subject.findings().iter().cloned());
        findings.extend(dead_links(root, self.subject.interpreter()));
        findings.extend(moved(root));
        findings.extend(altered(&mut projects, &origins));
        let packages: Vec<String> =
            self.subject.packages().iter().filter_map(|folder| folder.to_str().map(str::to_owned)).collect();
        let expected = ExpectedFiles::of(&projects, root);
        let sight = look(root, &packages, &expected, self.stop)?;
        let mut verified = Verified {
            root: root.to_owned(),
            projects: projects.len(),
            files: expected.files.len(),
            hashed: 0,
            bytes_hashed: 0,
            findings,
            left_out: 0,
        };
        let (vanished, uninstalled): (Vec<_>, Vec<_>) =
            self.vanished(&projects, &expected, &origins).into_iter().partition(|one| !one.is_uninstalled);
        verified.findings.extend(vanished.iter().chain(&uninstalled).map(Vanished::finding));
        projects.extend(vanished.into_iter().map(Vanished::project));
        let (mut damaged, fits) = self.contents(&expected, sight.seen, &projects, &mut verified)?;
        verified.findings.extend(settle(&mut projects, &fits, &origins));
        verified.findings = explained(verified.findings, &projects);
        damaged.retain(|one| is_claimed(expected.files[one.file].claims(), &projects));
        self.tell(&damaged, &expected, &projects, &origins, &mut verified);
        verified.findings.extend(overlaps(&expected, &projects));
        verified.findings.extend(self.outside(&expected.outside, &projects));
        verified.findings.extend(pth::gone(root, &packages, &projects));
        // Without all RECORDs nobody knows what belongs to nobody.
        if projects.iter().all(|project| project.rows.is_ok()) {
            verified.findings.extend(aliens(&sight.aliens));
        }
        if let Some(interpreter) = self.subject.interpreter() {
            verified.findings.extend(conflicts(root, &projects, interpreter));
        }
        verified.settle();
        Ok(Examined { verified, projects, files: expected.files, damaged, origins })
    }

    /// Projects that are noted and not there. Something is looked at only where there are any.
    fn vanished(&self, projects: &[Project], expected: &ExpectedFiles, origins: &Origins) -> Vec<Vanished> {
        let there: HashSet<_> = projects.iter().filter_map(|project| project.name.as_ref()).collect();
        let packages = self.subject.packages().first().map(std::path::PathBuf::as_path);
        let is_claimed = |path: &str| expected.by_path.contains_key(path);
        vanished(self.subject.root(), packages, &there, origins, is_claimed)
    }

    /// Hashes what has to be hashed, and answers what is damaged, and how many files of each project are as it says, if that matters.
    fn contents(
        &self,
        expected: &ExpectedFiles,
        seen: Vec<Seen>,
        projects: &[Project],
        verified: &mut Verified,
    ) -> Result<(Vec<Damaged>, Vec<Fit>), InstallError> {
        let place = self.register.as_ref().map(Register::stats);
        let cache = place.as_deref().map(StatCache::read).unwrap_or_default();
        let mut remembered = StatCache::default();
        let mut seen = seen;
        let linked = Linked::follow(self.subject.root(), expected, projects, &mut seen);
        let mut contents = Vec::with_capacity(seen.len());
        let mut waiting = Vec::new();
        for (index, (file, seen)) in expected.files.iter().zip(&seen).enumerate() {
            let content = match seen {
                Seen::File(stat) => needed(file, stat, cache.content(stat).filter(|_| !self.full)),
                _ => Content::Unneeded,
            };
            match (content, seen) {
                (Content::Unknown, Seen::File(stat)) => waiting.push((index as u32, stat.size)),
                (Content::Known(id), Seen::File(stat)) => remembered.add(*stat, id, self.began),
                _ => {}
            }
            contents.push(content);
        }
        let was_known = remembered.len();
        let path_of = |index: u32| linked.place(index, &expected.files[index as usize]);
        for Hashed { index, size, content } in hash_all(self.subject.root(), waiting, &path_of, self.stop) {
            let index = index as usize;
            match content {
                Ok((id, stat)) => {
                    verified.hashed += 1;
                    verified.bytes_hashed += size;
                    contents[index] = Content::Known(id);
                    seen[index] = Seen::File(stat);
                    remembered.add(stat, id, self.began);
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => seen[index] = Seen::Missing,
                Err(error) => seen[index] = Seen::Unreadable(error.to_string()),
            }
        }
        if self.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(InstallError::Stopped);
        }
        if let Some(place) = place.filter(|_| remembered.len() != was_known || cache.len() != was_known)
            && let Err(error) = remembered.write(&place)
        {
            tracing::debug!(%error, "what was hashed is hashed again next time");
        }
        let mut fits = vec![Fit::default(); projects.len()];
        if has_twins(projects) {
            for ((file, seen), content) in expected.files.iter().zip(&seen).zip(&contents) {
                // The metadata itself is there in any case.
                let is_own = |claim: &&Claim| Path::new(&*file.path).starts_with(&projects[claim.project].folder);
                for claim in file.claims().filter(|claim| !is_own(claim)) {
                    if let Some(is_right) = judge::fits(claim, seen, *content) {
                        fits[claim.project].add(is_right);
                    }
                }
            }
        }
        let each = expected.files.iter().zip(&seen).zip(contents).enumerate();
        let damaged = each.filter_map(|(index, ((file, seen), content))| {
            let stat = if let Seen::File(stat) = seen { Some(*stat) } else { None };
            let root = self.subject.root();
            let problem = problem(file, seen, content).map(|problem| linked.problem(index as u32, problem));
            let problem = problem.map(|problem| mode::explained(&root.join(&*file.path), problem));
            let lost = || has_lost_it(root, &file.path, seen).then_some(Problem::Mode { lacks: Right::Execute });
            let problem = problem.or_else(lost);
            problem.map(|problem| Damaged { file: index, problem, stat })
        });
        Ok((damaged.collect(), fits))
    }

    /// Tells about damaged files, and who else has them.
    fn tell(
        &self,
        damaged: &[Damaged],
        expected: &ExpectedFiles,
        projects: &[Project],
        origins: &Origins,
        verified: &mut Verified,
    ) {
        let is_shared = damaged.iter().any(|one| one.stat.is_some_and(|stat| stat.links > 1));
        let known = if is_shared { Register::all(self.state) } else { Vec::new() };
        let elsewhere = Elsewhere::new(self.subject.root(), known, self.store, origins);
        for one in damaged {
            let file = &expected.files[one.file];
            let mut finding = finding(file, one.problem.clone(), projects);
            let is_mode = matches!(one.problem, Problem::Mode { .. });
            let needs_owner = is_mode || matches!(one.problem, Problem::Unreadable { .. });
            if needs_owner && !mode::is_own(&self.subject.root().join(&*file.path)) {
                // Neither its mode can be set nor, as a rule, another file be put in its place.
                finding = finding.with(None);
            } else if finding.remedy == Some(Remedy::Repair)
                && !is_mode
                && mender(file, &one.problem, projects, origins).is_none()
            {
                finding = finding.with(Some(Remedy::Reinstall));
            }
            finding.shared = elsewhere.of(one, file, projects);
            verified.findings.push(finding);
        }
    }

    /// Rows that lead out of the environment: looked at, told apart, and never written to.
    fn outside(&self, rows: &[Outside], projects: &[Project]) -> Vec<Finding> {
        let tell = |outside: &Outside| {
            let project = &projects[outside.project];
            let path = self.subject.root().join(project.packages()).join(&outside.row.path);
            let wrong = match &outside.row.hash {
                RecordHash::Sha256(id) => match std::fs::symlink_metadata(&path) {
                    Err(error) => Some(format!("cannot be found ({error})")),
                    Ok(found) if !found.is_file() => Some("is no file".to_owned()),
                    Ok(found) if outside.row.size.is_some_and(|size| size != found.len()) => {
                        Some("was changed".to_owned())
                    }
                    Ok(found) if found.len() > LARGEST_OUTSIDE => None,
                    Ok(_) => match content::hash(&path) {
                        Ok(found) if found == *id => None,
                        Ok(_) => Some("was changed".to_owned()),
                        Err(error) => Some(format!("cannot be read ({error})")),
                    },
                },
                RecordHash::Absent | RecordHash::Other(_) => None,
            };
            Finding::about(project.name.as_ref(), Some(outside.row.path.clone().into()), Problem::Outside { wrong })
        };
        rows.iter().take(MOST_OUTSIDE).map(tell).collect()
    }
}

/// RECORDs that are not those that this program wrote, although it installed these projects last.
fn altered(projects: &mut [Project], origins: &Origins) -> Vec<Finding> {
    let mut findings = Vec::new();
    for project in projects.iter_mut().filter(|project| project.rows.is_ok()) {
        let (Some(name), Some(version)) = (&project.name, &project.version) else { continue };
        let Some(origin) = origins.of(name).filter(|origin| origin.is_of(version, None)) else { continue };
        let ours = project.distribution.as_ref().and_then(crate::installer::installed::Distribution::installer);
        if project.record != Some(origin.record) && ours.as_deref() == Some("stratheal") {
            let reason = "it is not the one that was installed".to_owned();
            let problem = Problem::Record { reason: reason.clone() };
            findings.push(Finding::about(Some(name), Some(project.folder.clone()), problem));
            project.rows = Err(reason);
        }
    }
    findings
}
