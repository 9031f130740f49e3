//! Places where no wheel may put a file: what makes a folder an environment, and what this program keeps in it.
//!
//! No real wheel has anything there. Names count without regard to case: on some systems they are the same file.

use std::path::Path;

/// What lies at the root of an environment and is nobody's package.
const AT_ROOT: &[(&str, &str)] = &[
    ("pyvenv.cfg", "what makes the environment one"),
    ("lib64", "the second name of the environment's libraries"),
    (".lock", "the lock of the environment"),
    (".stratheal", "what an installer keeps about the environment"),
];

/// What a file would replace at `path`, relative to the root of an environment whose programs lie in `scripts`. `None` where it may be.
pub(in crate::installer) fn reserved(path: &Path, scripts: &Path) -> Option<&'static str> {
    let lower =
        |path: &Path| path.iter().map(|component| component.to_string_lossy().to_lowercase()).collect::<Vec<_>>();
    let (path, scripts) = (lower(path), lower(scripts));
    let at_root = AT_ROOT.iter().find(|(name, _)| path.first().is_some_and(|first| first == name));
    let program = || path.strip_prefix(scripts.as_slice())?.first().and_then(|name| reserved_program(name));
    at_root.map(|(_, what)| *what).or_else(program)
}

/// What a program of this name would replace.
pub(super) fn reserved_program(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let stem = name.strip_suffix(".exe").unwrap_or(&name);
    let is_interpreter = ["pythonw", "python", "pypy"]
        .iter()
        .any(|own| stem.strip_prefix(own).is_some_and(|rest| is_version(rest.strip_suffix('t').unwrap_or(rest))));
    // Others begin so as well, such as `activate-global-python-argcomplete`.
    let is_activation = ["activate", "deactivate"]
        .iter()
        .any(|own| name.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
    if is_interpreter {
        Some("the interpreter of the environment")
    } else if is_activation || name == "activate_this.py" {
        Some("what activates the environment")
    } else if name == "pyvenv.cfg" {
        // Beside the interpreter it counts more than the one above.
        Some("what makes the environment one")
    } else {
        None
    }
}

fn is_version(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (path, is_reserved) in [
            ("pyvenv.cfg", true),
            ("PyVenv.CFG", true),
            ("bin/pyvenv.cfg", true),
            ("bin/python", true),
            ("BIN/Python", true),
            ("bin/python/x", true),
            ("bin/python3", true),
            ("bin/python3.12", true),
            ("bin/python3.13t", true),
            ("bin/python.exe", true),
            ("bin/pythonw", true),
            ("bin/pypy3", true),
            ("bin/activate", true),
            ("bin/activate.fish", true),
            ("bin/Activate.ps1", true),
            ("bin/activate_this.py", true),
            ("bin/deactivate.nu", true),
            (".lock", true),
            (".stratheal/stage/x", true),
            (".Stratheal", true),
            ("lib64", true),
            ("lib64/python3.12/site-packages/x.py", true),
            ("bin/activate-global-python-argcomplete", false),
            ("bin/pythonista", false),
            ("bin/python3-config", false),
            ("bin/run", false),
            ("share/python", false),
            ("share/pyvenv.cfg", false),
            ("lib/python3.12/site-packages/python/x.py", false),
            (".locked", false),
            ("bin", false),
            ("", false),
        ] {
            assert_eq!(reserved(Path::new(path), Path::new("bin")).is_some(), is_reserved, "{path}");
        }
        assert!(reserved(Path::new("Scripts/python.exe"), Path::new("Scripts")).is_some());
    }
}
