//! Going back: a whole snapshot, or a part of one.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::capture::{Sight, look_at};
use super::contents::LARGEST_TEXT;
use super::create::Pending;
use super::diff::is_same;
use super::owners::Owners;
use super::rollback::{
    Built, Changes, Edits, Recipe, Returned, Returning, Selection, Side, changed_python, running_notes, starts,
};
use super::snapshots::real;
use super::tree::{Entry, Tree};
use super::{
    CreateOptions, Difference, Differs, Moment, Reason, RollbackOptions, RollbackPlan, RolledBack, Selector, Snapshot,
    SnapshotError, SnapshotEvent, Snapshots,
};
use crate::base::fs::read_text;
use crate::installer::How;
use crate::installer::origin::Origins;
use crate::installer::switch::{EnvironmentLock, Register};

/// How often a rollback is begun anew because somebody else changed the environment meanwhile.
const MOST_ATTEMPTS: usize = 3;

/// What it goes back to, and where.
struct Target {
    root: PathBuf,
    register: Register,
    snapshot: Snapshot,
    options: RollbackOptions,
    /// Held until nobody needs it any more.
    _locked: EnvironmentLock,
}

/// What was built, and out of what.
struct Beside {
    /// What is there; `None` when nothing is.
    pending: Option<Pending>,
    wanted: Tree,
    /// Edits, when they are to be kept.
    edits: Edits,
    /// `None` when all is as wanted.
    built: Option<Built>,
}

impl Snapshots {
    /// Says what a rollback would do. Looks, and changes nothing.
    ///
    /// # Cancellation
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// [`SnapshotError`], also when content of the snapshot is gone.
    pub async fn rollback_plan(
        &self,
        selector: &Selector,
        root: &Path,
        options: &RollbackOptions,
    ) -> Result<RollbackPlan, SnapshotError> {
        let target = self.target(selector, root, options).await?;
        self.blocking(move |own, stop| own.plan(&target, stop)).await
    }

    /// Brings an environment back to how it was in a snapshot. It is built beside what is there, looked at, and switched in as one
    /// step; what was there becomes the newest snapshot first, so that this can be undone in the same way.
    ///
    /// # Cancellation
    /// Dropping the future stops the work before the switch, and nothing is changed and nothing left behind then; a switch that has begun
    /// is brought to its end in the background.
    ///
    /// # Errors
    /// [`SnapshotError`]; the environment is as it was before.
    pub async fn rollback(
        &self,
        selector: &Selector,
        root: &Path,
        options: &RollbackOptions,
    ) -> Result<RolledBack, SnapshotError> {
        let target = Arc::new(self.target(selector, root, options).await?);
        for _ in 0..MOST_ATTEMPTS {
            let Some(mut done) = self.attempt(&target).await? else { continue };
            // Whoever goes back again and again fills the disk with what was there before.
            if let Err(error) = self.blocking(|own, _| own.prune()).await {
                done.notes.push(format!("old snapshots stay for now: {error}"));
            }
            return Ok(done);
        }
        Err(SnapshotError::Disturbed { root: target.root.clone(), paths: vec!["again and again".to_owned()] })
    }

    async fn target(
        &self,
        selector: &Selector,
        root: &Path,
        options: &RollbackOptions,
    ) -> Result<Target, SnapshotError> {
        let root = real(root)?;
        let snapshot = self.find(selector, Some(&root))?;
        let number = snapshot.number;
        if snapshot.root != root {
            let reason =
                format!("snapshot {number} is of {}, and programs in it name that folder", snapshot.root.display());
            return Err(SnapshotError::Environment { root, reason });
        }
        let mut options = options.clone();
        for path in &mut options.paths {
            let inside = path.strip_prefix(&root).unwrap_or(path).to_owned();
            let is_plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
            if !is_plain || inside.as_os_str().is_empty() {
                let what = format!("`{}`: name a path in the environment", path.display());
                return Err(SnapshotError::NotInside { number, what });
            }
            *path = inside;
        }
        if let Some(part) = snapshot.part() {
            // It knows nothing of anything else.
            let else_wanted = options.paths.iter().find(|path| **path != part).map(|path| path.display().to_string());
            if let Some(wanted) = else_wanted.or_else(|| options.projects.first().cloned()) {
                let what = format!("`{wanted}`, but only `{}`", part.display());
                return Err(SnapshotError::NotInside { number, what });
            }
            options.paths = vec![part];
        }
        let (locked, register) = self.lock(&root, &format!("rollback to snapshot {number}")).await?;
        Ok(Target { root, register, snapshot, options, _locked: locked })
    }

