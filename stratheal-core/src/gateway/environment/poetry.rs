//! Whether poetry has the plugin through which it takes an index from a variable.
//!
//! The plugin is looked for in the environment that poetry itself runs in, by the folder of its metadata. Asking poetry
//! (`poetry self show plugins`) takes seconds, needs its configuration, and may use the network.

use std::fs;
use std::path::{Path, PathBuf};

use super::Environment;

/// The folder name of the plugin's metadata begins with this.
const PLUGIN: &str = "poetry_plugin_pypi_mirror-";
/// The longest first line of a script.
const LONGEST_LINE: u64 = 4096;
/// Entries of a folder that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// What is known about the mirror plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// It is there.
    Found,
    /// It is not.
    Missing,
    /// Poetry's own environment was not found.
    Unknown,
}

/// Looks for the mirror plugin of the poetry that `program` starts, with this environment's `PATH`.
#[must_use]
pub fn poetry_mirror_plugin(program: &Path, environment: &Environment) -> Plugin {
    let Some(script) = on_path(program, environment) else { return Plugin::Unknown };
    let Some(interpreter) = interpreter(&script) else { return Plugin::Unknown };
    // `<prefix>/bin/python`: the link is not followed, because it leads out of the environment.
    let Some(prefix) = interpreter.parent().and_then(Path::parent) else { return Plugin::Unknown };
    let mut folders = vec![prefix.join("Lib").join("site-packages")];
    for library in ["lib", "lib64"] {
        folders.extend(entries(&prefix.join(library), "python").map(|folder| folder.join("site-packages")));
    }
    let mut known = false;
    for folder in folders {
        known |= entries(&folder, "poetry-").next().is_some();
        if entries(&folder, PLUGIN).next().is_some() {
            return Plugin::Found;
        }
    }
    if known { Plugin::Missing } else { Plugin::Unknown }
}

fn on_path(program: &Path, environment: &Environment) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned());
    }
    std::env::split_paths(environment.value("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The interpreter in the first line of a script, or beside the program where that is a binary launcher.
fn interpreter(script: &Path) -> Option<PathBuf> {
    use std::io::Read;
    // An installer may have linked the script into a folder of the PATH.
    let script = fs::canonicalize(script).ok()?;
    let mut start = Vec::new();
    fs::File::open(&script).ok()?.take(LONGEST_LINE).read_to_end(&mut start).ok()?;
    let line = start.split(|&byte| byte == b'\n').next()?;
    match line.strip_prefix(b"#!") {
        Some(line) => {
            let line = std::str::from_utf8(line).ok()?.trim();
            // Long paths go through the shell: `#!/bin/sh`, then `'''exec' /path/python ...`.
            if line.ends_with("/sh") {
                let text = String::from_utf8_lossy(&start);
                let path = text.lines().nth(1)?.strip_prefix("'''exec' ")?;
                let path =
                    path.strip_prefix('"').map_or_else(|| path.split(' ').next(), |path| path.split('"').next())?;
                return Some(PathBuf::from(path));
            }
            Some(PathBuf::from(line.split_whitespace().next()?))
        }
        None => Some(script),
    }
}

fn entries(folder: &Path, beginning: &str) -> impl Iterator<Item = PathBuf> {
    let beginning = beginning.to_owned();
    let entries = fs::read_dir(folder).into_iter().flatten().take(MOST_ENTRIES).flatten();
    entries.filter(move |entry| entry.file_name().to_string_lossy().starts_with(&beginning)).map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_where_poetry_runs() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("venv/lib/python3.12/site-packages");
        let bin = folder.path().join("venv/bin");
        fs::create_dir_all(&site).unwrap();
        fs::create_dir_all(&bin).unwrap();
        let environment = Environment::from_iter([("PATH", bin.as_os_str())]);
        let look = || poetry_mirror_plugin(Path::new("poetry"), &environment);
        assert_eq!(look(), Plugin::Unknown);
        fs::write(bin.join("poetry"), format!("#!{}\nimport sys\n", bin.join("python").display())).unwrap();
        assert_eq!(look(), Plugin::Unknown);
        fs::create_dir(site.join("poetry-2.5.1.dist-info")).unwrap();
        assert_eq!(look(), Plugin::Missing);
        fs::create_dir(site.join("poetry_plugin_pypi_mirror-0.6.2.dist-info")).unwrap();
        assert_eq!(look(), Plugin::Found);
        let through_shell = format!("#!/bin/sh\n'''exec' \"{}\" \"$0\" \"$@\"\n", bin.join("python").display());
        fs::write(bin.join("poetry"), through_shell).unwrap();
        assert_eq!(poetry_mirror_plugin(&bin.join("poetry"), &environment), Plugin::Found);
    }
}
