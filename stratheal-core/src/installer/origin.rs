//! Which wheels an environment was made of: what a repair begins with.
//!
//! A note beside the lock of the environment, written after each change. It holds no URL: the index is asked for the file by project and hash,
//! so that it does not matter where the file has moved since.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use pep440_rs::Version;
use serde::{Deserialize, Serialize};

use super::change::Change;
use super::installed::{Installed, read_record};
use super::stage::Contents;
use super::switch::Register;
use crate::base::fs::{read_text, replace_unsynced};
use crate::index::ProjectName;
use crate::objects::ContentId;

/// The largest note that is read, in bytes.
const LARGEST: u64 = 16 << 20;

/// This format; another one is not read.
const VERSION: u32 = 1;

/// What a project was installed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::installer) struct Origin {
    version: String,
    /// The wheel.
    pub(in crate::installer) wheel: ContentId,
    /// What the wheel is called.
    pub(in crate::installer) file: String,
    /// Whether somebody asked for the project by name.
    pub(in crate::installer) requested: bool,
    /// Where it came from when that is no index (PEP 610).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::installer) direct_url: Option<serde_json::Value>,
    /// The RECORD that was written.
    pub(in crate::installer) record: ContentId,
    /// Its `.dist-info`, relative to the root. Older versions neither write nor read what follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::installer) metadata: Option<PathBuf>,
    /// Some of its other files, relative to the root: what is there as long as nobody uninstalls it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::installer) files: Vec<String>,
}

impl Origin {
    /// The most files that are noted of one project.
    const MOST_FILES: usize = 8;

    /// Its version. Nothing when the note is damaged.
    pub(in crate::installer) fn version(&self) -> Option<Version> {
        self.version.parse().ok()
    }

    /// Whether it is about this version, with this RECORD; what another installer has put there since is none of it.
    pub(in crate::installer) fn is_of(&self, version: &Version, record: Option<ContentId>) -> bool {
        self.version.parse::<Version>().is_ok_and(|own| own == *version)
            && record.is_none_or(|record| record == self.record)
    }
}

/// The origins of an environment's projects. Nothing about those that somebody else installed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origins {
    #[serde(rename = "version")]
    format: u32,
    projects: BTreeMap<ProjectName, Origin>,
}

impl Origins {
    /// Reads the note. One that is damaged is as good as none: then wheels are looked for on the index.
    pub(crate) fn read(register: &Register) -> Self {
        let text = read_text(&register.origins(), LARGEST);
        let text = text.inspect_err(|error| tracing::debug!(%error, "no note of origins")).ok();
        text.and_then(|text| Self::parse(&text)).unwrap_or_default()
    }

    fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|found: &Self| found.format == VERSION)
    }

    /// What a project was installed from.
    pub(in crate::installer) fn of(&self, project: &ProjectName) -> Option<&Origin> {
        self.projects.get(project)
    }

    /// The wheels that were used.
    #[cfg(feature = "snapshot")]
    pub(crate) fn wheels(&self) -> Vec<ContentId> {
        self.projects.values().map(|origin| origin.wheel).collect()
    }

    /// The note as it is written; `None` when it says nothing.
    #[cfg(feature = "snapshot")]
    pub(crate) fn to_value(&self) -> Option<serde_json::Value> {
        let value = serde_json::to_value(self).inspect_err(|error| tracing::debug!(%error, "a note that is none"));
        value.ok().filter(|_| !self.projects.is_empty())
    }

    /// Puts a note back that [`Origins::to_value`] gave. What it says about projects that are not there as it says is not believed.
    #[cfg(feature = "snapshot")]
    pub(crate) fn restore(register: &Register, value: Option<&serde_json::Value>) {
        let note = value.and_then(|value| Self::parse(&value.to_string())).unwrap_or_default();
        if let Err(error) = (Self { format: VERSION, ..note }).write(register) {
            tracing::warn!(%error, "cannot note what the environment was made of");
        }
    }

    /// All of them.
    pub(in crate::installer) fn all(&self) -> impl Iterator<Item = (&ProjectName, &Origin)> {
        self.projects.iter()
    }

    /// Takes, of a project that is there more than once, the one that was installed from here.
    pub(in crate::installer) fn prefer(&self, installed: &mut Installed) {
        installed.prefer(|one| {
            let record = || read_record(&one.folder).ok().map(|(_, id)| id);
            self.of(one.name()).is_some_and(|origin| record().is_some_and(|id| origin.is_of(one.version(), Some(id))))
        });
    }

    /// The note after a change: what is new replaces what was there, what goes is forgotten.
    fn after<'a>(
        mut self,
        gone: impl Iterator<Item = &'a ProjectName>,
        come: impl Iterator<Item = (ProjectName, Origin)>,
    ) -> Self {
        for name in gone {
            self.projects.remove(name);
        }
        self.projects.extend(come);
        Self { format: VERSION, ..self }
    }

    fn write(&self, register: &Register) -> io::Result<()> {
        replace_unsynced(&register.origins(), &serde_json::to_vec(self).map_err(io::Error::from)?)
    }

    /// What was there before is gone, all of it. The lock of the environment is held.
    pub(in crate::installer) fn forget(register: &Register) {
        match std::fs::remove_file(register.origins()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "what the environment was made of before stays noted");
            }
            _ => {}
        }
    }

    /// Writes down what a change that happened has put there. The lock of the environment is held. Without the note a repair has to look
    /// for wheels on the index, so that a failure is no reason to call the change one.
    pub(in crate::installer) fn note(register: &Register, change: &Change, contents: &[Contents]) {
        let come = change.additions.iter().zip(contents).filter_map(|(addition, contents)| {
            let is_record = |path: &Path| path.ends_with("RECORD") && contents.is_metadata(path);
            let record = contents.files.iter().find(|file| is_record(&file.path))?.id;
            let origin = Origin {
                version: addition.version.to_string(),
                wheel: addition.wheel.id(),
                file: addition.wheel.name().to_owned(),
                requested: addition.requested,
                direct_url: addition.direct_url.clone(),
                record,
                metadata: Some(contents.metadata.clone()),
                files: some_files(contents),
            };
            Some((addition.name.clone(), origin))
        });
        let gone = change.removals.iter().map(super::installed::Distribution::name);
        if let Err(error) = Self::read(register).after(gone, come).write(register) {
            tracing::warn!(%error, "cannot note what the environment was made of");
        }
    }
}

