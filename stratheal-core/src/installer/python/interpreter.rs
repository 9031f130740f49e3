//! An interpreter, as it describes itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::base::class::ErrorClass;
use crate::installer::requirement::MarkerEnvironment;
use crate::sys::command::{Command, CommandError, Ending};

/// Asked of the interpreter itself, isolated from the user's variables and folders.
const PROBE: &str = include_str!("probe.py");

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 64 << 10;

/// What an interpreter says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// Its program.
    pub executable: PathBuf,
    /// The program of the installation it belongs to; the same outside a virtual environment.
    pub base_executable: PathBuf,
    /// Major, minor and patch version.
    pub version: (u32, u32, u32),
    /// Where its environment begins.
    pub prefix: PathBuf,
    /// Where the installation begins that it was made from; the same outside a virtual environment.
    pub base_prefix: PathBuf,
    /// Such as `linux-x86_64`.
    pub platform: String,
    /// The folder of platform-dependent libraries: `lib` or `lib64`.
    pub platlibdir: String,
    /// 32 or 64.
    pub pointer_bits: u32,
    /// The C library, where that decides which wheels run.
    pub libc: Option<Libc>,
    /// Whether it is a debug build.
    pub is_debug: bool,
    /// Whether it runs without the global lock (PEP 703).
    pub is_free_threaded: bool,
    /// How the file names of its extension modules end.
    pub extension_suffix: Option<String>,
    /// How its bytecode is named, such as `cpython-312`.
    pub cache_tag: Option<String>,
    /// Its standard library.
    pub stdlib: PathBuf,
    /// The text of `EXTERNALLY-MANAGED` (PEP 668): the system's package manager owns it.
    pub externally_managed: Option<String>,
    /// Where it keeps packages.
    pub scheme: Scheme,
    /// The values of markers.
    pub markers: MarkerEnvironment,
}

/// A C library: its name, major and minor version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Libc(pub String, pub u32, pub u32);

/// Where the parts of a wheel go (`sysconfig`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scheme {
    /// Modules.
    pub purelib: PathBuf,
    /// Modules with parts for a platform.
    pub platlib: PathBuf,
    /// Programs.
    pub scripts: PathBuf,
    /// Anything else, below the environment.
    pub data: PathBuf,
    /// Headers, one folder for each project.
    pub include: PathBuf,
}

/// Why an interpreter could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InterpreterError {
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] CommandError),
    /// It did not end well.
    #[error("{} {how}: {complaint}", program.display())]
    Failed {
        /// The program.
        program: PathBuf,
        /// How it ended.
        how: String,
        /// The end of what it complained about.
        complaint: String,
    },
    /// It is a file, and the system does not take it for a program.
    #[error("{} is no Python interpreter: it is a file that cannot be executed", program.display())]
    NoProgram {
        /// The file.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It printed something else.
    #[error("{} is no Python interpreter: its answer makes no sense", program.display())]
    Nonsense {
        /// The program.
        program: PathBuf,
    },
}

impl InterpreterError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Start(error) => error.class(),
            Self::Failed { .. } | Self::NoProgram { .. } | Self::Nonsense { .. } => ErrorClass::Permanent,
        }
    }
}

impl Interpreter {
    /// Asks a program.
    ///
    /// # Cancellation
    /// Dropping the future kills the program.
    ///
    /// # Errors
    /// [`InterpreterError`].
    pub async fn ask(program: &Path, patience: Duration) -> Result<Self, InterpreterError> {
        // `-B`: looking leaves nothing behind, not even bytecode.
        let mut command = Command::new(program, ["-I", "-B", "-c", PROBE]);
        command.output_limit = LONGEST_ANSWER;
        let running = command.spawn().map_err(|error| match error {
            CommandError::NotExecutable { program, source } => InterpreterError::NoProgram { program, source },
            error => error.into(),
        })?;
        let finished = running.finish(Instant::now() + patience).await?;
        let program = program.to_owned();
        let how = match finished.ending {
            Ending::Exited(0) => {
                return parse_answer(finished.stdout.bytes()).ok_or(InterpreterError::Nonsense { program });
            }
            Ending::Exited(code) => format!("exited with {code}"),
            Ending::Signalled(signal) => format!("was killed by signal {signal}"),
            Ending::TimedOut { .. } => format!("did not answer within {} s", patience.as_secs()),
        };
        let complaint = finished.stderr.text();
        let complaint = complaint.lines().last().unwrap_or("it said nothing").chars().take(300).collect();
        Err(InterpreterError::Failed { program, how, complaint })
    }

    /// Major and minor version, as `3.12`.
    #[must_use]
    pub fn series(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }

