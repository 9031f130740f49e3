//! What a folder with a project holds, as one id: the same id, the same wheel.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::base::fs::{named, read_text};
use crate::objects::ContentId;

/// The most files of a folder that are looked at, and the most bytes. A larger one is built each time.
const MOST_FILES: usize = 50_000;
const MOST_BYTES: u64 = 1 << 30;

/// All that decides what an editable is, beside where it lies.
const SETTINGS: &[&str] = &["pyproject.toml", "setup.cfg", "setup.py"];

/// Folders that building, testing and other tools leave.
const BY_NAME: &[&str] = &[".git", ".hg", ".svn", ".tox", ".nox", "__pycache__", "node_modules"];
/// The same, where they lie beside the settings of the project.
const AT_TOP: &[&str] = &["build", "dist"];

/// The fingerprint of a folder. `None` when it holds too much.
pub(super) fn fingerprint(folder: &Path, is_editable: bool) -> io::Result<Option<ContentId>> {
    let mut hasher = Hasher { sha256: Sha256::new(), files: 0, bytes: 0 };
    hasher.word(b"head", head(folder).as_bytes());
    if is_editable {
        hasher.word(b"at", folder.as_os_str().as_encoded_bytes());
        for name in SETTINGS {
            hasher.file(&folder.join(name), name.as_ref())?;
        }
    } else {
        hasher.folder(folder, Path::new(""))?;
    }
    Ok(hasher.is_bounded().then(|| ContentId::new(hasher.sha256.finalize().into())))
}

struct Hasher {
    sha256: Sha256,
    files: usize,
    bytes: u64,
}

impl Hasher {
    const fn is_bounded(&self) -> bool {
        self.files <= MOST_FILES && self.bytes <= MOST_BYTES
    }

    /// Lengths keep two words from being taken for two others.
    fn word(&mut self, kind: &[u8], word: &[u8]) {
        self.sha256.update(kind);
        self.sha256.update((word.len() as u64).to_le_bytes());
        self.sha256.update(word);
    }

    fn folder(&mut self, root: &Path, inside: &Path) -> io::Result<()> {
        let path = root.join(inside);
        let failed = |error: io::Error| named(&path, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            names.push((entry.file_name(), entry.file_type().map_err(failed)?));
        }
        names.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (name, kind) in names {
            if !self.is_bounded() {
                return Ok(());
            }
            let inside = inside.join(&name);
            if kind.is_dir() {
                if !is_left_behind(root, &inside) {
                    self.folder(root, &inside)?;
                }
            } else {
                self.file(&root.join(&inside), &inside)?;
            }
        }
        Ok(())
    }

    /// One file with its name; nothing for one that is not there.
    fn file(&mut self, path: &Path, inside: &Path) -> io::Result<()> {
        let failed = |error: io::Error| named(path, &error);
        let found = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found.map_err(failed)?,
        };
        self.files += 1;
        self.word(b"file", inside.as_os_str().as_encoded_bytes());
        if found.is_symlink() {
            let target = fs::read_link(path).map_err(failed)?;
            self.word(b"link", target.as_os_str().as_encoded_bytes());
        } else if found.is_file() {
            self.bytes += found.len();
            if self.is_bounded() {
                self.sha256.update(found.len().to_le_bytes());
                let mut file = File::open(path).map_err(failed)?.take(found.len());
                let mut buffer = [0; 16 << 10];
                loop {
                    match file.read(&mut buffer).map_err(failed)? {
                        0 => break,
                        count => self.sha256.update(&buffer[..count]),
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a folder is no part of the project.
fn is_left_behind(root: &Path, inside: &Path) -> bool {
    let name = inside.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_top = inside.parent() == Some(Path::new(""));
    let path = root.join(inside);
    BY_NAME.contains(&name)
        || (is_top && AT_TOP.contains(&name))
        || name.ends_with(".egg-info")
        || path.join("CACHEDIR.TAG").exists()
        || path.join("pyvenv.cfg").exists()
}

/// The commit that is checked out: versions may be made of it.
fn head(folder: &Path) -> String {
    /// More is in none of these files but where there are very many branches.
    const LARGEST: u64 = 1 << 20;
    let Some(git) = folder.ancestors().map(|above| above.join(".git")).find(|git| git.exists()) else {
        return String::new();
    };
    let read = |path: PathBuf| read_text(&path, LARGEST).unwrap_or_default();
    let head = read(git.join("HEAD"));
    let branch = head.strip_prefix("ref: ").map(str::trim);
    let commit = branch.map(|branch| read(git.join(branch))).unwrap_or_default();
    // Branches and tags that lie together in one file.
    let packed = read(git.join("packed-refs"));
    format!("{head}\n{commit}\n{packed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_and_names_count_and_what_builds_leave_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), text).unwrap();
        };
        let now = || (fingerprint(folder.path(), false).unwrap(), fingerprint(folder.path(), true).unwrap());
        write("pyproject.toml", "[project]");
        write("src/a.py", "1");
        let first = now();
        assert!(first.0.is_some() && first.0 != first.1);
        for left in ["build/lib/a.py", "src/a.egg-info/PKG-INFO", "src/__pycache__/a.pyc", "env/pyvenv.cfg", "env/b.py"]
        {
            write(left, "x");
            assert_eq!(now(), first, "{left}");
        }
        write("src/a.py", "2");
        let edited = now();
        assert!(edited.0 != first.0 && edited.1 == first.1, "an editable is where it is, whatever it holds");
        write("src/build/b.py", "2");
        assert_ne!(now().0, edited.0, "a package may have such a name");
        write("pyproject.toml", "[project]\nname='x'");
        assert_ne!(now().1, first.1);
        let before = now();
        write(".git/HEAD", "ref: refs/heads/main\n");
        write(".git/refs/heads/main", "abc\n");
        let after = now();
        assert!(after.0 != before.0 && after.1 != before.1, "versions may be made of the commit");
    }
}
