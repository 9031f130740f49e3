//! Putting one file in its place.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::base::fs::named;
use crate::installer::installed::bytecode_of;

/// Why a file is not put in its place.
#[derive(Debug, thiserror::Error)]
pub(super) enum PutError {
    /// Something is there that is not ours to replace.
    #[error("{0}")]
    Refused(String),
    /// The system refused.
    #[error(transparent)]
    Storage(#[from] io::Error),
}

/// Gives a file that is ready its place in the environment, by a rename. Folders on the way are made. Nothing is written through a link, and
/// the bytecode of a module that is replaced goes.
pub(super) fn put(root: &Path, path: &Path, ready: &Path) -> Result<(), PutError> {
    let place = root.join(path);
    make_way(root, path)?;
    if fs::symlink_metadata(&place).is_ok_and(|found| found.is_dir()) {
        let text = format!("{} is a folder: move it away, then repair", place.display());
        return Err(PutError::Refused(text));
    }
    // Before, so that it is gone when the file is there, and after, for whoever imported the old one meanwhile.
    drop_bytecode(root, path)?;
    fs::rename(ready, &place).map_err(|error| named(&place, &error))?;
    drop_bytecode(root, path)?;
    Ok(())
}

/// Makes the folders on the way to a file. A link among them may lead anywhere, and is refused.
fn make_way(root: &Path, path: &Path) -> Result<(), PutError> {
    if !path.components().all(|part| matches!(part, Component::Normal(_))) || path.as_os_str().is_empty() {
        return Err(PutError::Refused(format!("{} leads out of the environment", path.display())));
    }
    let mut folder = root.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match look_or_make(&folder) {
            Ok(found) if found.is_dir() => {}
            Ok(found) => {
                let what =
                    if found.is_symlink() { "is a link, and nothing is written through one" } else { "is no folder" };
                return Err(PutError::Refused(format!("{} {what}: move it away, then repair", folder.display())));
            }
            Err(error) => return Err(named(&folder, &error).into()),
        }
    }
    Ok(())
}

/// What is there; where nothing is, a new folder. Several projects are put back at the same time, and another one may be faster.
fn look_or_make(folder: &Path) -> io::Result<fs::Metadata> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        found => return found,
    }
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::symlink_metadata(folder),
    }
}

/// Python takes bytecode for current when size and second of the source are the same, as they are when a file is put back.
fn drop_bytecode(root: &Path, module: &Path) -> io::Result<()> {
    let Some((folder, stem)) = bytecode_of(module) else { return Ok(()) };
    let folder = root.join(folder);
    if !fs::symlink_metadata(&folder).is_ok_and(|found| found.is_dir()) {
        return Ok(());
    }
    for entry in fs::read_dir(&folder).map_err(|error| named(&folder, &error))? {
        let path: PathBuf = entry.map_err(|error| named(&folder, &error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(&stem) && path.extension().is_some_and(|extension| extension == "pyc") {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(named(&path, &error)),
                _ => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    struct Case {
        folder: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir_all(folder.path().join("env/lib")).unwrap();
            fs::create_dir_all(folder.path().join("outside")).unwrap();
            Self { folder }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        fn put(&self, path: &str) -> Result<(), PutError> {
            fs::write(self.at("ready"), "right").unwrap();
            put(&self.at("env"), Path::new(path), &self.at("ready"))
        }
    }

    #[test]
    fn files_links_and_nothing_are_replaced() {
        let case = Case::new();
        fs::write(case.at("env/lib/a.py"), "wrong").unwrap();
        fs::hard_link(case.at("env/lib/a.py"), case.at("outside/a.py")).unwrap();
        fs::create_dir(case.at("env/lib/__pycache__")).unwrap();
        for name in ["a.cpython-312.pyc", "ab.cpython-312.pyc"] {
            fs::write(case.at("env/lib/__pycache__").join(name), "").unwrap();
        }
        std::os::unix::fs::symlink(case.at("outside/target"), case.at("env/lib/link.py")).unwrap();
        fs::write(case.at("outside/target"), "theirs").unwrap();
        for path in ["lib/a.py", "lib/link.py", "lib/new/deep/b.py"] {
            case.put(path).unwrap();
            assert_eq!(fs::read_to_string(case.at("env").join(path)).unwrap(), "right");
        }
        assert_eq!(fs::read_to_string(case.at("outside/a.py")).unwrap(), "wrong", "another name keeps what it had");
        assert_eq!(fs::read_to_string(case.at("outside/target")).unwrap(), "theirs");
        let left: Vec<_> =
            fs::read_dir(case.at("env/lib/__pycache__")).unwrap().map(|one| one.unwrap().file_name()).collect();
        assert_eq!(left, ["ab.cpython-312.pyc"]);
    }

    #[test]
    fn nothing_is_written_elsewhere() {
        let case = Case::new();
        std::os::unix::fs::symlink(case.at("outside"), case.at("env/lib/linked")).unwrap();
        fs::create_dir(case.at("env/lib/folder")).unwrap();
        fs::write(case.at("env/lib/file"), "").unwrap();
        for path in ["../outside/x", "/etc/x", "lib/../../outside/x", "lib/linked/x", "lib/folder", "lib/file/x", ""] {
            assert!(matches!(case.put(path), Err(PutError::Refused(_))), "{path}");
        }
        assert_eq!(fs::read_dir(case.at("outside")).unwrap().count(), 0);
    }
}
