//! Real installers for tests and benchmarks: programs from the user's package index, each in an environment of its own.
//!
//! They are kept in the folder `tools` beside what cargo builds, so that they are fetched once. Only making one reaches beyond
//! loopback, with the settings of the user's own pip; using one does not, because its environment is cleaned.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// uv as it is tested with.
pub const UV: &[&str] = &["uv==0.13.9"];
/// pip as it is tested with.
pub const PIP: &[&str] = &["pip==26.3"];
/// virtualenv as it is tested with.
pub const VIRTUALENV: &[&str] = &["virtualenv==21.15.11"];

/// Written last into an environment: what it holds.
const MARK: &str = "requirements.txt";

/// An environment with one tool in it.
#[derive(Debug, Clone)]
pub struct Tool {
    folder: PathBuf,
}

impl Tool {
    /// Makes the environment, or takes the one that is there. Several processes may do so at once.
    ///
    /// # Errors
    /// A sentence for people, when it cannot be made: without Python, or without a package index.
    pub fn new(requirements: &[&str]) -> Result<Self, String> {
        let name = requirements.join("+").replace("==", "-");
        let tools = built()?.join("tools");
        fs::create_dir_all(&tools).map_err(|error| format!("cannot make {}: {error}", tools.display()))?;
        let lock = File::create(tools.join(format!("{name}.lock"))).and_then(|file| file.lock().map(|()| file));
        let _lock = lock.map_err(|error| format!("cannot lock {}: {error}", tools.display()))?;
        let tool = Self { folder: tools.join(&name) };
        let wanted = requirements.join("\n");
        let whole = fs::read_to_string(tool.folder.join(MARK)).is_ok_and(|mark| mark == wanted);
        if !whole || run(Command::new(tool.program("python")).arg("--version")).is_err() {
            tool.make(requirements)?;
            fs::write(tool.folder.join(MARK), wanted).map_err(|error| format!("cannot finish {name}: {error}"))?;
        }
        Ok(tool)
    }

    fn make(&self, requirements: &[&str]) -> Result<(), String> {
        let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(&self.folder))?;
        let mut install = Command::new(self.program("python"));
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(requirements);
        run(&mut install)
    }

    /// A program of this environment.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        if cfg!(windows) { self.folder.join("Scripts").join(name) } else { self.folder.join("bin").join(name) }
    }
}

/// Runs a program to its end. Its complaint is in the error.
fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let done = command.stdin(Stdio::null()).output().map_err(|error| format!("cannot run {name}: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let last: Vec<_> = said.lines().rev().take(3).collect();
    Err(format!("{name} failed: {}", last.into_iter().rev().collect::<Vec<_>>().join(" / ")))
}

/// The folder in which cargo builds: the one of its setting, else the one above this program's `PROFILE/deps`.
fn built() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| Path::new(folder).is_absolute()) {
        return Ok(folder.into());
    }
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let folders = program.parent().filter(|folder| folder.ends_with("deps"));
    let found = folders.and_then(|folder| folder.ancestors().nth(2)).map(Path::to_owned);
    found.ok_or_else(|| format!("{} was not built by cargo", program.display()))
}

/// Names of variables that change what an installer does.
#[must_use]
pub fn misleading_variables() -> Vec<OsString> {
    let misleads = |name: &str| {
        ["PYTHON", "PIP_", "UV_", "VIRTUAL_ENV", "STRATHEAL_"].iter().any(|start| name.starts_with(start))
            || name.to_ascii_lowercase().ends_with("_proxy")
    };
    std::env::vars_os().map(|(name, _)| name).filter(|name| misleads(&name.to_string_lossy())).collect()
}

/// Lets a program see none of the user's settings for Python, pip, uv and proxies, and keep its caches below `home`.
pub fn clean(command: &mut Command, home: &Path) {
    for name in misleading_variables() {
        command.env_remove(name);
    }
    command.env("HOME", home).env("XDG_CACHE_HOME", home.join("cache")).env("XDG_CONFIG_HOME", home.join("config"));
    command.env("PIP_CONFIG_FILE", if cfg!(windows) { "nul" } else { "/dev/null" }).env("UV_NO_CONFIG", "1");
    command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_NO_INPUT", "1");
    command.env("UV_PYTHON_DOWNLOADS", "never").env("UV_NO_PROGRESS", "1");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_passed_on() {
        let error = run(Command::new("sh").args(["-c", "echo one >&2; echo two >&2; exit 3"])).unwrap_err();
        assert_eq!(error, "sh failed: one / two");
        let program = std::env::current_exe().unwrap();
        assert!(program.starts_with(built().unwrap()), "{}", program.display());
    }
}