    /// Its own name, after which its folders are called as well: `python3.14`, or `python3.14t` where it has no global lock.
    #[must_use]
    pub fn name(&self) -> String {
        format!("python{}{}", self.series(), if self.is_free_threaded { "t" } else { "" })
    }

    /// Whether it is that of a virtual environment.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.prefix != self.base_prefix
    }

    /// What the interpreter of a virtual environment in `root` will say that is made from this one. Pure.
    #[must_use]
    pub fn in_environment(&self, root: &Path) -> Self {
        let windows = self.markers.os_name == "nt";
        let library = if windows { root.join("Lib") } else { root.join("lib").join(self.name()) };
        let scripts = root.join(if windows { "Scripts" } else { "bin" });
        Self {
            executable: scripts.join(if windows { "python.exe" } else { "python" }),
            prefix: root.to_owned(),
            externally_managed: None,
            scheme: Scheme {
                purelib: library.join("site-packages"),
                // `lib64` of an environment is a link to `lib`.
                platlib: library.join("site-packages"),
                scripts,
                data: root.to_owned(),
                include: root.join(format!("include/site/python{}", self.series())),
            },
            ..self.clone()
        }
    }
}

fn parse_answer(output: &[u8]) -> Option<Interpreter> {
    // A site hook may print before; the answer is the last line.
    let line = output.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty())?;
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::skipped;

    #[tokio::test]
    async fn a_real_one_describes_itself_and_its_environments() {
        let Ok(found) = Interpreter::ask(Path::new("python3"), Duration::from_secs(20)).await else {
            return skipped("what an interpreter says", "there is no python3 in PATH");
        };
        assert_eq!(found.markers.python_version, found.series());
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("env");
        let made =
            std::process::Command::new(&found.executable).args(["-m", "venv", "--without-pip"]).arg(&root).status();
        if !made.is_ok_and(|status| status.success()) {
            return skipped("what the interpreter of an environment says", "python3 has no venv module");
        }
        let inside = Interpreter::ask(&root.join("bin/python"), Duration::from_secs(20)).await.unwrap();
        let expected = found.in_environment(&root);
        assert_eq!(inside.scheme.purelib, expected.scheme.purelib);
        assert_eq!(
            (&inside.scheme.scripts, &inside.scheme.include),
            (&expected.scheme.scripts, &expected.scheme.include)
        );
        assert_eq!((&inside.prefix, &inside.base_prefix), (&root, &found.base_prefix));
        assert!(inside.is_virtual() && expected.is_virtual());
        assert!(!inside.base_executable.starts_with(&root), "{}", inside.base_executable.display());
        // What one without a global lock has is its own.
        let free = Interpreter { is_free_threaded: true, ..found };
        let packages = root.join(format!("lib/python{}t/site-packages", free.series()));
        assert_eq!(free.in_environment(&root).scheme.purelib, packages);
        let layout = super::super::layout::base_layout(&free, &root, false, &[]);
        assert!(layout.folders.iter().any(|folder| root.join(folder) == packages), "{layout:?}");
        for name in [format!("bin/python{}", free.series()), format!("bin/python{}t", free.series())] {
            assert!(layout.links.contains(&(name.into(), "python".into())), "{layout:?}");
        }
    }

    #[tokio::test]
    async fn an_environment_of_an_old_python_knows_what_it_was_made_from() {
        let installed = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions"));
        let versions = installed.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
        let mut versions = versions.map(|version| version.path().join("bin/python3.10"));
        let Some(python) = versions.find(|program| program.is_file()) else {
            return skipped("what an environment of CPython 3.10 was made from", "there is none below ~/.pyenv");
        };
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("env");
        let made = std::process::Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(&root).status();
        assert!(made.unwrap().success());
        let inside = Interpreter::ask(&root.join("bin/python"), Duration::from_secs(20)).await.unwrap();
        assert_eq!(inside.base_executable, python);
    }

    #[tokio::test]
    async fn what_is_no_interpreter_is_named() {
        let ask = async |program: &str| {
            let asked = Interpreter::ask(Path::new(program), Duration::from_secs(20)).await;
            asked.map(|found| found.series()).unwrap_err().to_string()
        };
        assert!(ask("/nowhere/python").await.contains("/nowhere/python"));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for mode in [0o644, 0o755] {
            std::fs::write(&file, "nothing to run").unwrap();
            #[cfg(unix)]
            std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
            let told = ask(file.to_str().unwrap()).await;
            assert!(told.contains("file is no Python interpreter"), "{mode:o}: {told}");
        }
        assert!(ask("/bin/true").await.contains("is no Python interpreter"));
        assert!(ask("/bin/false").await.contains("/bin/false exited with 1"));
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, near in "[{}\":,a-z\n\\[\\]0-9]{0,60}") {
            let _ = (parse_answer(&bytes), parse_answer(near.as_bytes()));
        }
    }
}
