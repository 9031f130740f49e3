//! An environment that was moved or copied: its programs begin with the path of an interpreter, and that is the one of the old place.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::configuration::FILE;
use super::{Finding, Problem};
use crate::base::fs::read_text;

/// Where programs are, and the script that tells a shell where the environment is.
const PROGRAMS: &str = "bin";
const ACTIVATE: &str = "bin/activate";

/// The largest such script, how much of a program is read, and the most of them.
const LARGEST: u64 = 64 << 10;
const HEAD: u64 = 1 << 10;
const MOST_PROGRAMS: usize = 2_000;

/// The finding, if the environment in `root`, a real path, was made elsewhere. One small file is read where nothing is wrong.
pub(super) fn moved(root: &Path) -> Option<Finding> {
    if cfg!(windows) || !root.join(FILE).is_file() {
        return None;
    }
    let is_here = |named: &Path| named == root || named.canonicalize().is_ok_and(|real| real == root);
    let text = read_text(&root.join(ACTIVATE), LARGEST).unwrap_or_else(|error| {
        tracing::debug!(%error, "nothing says where the environment is activated");
        String::new()
    });
    let activated = activated(&text);
    if activated.as_deref().is_some_and(is_here) {
        return None;
    }
    let mut named: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for place in places(root).into_iter().filter(|place| !is_here(place)) {
        // A program of an installation is no sign: a wheel may bring one that names it.
        let was_here =
            activated.as_ref() == Some(&place) || place.join(FILE).is_file() || !place.join(PROGRAMS).is_dir();
        if was_here {
            *named.entry(place).or_default() += 1;
        }
    }
    let most = named.into_iter().max_by_key(|(_, count)| *count);
    let (from, programs) = most.or_else(|| activated.map(|from| (from, 0)))?;
    Some(Finding::about(None, None, Problem::Moved { from, programs }))
}

/// The environments that programs name, each as often as it is named.
fn places(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root.join(PROGRAMS)) else { return Vec::new() };
    let files = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    files
        .take(MOST_PROGRAMS)
        .filter_map(|entry| interpreter(&head(&entry.path())?)?.parent()?.parent().map(Path::to_owned))
        .collect()
}

fn head(program: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    fs::File::open(program).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
    bytes.starts_with(b"#!").then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// The interpreter that a program begins with, also through the shell, as installers write it when the path is long. `None` for a relative
/// one, which moves along.
fn interpreter(head: &str) -> Option<PathBuf> {
    let mut lines = head.strip_prefix("#!")?.lines();
    let first = lines.next()?.trim();
    let path = if first.starts_with("/bin/sh") {
        let rest = lines.next()?.strip_prefix("'''exec' ")?;
        unquoted(rest)?
    } else {
        first.split_whitespace().next()?.to_owned()
    };
    let path = PathBuf::from(path);
    let name = path.file_name()?.to_str()?;
    (path.is_absolute() && (name.starts_with("python") || name.starts_with("pypy"))).then_some(path)
}

/// The folder that `activate` sets `VIRTUAL_ENV` to. `None` where it is found out when it runs.
fn activated(text: &str) -> Option<PathBuf> {
    let values = text.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("export ").unwrap_or(line).strip_prefix("VIRTUAL_ENV=")
    });
    values.filter_map(unquoted).map(PathBuf::from).find(|path| path.is_absolute())
}

/// The first word of a line of a shell script, if it says what it is without being run.
fn unquoted(text: &str) -> Option<String> {
    let mut word = String::new();
    let mut quote = None;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, c) if c.is_whitespace() || c == ';' => break,
            (None | Some('"'), '$' | '`' | '\\') => return None,
            (_, c) => word.push(c),
        }
    }
    (quote.is_none() && !word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_programs_begin_with() {
        for (head, expected) in [
            ("#!/old/bin/python\nimport sys\n", Some("/old/bin/python")),
            ("#!/old/bin/python3.12 -s\n", Some("/old/bin/python3.12")),
            ("#!/bin/sh\n'''exec' '/old place/bin/python' \"$0\" \"$@\"\n' '''\n", Some("/old place/bin/python")),
            ("#!/bin/sh\n'''exec' /old/bin/python3 \"$0\" \"$@\"\n' '''\n", Some("/old/bin/python3")),
            ("#!/bin/sh\n'''exec' '/it'\"'\"'s/bin/python' \"$0\" \"$@\"\n", Some("/it's/bin/python")),
            // As uv writes it where an environment can be moved.
            ("#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n", None),
            ("#!/usr/bin/env python3\n", None),
            ("#!/bin/sh\necho\n", None),
            ("#!python\n", None),
            ("", None),
        ] {
            assert_eq!(interpreter(head).as_deref(), expected.map(Path::new), "{head}");
        }
    }

    #[test]
    fn what_is_activated() {
        for (text, expected) in [
            ("deactivate () {\n    unset VIRTUAL_ENV\n}\nVIRTUAL_ENV=\"/old\"\nexport VIRTUAL_ENV\n", Some("/old")),
            ("case x in\n  cyg*)\n  VIRTUAL_ENV=$(cygpath /old)\n  ;;\n*)\n  export VIRTUAL_ENV=/old\n", Some("/old")),
            ("VIRTUAL_ENV='/old place'\n", Some("/old place")),
            ("VIRTUAL_ENV=\"$(dirname \"$(dirname \"$SCRIPT\")\")\"\n", None),
            ("", None),
        ] {
            assert_eq!(activated(text).as_deref(), expected.map(Path::new), "{text}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn only_what_was_made_elsewhere_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("env");
        fs::create_dir_all(root.join("bin")).unwrap();
        let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
        let told = || moved(&root).map(|finding| finding.message);
        write("bin/run", "#!/old/bin/python\n");
        assert_eq!(told(), None, "it is no environment");
        write("pyvenv.cfg", "home = /usr/bin\n");
        assert!(told().unwrap().starts_with("the environment was made at /old, and 1 program in it names that: "));
        write("bin/activate", &format!("VIRTUAL_ENV={}\n", root.display()));
        assert_eq!(told(), None);
        std::os::unix::fs::symlink(&root, folder.path().join("link")).unwrap();
        write("bin/activate", &format!("VIRTUAL_ENV={}\n", folder.path().join("link").display()));
        assert_eq!(told(), None, "the same folder by another way");
        write("bin/activate", "VIRTUAL_ENV='/old'\n");
        write("bin/more", "#!/bin/sh\n'''exec' '/old/bin/python' \"$0\" \"$@\"\n");
        write("bin/system", "#!/usr/bin/python3\n");
        assert!(told().unwrap().contains("/old, and 2 programs in it name that"), "{:?}", told());
        for name in ["run", "more", "system"] {
            fs::remove_file(root.join("bin").join(name)).unwrap();
        }
        assert!(told().unwrap().contains("made at /old, and bin/activate names that"), "{:?}", told());
    }

    proptest! {
        #[test]
        fn never_panics(head in "(#!|/bin/sh|\n|'''exec' |'|\"|\\$|/|python| |é){0,20}") {
            let _ = (interpreter(&head), activated(&head), unquoted(&head));
        }
    }
}
