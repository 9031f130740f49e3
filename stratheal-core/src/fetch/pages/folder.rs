//! Where the pages of a source lie.
//!
//! A source is the same whatever the order of its members and whichever of them is configured: otherwise a cache that was filled
//! through one mirror would be empty under another. So a small file, `index/sources.json`, remembers for the URL of each member the
//! folder of its source. A source whose members are known by several folders (they were configured apart before) reads all of them
//! and writes into that of its first member. Without that file, folders are named after the first member.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::form;
use super::record::Record;
use crate::base::fs::{named, read_bytes, read_text, replace_unsynced, write_atomic};
use crate::index::{ProjectName, Source};
use crate::objects::ContentId;

/// The largest file of either kind that is read, in bytes. Several members of a project with 50,000 files fit in.
const MAX_SOURCES: u64 = 4 << 20;
const MAX_RECORD: u64 = 512 << 20;

/// The folders of one source: the first one is written to, all are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::fetch) struct Folders(Vec<PathBuf>);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Sources {
    /// The URL of a member to the name of its folder.
    folders: BTreeMap<String, String>,
}

impl Folders {
    /// Finds the folders of a source, and remembers its members. Blocks on files.
    ///
    /// # Errors
    /// What the system says, when the list cannot be written.
    pub(in crate::fetch) fn of(cache: &Path, source: &Source) -> io::Result<Self> {
        let index = cache.join("index");
        fs::create_dir_all(&index).map_err(|error| named(&index, &error))?;
        let _lock = locked(&index.join(".sources.lock"))?;
        let path = index.join("sources.json");
        let mut sources = read(&path);
        let names = sources.assign(source);
        if let Some(changed) = names.1 {
            write_atomic(&path, changed.as_bytes())?;
        }
        Ok(Self(names.0.into_iter().map(|name| index.join(name)).collect()))
    }

    /// What the source is known by, whichever of its members are configured, and in which order.
    #[cfg(feature = "installer")]
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.0.iter().filter_map(|folder| folder.file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }

    /// What is known about a project. A damaged file is as good as none, and is said so. Blocks on files.
    pub(super) fn read(&self, project: &ProjectName) -> Record {
        let mut known = Record::default();
        for folder in &self.0 {
            let path = folder.join(format!("{project}.page"));
            match read_bytes(&path, MAX_RECORD) {
                Ok(text) => match form::read(&text.into(), project) {
                    Ok(record) => known.absorb(record),
                    Err(error) => {
                        tracing::warn!(path = %path.display(), error, "a cached page is damaged; it is fetched anew");
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(%error, "a cached page cannot be read; it is fetched anew"),
            }
        }
        known
    }

    /// The files of this kind about a project, the one that is written to first. No project has a dot in its name.
    pub(super) fn paths(&self, project: &ProjectName, kind: &str) -> impl Iterator<Item = PathBuf> {
        self.0.iter().map(move |folder| folder.join(format!("{project}.{kind}.json")))
    }

    /// Keeps what is known about a project. Blocks on files.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(&self, project: &ProjectName, record: &Record) -> io::Result<()> {
        let Some(folder) = self.0.first() else { return Ok(()) };
        fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
        replace_unsynced(&folder.join(format!("{project}.page")), &form::write(record)?)
    }
}

impl Sources {
    /// The folders of a source by name, and the text of the list if it has to be written.
    fn assign(&mut self, source: &Source) -> (Vec<String>, Option<String>) {
        let mut names: Vec<String> = Vec::new();
        for member in &source.members {
            if let Some(name) = self.folders.get(member.url.as_str()).filter(|name| is_harmless(name))
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        if names.is_empty() {
            names.extend(source.members.first().map(|member| name_of(member.url.as_str(), member.url.host_str())));
        }
        let before = self.folders.len();
        if let Some(first) = names.first() {
            for member in &source.members {
                self.folders.entry(member.url.to_string()).or_insert_with(|| first.clone());
            }
        }
        let changed = (self.folders.len() > before).then(|| serde_json::to_string_pretty(self).ok()).flatten();
        (names, changed)
    }
}

/// The host for people, and enough of a hash to tell URLs apart.
fn name_of(url: &str, host: Option<&str>) -> String {
    let host: String =
        host.unwrap_or_default().chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect();
    let hash = ContentId::of(url.as_bytes()).to_string();
    format!("{}-{}", host.trim_start_matches('.').chars().take(60).collect::<String>(), &hash[..16])
}

pub(super) fn is_harmless(name: &str) -> bool {
    !name.starts_with('.') && name.len() <= 100 && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
}

/// The list of sources; a damaged one is as good as none, because the folders' names can be made again.
fn read(path: &Path) -> Sources {
    match read_text(path, MAX_SOURCES) {
        Ok(text) => serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::warn!(path = %path.display(), %error, "the list of sources is damaged and begun anew");
            Sources::default()
        }),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(%error, "the list of sources cannot be read");
            }
            Sources::default()
        }
    }
}