/// Files from all parts of a project, without its metadata.
fn some_files(contents: &Contents) -> Vec<String> {
    let others = contents.files.iter().filter(|file| !file.path.starts_with(&contents.metadata));
    let all: Vec<&str> = others.filter_map(|file| file.path.to_str()).collect();
    let step = all.len().div_ceil(Origin::MOST_FILES).max(1);
    // The last are programs.
    all.iter().rev().step_by(step).map(|path| (*path).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(version: &str) -> Origin {
        let id = ContentId::of(version.as_bytes());
        let file = format!("a-{version}-py3-none-any.whl");
        let metadata = Some(format!("lib/a-{version}.dist-info").into());
        let files = vec!["lib/a.py".to_owned()];
        Origin {
            version: version.to_owned(),
            wheel: id,
            file,
            requested: true,
            direct_url: None,
            record: id,
            metadata,
            files,
        }
    }

    #[test]
    fn changes_are_merged_and_come_back() {
        let name = |text: &str| text.parse::<ProjectName>().unwrap();
        let first = Origins::default().after(
            std::iter::empty(),
            [(name("a"), origin("1")), (name("b"), origin("1")), (name("c"), origin("1"))].into_iter(),
        );
        let gone = [name("a"), name("b")];
        let second = first.after(gone.iter(), [(name("a"), origin("2.0"))].into_iter());
        let told: Vec<_> = second.projects.iter().map(|(name, one)| format!("{name} {}", one.version)).collect();
        assert_eq!(told, ["a 2.0", "c 1"]);
        assert!(second.of(&name("a")).unwrap().is_of(&"2".parse().unwrap(), None));
        assert!(!second.of(&name("a")).unwrap().is_of(&"2.1".parse().unwrap(), None));
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(folder.path(), Path::new("/env")).unwrap();
        assert_eq!(Origins::read(&register), Origins::default());
        second.write(&register).unwrap();
        assert_eq!(Origins::read(&register), second);
        let id = ContentId::of(b"x");
        let older = format!(
            "{{\"version\":1,\"projects\":{{\"a\":{{\"version\":\"1\",\"wheel\":\"{id}\",\"file\":\"a-1-py3-none-any.whl\",\
             \"requested\":true,\"record\":\"{id}\"}}}}}}"
        );
        std::fs::write(register.origins(), older).unwrap();
        assert_eq!(Origins::read(&register).of(&name("a")).unwrap().metadata, None);
        for damaged in ["", "{}", "{\"version\":2,\"projects\":{}}"] {
            std::fs::write(register.origins(), damaged).unwrap();
            assert_eq!(Origins::read(&register), Origins::default(), "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", near in "[{}\":,a-z0-9]{0,60}") {
            let _ = (Origins::parse(&text), Origins::parse(&near));
        }
    }
}
