//! The other names of an environment's interpreter: links beside its program that scripts may name.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Finding, Problem, Remedy};
use crate::installer::python::Interpreter;

/// Where the interpreter's names are.
const FOLDER: &str = "bin";

/// What all names lead to.
pub(in crate::installer) const PROGRAM: &str = "python";

/// Names of the interpreter that are links to nowhere. Nothing where its program is gone, which is told by itself and takes the names
/// with it, and about something that is no virtual environment.
pub(super) fn dead_links(root: &Path, interpreter: Option<&Interpreter>) -> Vec<Finding> {
    let folder = root.join(FOLDER);
    if cfg!(windows) || !root.join("pyvenv.cfg").is_file() || fs::metadata(folder.join(PROGRAM)).is_err() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir(&folder) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| is_interpreter(name) && name != PROGRAM).collect();
    names.sort_unstable();
    let dead = names.into_iter().filter_map(|name| {
        let target = fs::read_link(folder.join(&name)).ok()?;
        if fs::metadata(folder.join(&name)).is_ok() {
            return None;
        }
        // A link to the program is how an environment is laid out; one of another version was made by somebody else.
        let is_laid_out = interpreter.is_some_and(|found| {
            name == "python3" || name == found.name() || name == format!("python{}", found.series())
        });
        let remedy = if is_laid_out { Remedy::Repair } else { Remedy::Rebuild };
        let problem = Problem::LinkGone { target };
        Some(Finding::about(None, Some(PathBuf::from(FOLDER).join(name)), problem).with(Some(remedy)))
    });
    dead.collect()
}

/// `python`, `python3`, `python3.11` and `python3.14t`, and neither `python3-config` nor `python3.11-intel64`.
fn is_interpreter(name: &str) -> bool {
    let Some(version) = name.strip_prefix(PROGRAM) else { return false };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let version = version.strip_suffix('t').filter(|version| version.contains('.')).unwrap_or(version);
    version.is_empty() || version.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_interpreters() {
        for name in ["python", "python3", "python3.11", "python3.14t"] {
            assert!(is_interpreter(name), "{name}");
        }
        for name in ["pip", "python3t", "python3.t", "python3-config", "python3.", "pythonw", "python3.11-intel64", ""]
        {
            assert!(!is_interpreter(name), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_to_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("bin")).unwrap();
        fs::write(root.join("bin/real"), "").unwrap();
        for (name, target) in [
            ("python", "real"),
            ("python3", "/nowhere"),
            ("python3.11", "python3"),
            ("python3.12", "real"),
            ("python3.13", "python3.13"),
            ("pip", "/nowhere"),
        ] {
            std::os::unix::fs::symlink(target, root.join("bin").join(name)).unwrap();
        }
        assert_eq!(dead_links(root, None), [], "it is no environment");
        fs::write(root.join("pyvenv.cfg"), "").unwrap();
        let found = dead_links(root, None);
        let told: Vec<_> = found.iter().filter_map(|finding| finding.path.as_deref()?.to_str()).collect();
        assert_eq!(told, ["bin/python3", "bin/python3.11", "bin/python3.13"]);
        fs::remove_file(root.join("bin/real")).unwrap();
        assert_eq!(dead_links(root, None), [], "its program is gone, and the others with it");
        assert!(found.iter().all(|finding| finding.remedy == Some(Remedy::Rebuild)), "{found:?}");
    }
}