    async fn attempt(&self, target: &Arc<Target>) -> Result<Option<RolledBack>, SnapshotError> {
        let at = Arc::clone(target);
        let Beside { pending, wanted, edits, built } = self.blocking(move |own, stop| own.beside(&at, stop)).await?;
        let mut done = RolledBack {
            root: target.root.clone(),
            number: target.snapshot.number,
            before: None,
            paths: target.options.paths.clone(),
            how: None,
            put: 0,
            kept: wanted.files().count(),
            edits: edits.kept,
            conflicts: edits.conflicts,
            notes: target.snapshot.record.python.iter().filter_map(changed_python).collect(),
        };
        let Some(built) = built else { return Ok(Some(done)) };
        self.tell(SnapshotEvent::Moment { moment: Moment::Checking });
        if let Some(folder) = built.folder().filter(|_| !target.options.unchecked) {
            starts(&target.root, folder).await?;
        }
        let at = Arc::clone(target);
        let switched = self.blocking(move |own, stop| {
            // What is there is a snapshot before it is not there any more.
            let mut pending = pending;
            let kept = pending.as_mut().map(|pending| own.commit(pending)).transpose()?;
            let returned = own.returning(&at, pending.as_ref(), &wanted, stop)?.switch(built)?;
            if returned.is_some() && at.options.is_whole() {
                Origins::restore(&at.register, at.snapshot.origins.as_ref());
            }
            let running = if returned.is_some() { running_notes(&at.root) } else { Vec::new() };
            Ok(returned.map(|returned| (returned, kept.map(|kept| kept.snapshot.number), running)))
        });
        let Some((Returned { how, single, put, kept, lost }, before, running)) = switched.await? else {
            return Ok(None);
        };
        (done.how, done.put, done.kept, done.before) = (Some(how), put, kept, before);
        if how == How::Replaced && !single && !target.options.in_place {
            done.notes.push(format!(
                "{} cannot change places with another folder: its files were replaced one by one, so that a program that started \
                 meanwhile may have seen some of both",
                target.root.display()
            ));
        }
        done.notes.extend(running);
        let lost = lost.iter().map(|path| {
            format!("{} was neither a file nor a folder nor a link, and was not made again", path.display())
        });
        done.notes.extend(lost);
        Ok(Some(done))
    }

    /// Keeps what is there, and builds what is wanted beside it.
    fn beside(&self, target: &Target, stop: &AtomicBool) -> Result<Beside, SnapshotError> {
        if let Some(beside) = self.one_file(target, stop)? {
            return Ok(beside);
        }
        let options = CreateOptions {
            reason: Reason::Before { change: format!("rollback to {}", target.snapshot.number) },
            project: Some(target.snapshot.project.folder.clone()),
            ..CreateOptions::default()
        };
        let there = target.root.exists().then(|| self.prepare(&target.root, &target.register, &options, stop));
        let pending = there.transpose()?;
        let (wanted, edits) = self.wanted(target, pending.as_ref().map(|pending| &pending.captured.tree))?;
        let same = pending.as_ref().is_some_and(|pending| is_same(&pending.captured.tree, &wanted));
        let built = if same { None } else { Some(self.returning(target, pending.as_ref(), &wanted, stop)?.build()?) };
        Ok(Beside { pending, wanted, edits, built })
    }

    /// The same for one file, which is all that is looked at, and all that is kept of what is there. `None` where that is not enough.
    fn one_file(&self, target: &Target, stop: &AtomicBool) -> Result<Option<Beside>, SnapshotError> {
        let Target { root, snapshot, options, .. } = target;
        let ([path], []) = (options.paths.as_slice(), options.projects.as_slice()) else { return Ok(None) };
        let tree = self.shared.catalog.tree_to(snapshot, path)?;
        let is_file = tree.entry(path).and_then(Entry::content).is_some_and(|content| content.first.is_none());
        let Some(looked) =
            look_at(root, path).map_err(|error| SnapshotError::storage("read the environment", error))?
        else {
            return Ok(None);
        };
        if !is_file || looked.iter().any(|one| one.path == *path && one.sight != Sight::File) {
            return Ok(None);
        }
        let reason = Reason::Before { change: format!("rollback of one file to {}", snapshot.number) };
        let pending = self.prepare_one(root, path, looked, reason, stop)?;
        let current = &pending.captured.tree;
        let wanted = Selection::new(vec![path.clone()]).merge(current, &tree);
        let built = if is_same(current, &wanted) {
            None
        } else {
            Some(self.returning(target, Some(&pending), &wanted, stop)?.build()?)
        };
        Ok(Some(Beside { pending: Some(pending), wanted, edits: Edits::default(), built }))
    }

