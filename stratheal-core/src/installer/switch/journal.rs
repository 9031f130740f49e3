//! What is being done to an environment, written down before it is done.
//!
//! The journal survives `kill -9`, because what a process has written is not lost with it. After a power cut it may be missing or damaged; then the
//! stage is found by its place. Whether a switch has happened is never guessed from what was written last: the folders themselves
//! tell, because a switch changes which of them has the environment's name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Entries, Identity, Register};
use crate::base::fs::{named, read_text, replace_unsynced};
use crate::base::times::set_modified;
use crate::installer::stage::{remove_stage, remove_tree};

/// The largest journal, in bytes.
const LARGEST: u64 = 64 << 10;

/// What is about to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub(crate) enum Step {
    /// The next environment is being built in the stage.
    Building,
    /// The stage, which is this folder, is about to get the environment's name.
    Switching { next: Identity },
    /// Files are being replaced one by one, as the plan beside the journal says.
    Replacing,
    /// All of them were.
    Replaced,
}

/// A change that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Journal {
    version: u32,
    pub(crate) root: PathBuf,
    pub(crate) stage: PathBuf,
    /// Where the stage lies in the environment: when that folder was changed last before, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    root_modified_ns: Option<i64>,
    #[serde(flatten)]
    pub(crate) step: Step,
}

/// What was found of a change that somebody did not bring to its end, and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Recovered {
    /// The change had not happened: what was built for it is deleted, and the environment is as it was before.
    Undone,
    /// The change had happened: the environment is the new one, and what was left of the old one is deleted.
    Finished,
}

impl Journal {
    const VERSION: u32 = 1;

    /// Writes down that something is about to be done.
    pub(in crate::installer) fn write(
        register: &Register,
        root: &Path,
        stage: &Path,
        root_modified_ns: Option<i64>,
        step: Step,
    ) -> io::Result<()> {
        let (version, root, stage) = (Self::VERSION, root.to_owned(), stage.to_owned());
        let journal = Self { version, root, stage, root_modified_ns, step };
        replace_unsynced(&register.journal(), &serde_json::to_vec(&journal).map_err(io::Error::from)?)
    }

    /// Everything is done.
    pub(crate) fn close(register: &Register) -> io::Result<()> {
        // The plan last: a journal that speaks of it must find it.
        for file in [register.journal(), register.entries()] {
            match fs::remove_file(&file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(|error| named(&file, &error))?,
            }
        }
        Ok(())
    }

    /// Closes what a change has written that ended before anything was switched, and cleared up its stage by itself.
    pub(in crate::installer) fn forget(register: &Register, root: &Path, stage: &Path) -> io::Result<()> {
        let Ok(text) = read_text(&register.journal(), LARGEST) else { return Ok(()) };
        let is_over = |journal: Self| {
            let is_switched = match journal.step {
                Step::Building => false,
                Step::Switching { next } => Identity::of(root)? == Some(next),
                // What was replaced has to be put back, or what is left to be deleted.
                Step::Replacing | Step::Replaced => true,
            };
            io::Result::Ok(journal.root == root && journal.stage == stage && !is_switched)
        };
        match Self::parse(&text).map(is_over).transpose()? {
            Some(true) => Self::close(register),
            _ => Ok(()),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|journal: &Self| journal.version == Self::VERSION)
    }

    /// Brings to an end what somebody else has begun. Call it with the lock held.
    pub(crate) fn recover(register: &Register, root: &Path) -> io::Result<Option<Recovered>> {
        let text = match read_text(&register.journal(), LARGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
            text => text?,
        };
        let journal = Self::parse(&text).filter(|journal| journal.root == root);
        let Some(journal) = journal.filter(|journal| is_stage(&journal.stage)) else {
            tracing::warn!(path = %register.journal().display(), "a journal makes no sense, and is ignored");
            Self::close(register)?;
            return Ok(None);
        };
        let old = old_of(&journal.stage);
        let mut entries = None;
        let recovered = match journal.step {
            Step::Switching { next } if Identity::of(root)? == Some(next) => Recovered::Finished,
            Step::Replaced => {
                entries = Some(Entries::read(register)?);
                Recovered::Finished
            }
            Step::Replacing => {
                Entries::read(register)?.undo(root, &journal.stage, &old)?;
                Recovered::Undone
            }
            Step::Building | Step::Switching { .. } => Recovered::Undone,
        };
        remove_tree(&old)?;
        remove_stage(&journal.stage)?;
        // Last, because a stage that lies inside has left its mark on the folder around it.
        match (recovered, journal.root_modified_ns) {
            (Recovered::Undone, Some(time)) => set_modified(root, time).map_err(|error| named(root, &error))?,
            _ => entries.map_or(Ok(()), |entries| entries.dress(root))?,
        }
        Self::close(register)?;
        Ok(Some(recovered))
    }
}

