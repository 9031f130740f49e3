//! Programs: the first line of those that a wheel brings, and whole ones for its entry points.

use std::path::Path;

use super::EntryPoint;

/// The longest first line that every kernel takes (Linux before 5.1 cut it at 127 bytes without a word).
const LONGEST_SHEBANG: usize = 127;

/// A script for this interpreter: a wheel's script begins with `#!python` or `#!pythonw` where the interpreter is to be put in.
/// Anything else stays as it is, and is `None`.
pub(in crate::installer) fn with_shebang(script: &[u8], interpreter: &Path) -> Option<Vec<u8>> {
    let rest = script.strip_prefix(b"#!python")?;
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    // What follows are arguments, as in `#!python -s`; another word, such as `#!python3-config`, is none of ours.
    let word = word.strip_suffix(b"\r").unwrap_or(word);
    let word = word.strip_prefix(b"w").unwrap_or(word);
    if !(word.is_empty() || word.starts_with(b" ")) {
        return None;
    }
    let arguments = std::str::from_utf8(word).ok()?.trim();
    let mut filled = shebang(interpreter, arguments);
    filled.extend_from_slice(after.strip_prefix(b"\n").unwrap_or(after));
    Some(filled)
}

/// The program of an entry point.
pub(in crate::installer) fn launcher(entry: &EntryPoint, interpreter: &Path) -> Vec<u8> {
    let EntryPoint { module, function, .. } = entry;
    let first = function.split('.').next().unwrap_or(function);
    let mut text = shebang(interpreter, "");
    let body = format!(
        "import sys\n\nfrom {module} import {first}\n\nif __name__ == \"__main__\":\n    \
         for ending in (\"-script.pyw\", \".exe\"):\n        \
         if sys.argv[0].endswith(ending):\n            sys.argv[0] = sys.argv[0][: -len(ending)]\n    \
         sys.exit({function}())\n"
    );
    text.extend_from_slice(body.as_bytes());
    text
}

/// The first line. One that a kernel would not take goes through the shell, which takes any.
fn shebang(interpreter: &Path, arguments: &str) -> Vec<u8> {
    let program = interpreter.to_string_lossy();
    let arguments = if arguments.is_empty() { String::new() } else { format!(" {arguments}") };
    let simple = format!("#!{program}{arguments}\n");
    if simple.len() <= LONGEST_SHEBANG && !program.contains(char::is_whitespace) {
        return simple.into_bytes();
    }
    // For the shell `'''exec'` is the word `exec`; for Python all of it is a string.
    let quoted = program.replace('\'', "'\"'\"'");
    format!("#!/bin/sh\n'''exec' '{quoted}'{arguments} \"$0\" \"$@\"\n' '''\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn first_lines() {
        let python = Path::new("/env/bin/python");
        let filled =
            |script: &str| with_shebang(script.as_bytes(), python).map(|text| String::from_utf8(text).unwrap());
        assert_eq!(filled("#!python\nprint()\n").as_deref(), Some("#!/env/bin/python\nprint()\n"));
        assert_eq!(filled("#!pythonw -s\r\nx").as_deref(), Some("#!/env/bin/python -s\nx"));
        assert_eq!(filled("#!python").as_deref(), Some("#!/env/bin/python\n"));
        for other in ["#!/bin/sh\n", "#!python3\n", "#!pythonista\n", "", "\x7fELF"] {
            assert_eq!(filled(other), None, "{other:?}");
        }
    }

    #[test]
    fn long_paths_and_spaces_go_through_the_shell() {
        if !Path::new("/bin/sh").exists() || which_python().is_none() {
            return crate::testing::skipped("long first lines", "there is no /bin/sh or no python3 in PATH");
        }
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("it's a long way".repeat(8));
        std::fs::create_dir_all(&deep).unwrap();
        let python = deep.join("python");
        #[cfg(unix)]
        std::os::unix::fs::symlink(which_python().unwrap(), &python).unwrap();
        let entry = EntryPoint {
            name: "demo".to_owned(),
            module: "os.path".to_owned(),
            function: "supports_unicode_filenames.__bool__".to_owned(),
            is_gui: false,
        };
        let script = folder.path().join("demo");
        std::fs::write(&script, launcher(&entry, &python)).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let status = std::process::Command::new(&script).status().unwrap();
        assert_eq!(status.code(), Some(0), "`sys.exit(False)`");
    }

    fn which_python() -> Option<std::path::PathBuf> {
        let output =
            std::process::Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().into())
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, near in "#!python[w3 \r\n-]{0,10}") {
            let _ = (with_shebang(&bytes, Path::new("/x")), with_shebang(near.as_bytes(), Path::new("/x")));
        }
    }
}