/// Adds what another machine knows about sources; what is known here stays. Blocks on files.
///
/// # Errors
/// What the system says, and `InvalidData` for a text that is no such list.
pub(super) fn join_sources(index: &Path, text: &str) -> io::Result<()> {
    let other: Sources =
        serde_json::from_str(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    fs::create_dir_all(index).map_err(|error| named(index, &error))?;
    let _lock = locked(&index.join(".sources.lock"))?;
    let path = index.join("sources.json");
    let mut sources = read(&path);
    for (member, folder) in other.folders {
        if is_harmless(&folder) {
            sources.folders.entry(member).or_insert(folder);
        }
    }
    let text = serde_json::to_string_pretty(&sources).map_err(io::Error::other)?;
    write_atomic(&path, text.as_bytes())
}

/// Waits for the lock: whoever holds it only reads and writes one small file.
fn locked(path: &Path) -> io::Result<File> {
    let opened = File::options().create(true).truncate(false).read(true).write(true).open(path);
    let locked = opened.and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| named(path, &error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::{Member, Trust};

    fn source(members: &[&str]) -> Source {
        let member = |url: &&str| Member { url: url.parse().unwrap(), trust: Trust::Pages };
        Source {
            name: "x".to_owned(),
            members: members.iter().map(member).collect(),
            only: Vec::new(),
            immutable: true,
        }
    }

    const A: &str = "http://a.test/simple/";
    const B: &str = "http://b.test/simple/";
    const C: &str = "http://c.test/simple/";

    #[test]
    fn a_source_is_the_same_under_any_of_its_members() {
        let cache = tempfile::tempdir().unwrap();
        let folders = |members: &[&str]| Folders::of(cache.path(), &source(members)).unwrap();
        let first = folders(&[A, B]);
        assert_eq!(first.0.len(), 1);
        for members in [&[B, A][..], &[B], &[B, C], &[C], &[C, A, B]] {
            assert_eq!(folders(members), first, "{members:?}");
        }
        let other = folders(&["http://d.test/simple/"]);
        assert_ne!(other, first);
        assert_eq!(
            folders(&["http://d.test/simple/", A]).0,
            [other.0.clone(), first.0.clone()].concat(),
            "both are read"
        );
    }

    #[test]
    fn damage_is_survived() {
        let cache = tempfile::tempdir().unwrap();
        let first = Folders::of(cache.path(), &source(&[A])).unwrap();
        let list = cache.path().join("index/sources.json");
        for text in ["", "{", "[]", r#"{"folders":{"http://a.test/simple/":"../../etc"}}"#] {
            fs::write(&list, text).unwrap();
            assert_eq!(Folders::of(cache.path(), &source(&[A])).unwrap(), first, "{text}");
        }
        let project = "demo".parse().unwrap();
        first.write(&project, &Record { members: Vec::new() }).unwrap();
        let path = first.0[0].join("demo.page");
        for text in ["", "{", r#"{"format":99,"members":[]}"#] {
            fs::write(&path, text).unwrap();
            assert_eq!(first.read(&project), Record::default(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn names_are_harmless(host in "\\PC{0,80}") {
            let name = name_of("http://x.test/", Some(&host));
            prop_assert!(is_harmless(&name), "{name}");
        }
    }
}