/// Where what is replaced is kept, for a stage.
pub(crate) fn old_of(stage: &Path) -> PathBuf {
    let mut name = stage.file_name().unwrap_or_default().to_owned();
    name.push(".old");
    stage.with_file_name(name)
}

/// Whether a path can be that of a stage: nothing else is deleted because a file says so.
fn is_stage(path: &Path) -> bool {
    let parent = path.parent();
    path.is_absolute() && parent.is_some_and(|parent| parent.ends_with(".stratheal/stage"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::installer::switch::exchange;

    struct Case {
        _folder: tempfile::TempDir,
        root: PathBuf,
        stage: PathBuf,
        register: Register,
    }

    fn case() -> Case {
        let folder = tempfile::tempdir().unwrap();
        let (root, stage) = (folder.path().join("env"), folder.path().join(".stratheal/stage/env-1"));
        for (path, name) in [(&root, "old"), (&stage, "new")] {
            fs::create_dir_all(path).unwrap();
            fs::write(path.join("name"), name).unwrap();
        }
        let register = Register::open(folder.path(), &root).unwrap();
        Case { root, stage, register, _folder: folder }
    }

    impl Case {
        fn recover(&self) -> (Option<Recovered>, String) {
            let recovered = Journal::recover(&self.register, &self.root).unwrap();
            assert!(!self.register.journal().exists());
            (recovered, fs::read_to_string(self.root.join("name")).unwrap())
        }
    }

    #[test]
    fn what_was_begun_is_undone_or_finished() {
        let case = case();
        assert_eq!(case.recover(), (None, "old".to_owned()));
        Journal::write(&case.register, &case.root, &case.stage, None, Step::Building).unwrap();
        assert_eq!(case.recover(), (Some(Recovered::Undone), "old".to_owned()));
        assert!(!case.stage.exists());
    }

    #[test]
    fn what_was_cleared_up_is_forgotten_and_nothing_else() {
        let case = case();
        let forget = |stage: &Path| Journal::forget(&case.register, &case.root, stage).unwrap();
        forget(&case.stage);
        let current = Identity::of(&case.root).unwrap().unwrap();
        let next = Identity::of(&case.stage).unwrap().unwrap();
        for (step, stays) in [
            (Step::Building, false),
            (Step::Switching { next }, false),
            (Step::Switching { next: current }, true),
            (Step::Replacing, true),
            (Step::Replaced, true),
        ] {
            Journal::write(&case.register, &case.root, &case.stage, None, step.clone()).unwrap();
            forget(&case.stage.with_file_name("env-2"));
            assert!(case.register.journal().exists(), "that of another change");
            forget(&case.stage);
            assert_eq!(case.register.journal().exists(), stays, "{step:?}");
        }
    }

    #[test]
    fn the_folders_tell_whether_a_switch_happened() {
        for switches in [false, true] {
            let case = case();
            let next = Identity::of(&case.stage).unwrap().unwrap();
            Journal::write(&case.register, &case.root, &case.stage, None, Step::Switching { next }).unwrap();
            if switches {
                exchange(&case.stage, &case.root).unwrap();
            }
            let expected = if switches { (Recovered::Finished, "new") } else { (Recovered::Undone, "old") };
            assert_eq!(case.recover(), (Some(expected.0), expected.1.to_owned()));
            assert!(!case.stage.exists());
        }
    }

    #[test]
    fn nothing_is_deleted_because_a_file_says_so() {
        let case = case();
        let precious = case.root.parent().unwrap().join("precious");
        fs::create_dir(&precious).unwrap();
        Journal::write(&case.register, &case.root, &precious, None, Step::Building).unwrap();
        assert_eq!(case.recover().0, None);
        for text in ["", "{}", "\u{0}"] {
            fs::write(case.register.journal(), text).unwrap();
            assert_eq!(case.recover().0, None);
        }
        assert!(precious.exists() && case.stage.exists());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", near in "[{}\":,a-z0-9/]{0,60}") {
            let _ = (Journal::parse(&text), Journal::parse(&near));
        }
    }
}
