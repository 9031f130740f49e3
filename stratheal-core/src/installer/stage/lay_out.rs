//! What makes a folder an environment.

use std::fs;
use std::io;
use std::path::Path;

use super::build::{symlink, write};
use crate::base::fs::{named, read_text};
use crate::installer::python::{Interpreter, PyvenvCfg, base_layout};

/// Puts what makes a folder an environment that will be at `root` into `stage`, a folder that is there and empty. Whether it sees the
/// packages of its interpreter is as it was, if there is an environment.
pub(in crate::installer) fn lay_out(interpreter: &Interpreter, root: &Path, stage: &Path) -> io::Result<()> {
    let old = read_text(&root.join("pyvenv.cfg"), PyvenvCfg::LARGEST);
    let sees_system = old.is_ok_and(|old| PyvenvCfg::parse(&old).sees_system_packages());
    let layout = base_layout(interpreter, root, sees_system, &templates(&interpreter.stdlib));
    for folder in &layout.folders {
        fs::create_dir_all(stage.join(folder)).map_err(|error| named(&stage.join(folder), &error))?;
    }
    for (path, content) in &layout.files {
        write(&stage.join(path), content, 0o644).map_err(|error| named(&stage.join(path), &error))?;
    }
    for (path, target) in &layout.links {
        symlink(target, &stage.join(path)).map_err(|error| named(&stage.join(path), &error))?;
    }
    Ok(())
}

/// The activation scripts that the interpreter's own library has templates for: names and texts.
fn templates(stdlib: &Path) -> Vec<(String, String)> {
    /// The largest template, in bytes.
    const LARGEST: u64 = 64 << 10;
    let mut found = Vec::new();
    for folder in ["common", "posix"] {
        let folder = stdlib.join("venv/scripts").join(folder);
        // Without them an environment works as well; it is only not activated.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten().take(50) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.to_ascii_lowercase().starts_with("activate")
                && let Ok(text) = read_text(&entry.path(), LARGEST)
            {
                found.push((name, text));
            }
        }
    }
    found.sort_unstable();
    found
}