    fn returning<'a>(
        &'a self,
        target: &'a Target,
        pending: Option<&'a Pending>,
        wanted: &'a Tree,
        stop: &'a AtomicBool,
    ) -> Result<Returning<'a>, SnapshotError> {
        Ok(Returning {
            root: &target.root,
            register: &target.register,
            snapshots: self,
            vault: self.vault()?,
            number: target.snapshot.number,
            current: pending.map(|pending| (&pending.captured.tree, pending.captured.looked.as_slice())),
            target: wanted,
            in_place: target.options.in_place,
            only: pending.and_then(Pending::part),
            stop,
        })
    }

    /// The tree that is wanted: the whole snapshot, perhaps with edits, or what is there with a part of it.
    fn wanted(&self, target: &Target, current: Option<&Tree>) -> Result<(Tree, Edits), SnapshotError> {
        let tree = self.tree(&target.snapshot)?;
        if let (true, true, Some(current)) = (target.options.is_whole(), target.options.keep_edits, current) {
            let edits = self.edits(target, &tree, current)?;
            return Ok((edits.apply(&tree, current), edits));
        }
        if target.options.is_whole() {
            return Ok((tree, Edits::default()));
        }
        let empty = Tree::default();
        let current = current.unwrap_or(&empty);
        let missing = |what| SnapshotError::NotInside { number: target.snapshot.number, what };
        let is_in = |tree: &Tree, path: &Path| tree.entries.iter().any(|entry| entry.path.starts_with(path));
        let mut paths = target.options.paths.clone();
        if let Some(path) = paths.iter().find(|path| !is_in(&tree, path) && !is_in(current, path)) {
            return Err(missing(format!("`{}`", path.display())));
        }
        if !target.options.projects.is_empty() {
            let owners = [self.owners(&[&tree])?, self.owners(&[current])?];
            for project in &target.options.projects {
                let name = project.parse::<crate::index::ProjectName>();
                let name = name.map_or_else(|_| project.clone(), |name| name.to_string());
                let before = paths.len();
                paths.extend(owners.iter().flat_map(|owners| owners.paths(&name)).map(Path::to_owned));
                if paths.len() == before {
                    return Err(missing(format!("project `{name}`")));
                }
            }
        }
        Ok((Selection::new(paths).merge(current, &tree), Edits::default()))
    }

    /// What somebody has edited since the snapshot.
    fn edits(&self, target: &Target, tree: &Tree, current: &Tree) -> Result<Edits, SnapshotError> {
        let (all, _) = self.list()?;
        let own: Vec<&Snapshot> = all.iter().filter(|one| one.root == target.root && one.is_whole()).collect();
        let mut known = Vec::new();
        for one in own.iter().filter(|one| one.number > target.snapshot.number) {
            let Reason::After { before, .. } = &one.reason else { continue };
            // Where that is gone the one before it tells at least as much.
            let was = own.iter().rev().find(|earlier| earlier.number <= before.unwrap_or(one.number - 1));
            if let Some(was) = was {
                known.push((self.tree(was)?, self.tree(one)?));
            }
        }
        let last = all.last().map_or(0, |one| one.number);
        let there = all.iter().filter(|one| one.number > target.snapshot.number).count() as u64;
        let changed = Changes { known, has_gaps: there < last.saturating_sub(target.snapshot.number) };
        let owners = self.owners(&[tree])?;
        let mut owners_now = Owners::default();
        add_owners_of_now(&mut owners_now, &target.root, current);
        let side = |tree, owners| Side { tree, owners };
        Ok(Edits::find(&side(tree, &owners), &side(current, &owners_now), &changed))
    }

    fn plan(&self, target: &Target, stop: &AtomicBool) -> Result<RollbackPlan, SnapshotError> {
        let Target { root, register, snapshot, .. } = target;
        let now = root.exists().then(|| self.now(root, register, &snapshot.project.folder, stop)).transpose()?;
        let (wanted, edits) = self.wanted(target, now.as_ref().map(|(_, captured)| &captured.tree))?;
        let recipe = Recipe::new(now.as_ref().map(|(_, captured)| &captured.tree), &wanted);
        self.returning(target, None, &wanted, stop)?.sources(&recipe)?;
        let empty = Tree::default();
        let (now, current) = now.as_ref().map_or((snapshot, &empty), |(now, captured)| (now, &captured.tree));
        let owners = self.owners_now(&[&wanted], (root, current))?;
        let difference = Difference::between((now, current), (snapshot, &wanted), &owners);
        let own = difference.files.iter().filter(|one| one.project.is_none() && one.how != Differs::Time);
        let put = recipe.put.iter().filter_map(|index| wanted.entries[*index].content());
        Ok(RollbackPlan {
            root: root.clone(),
            number: snapshot.number,
            edits: edits.kept,
            conflicts: edits.conflicts,
            own: own.map(|one| one.path.clone()).collect(),
            kept: recipe.kept.len(),
            put: recipe.put.len(),
            put_bytes: put.map(|content| content.size).sum(),
            difference,
        })
    }

    /// Whose the files of trees are.
    pub(super) fn owners(&self, trees: &[&Tree]) -> Result<Owners, SnapshotError> {
        let contents = self.contents()?;
        let mut owners = Owners::default();
        for tree in trees {
            owners.add(tree, &|entry| contents.text(tree, entry));
        }
        Ok(owners)
    }

    /// As [`Self::owners`], with an environment whose content is not kept.
    pub(super) fn owners_now(&self, trees: &[&Tree], (root, now): (&Path, &Tree)) -> Result<Owners, SnapshotError> {
        let mut owners = self.owners(trees)?;
        add_owners_of_now(&mut owners, root, now);
        Ok(owners)
    }
}

/// Whose the files of an environment are whose content is not kept: its own files say so.
fn add_owners_of_now(owners: &mut Owners, root: &Path, now: &Tree) {
    owners.add(now, &|entry| read_text(&root.join(&entry.path), LARGEST_TEXT).ok());
}
