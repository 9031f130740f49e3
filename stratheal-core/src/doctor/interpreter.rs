//! The Python interpreter: is it there, which one is it, may packages be installed into it.
//!
//! Source: PEP 668 for `EXTERNALLY-MANAGED`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Finding;
use crate::base::class::chain;
use crate::model::Status;
use crate::sys::command::{Command, CommandError, Ending};

/// The oldest Python that still gets security fixes when this was written.
const OLDEST: (u32, u32) = (3, 10);

/// Asked of the interpreter itself, isolated from the user's variables and folders.
const PROBE: &str = r#"
import importlib.util, json, os, sys, sysconfig
def version(name):
    try:
        from importlib.metadata import version
        return version(name)
    except Exception:
        return None
marker = os.path.join(sysconfig.get_path("stdlib") or "", "EXTERNALLY-MANAGED")
print(json.dumps({
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name,
    "prefix": sys.prefix,
    "base_prefix": sys.base_prefix,
    "platform": sysconfig.get_platform(),
    "packages": sysconfig.get_path("purelib"),
    "pip": version("pip"),
    "ensurepip": importlib.util.find_spec("ensurepip") is not None,
    "externally_managed": sys.prefix == sys.base_prefix and os.path.isfile(marker),
}))
"#;

/// What an interpreter says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// Its program.
    pub executable: PathBuf,
    /// Major, minor and patch version.
    pub version: (u32, u32, u32),
    /// `cpython`, `pypy` ...
    pub implementation: String,
    /// Where its environment begins.
    pub prefix: PathBuf,
    /// Where the interpreter it was made from begins; the same outside a virtual environment.
    pub base_prefix: PathBuf,
    /// Such as `linux-x86_64`.
    pub platform: String,
    /// Where it keeps packages.
    pub packages: PathBuf,
    /// The version of its pip.
    pub pip: Option<String>,
    /// Whether it can give itself a pip.
    pub ensurepip: bool,
    /// Whether the system's package manager owns it (PEP 668).
    pub externally_managed: bool,
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
    /// It printed something else.
    #[error("{} is no Python interpreter: its answer makes no sense", program.display())]
    Nonsense {
        /// The program.
        program: PathBuf,
    },
}

/// Asks an interpreter about itself.
///
/// # Cancellation
/// Dropping the future kills the interpreter.
///
/// # Errors
/// [`InterpreterError`].
pub async fn examine_interpreter(program: &Path, patience: Duration) -> Result<Interpreter, InterpreterError> {
    let mut command = Command::new(program, ["-I", "-c", PROBE]);
    command.output_limit = 64 * 1024;
    let finished = command.spawn()?.finish(Instant::now() + patience).await?;
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

fn parse_answer(output: &[u8]) -> Option<Interpreter> {
    // A site hook may print before; the answer is the last line.
    let line = output.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty())?;
    serde_json::from_slice(line).ok()
}

impl Interpreter {
    /// Major and minor version, as `3.12`.
    #[must_use]
    pub fn series(&self) -> String {
        format!("{}.{}", self.version.0, self.version.1)
    }

    /// Whether it is that of a virtual environment.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.prefix != self.base_prefix
    }
}

/// Says how an interpreter is.
#[must_use]
pub fn judge_interpreter(asked: Result<&Interpreter, &InterpreterError>) -> Finding {
    const TOPIC: &str = "interpreter";
    let found = match asked {
        Ok(found) => found,
        Err(error) => {
            let next = "install Python 3.10 or newer, or name one with --python";
            return Finding::bad(TOPIC, Status::Critical, chain(error), next);
        }
    };
    let (major, minor, patch) = found.version;
    let pip = found.pip.as_ref().map_or_else(|| "no pip".to_owned(), |version| format!("pip {version}"));
    let what = format!("{} {major}.{minor}.{patch}, {pip}: {}", found.implementation, found.executable.display());
    let finding = if (major, minor) < OLDEST {
        Finding::bad(TOPIC, Status::Warning, format!("{what} gets no security fixes any more"), "use a newer Python")
    } else if found.externally_managed {
        let next = "make a virtual environment (`python3 -m venv .venv`) and install into that";
        Finding::bad(TOPIC, Status::Warning, format!("{what} belongs to the system's package manager"), next)
    } else if found.pip.is_none() && !found.ensurepip {
        let next = "install uv, or the system's package of ensurepip (python3-venv on Debian and Ubuntu)";
        Finding::bad(TOPIC, Status::Warning, format!("{what}, and nothing to make one"), next)
    } else {
        Finding::healthy(TOPIC, what)
    };
    match serde_json::to_value(found) {
        Ok(serde_json::Value::Object(facts)) => Finding { facts, ..finding },
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn python() -> Interpreter {
        Interpreter {
            executable: "/usr/bin/python3".into(),
            version: (3, 12, 1),
            implementation: "cpython".to_owned(),
            prefix: "/usr".into(),
            base_prefix: "/usr".into(),
            platform: "linux-x86_64".to_owned(),
            packages: "/usr/lib/python3/dist-packages".into(),
            pip: Some("26.1".to_owned()),
            ensurepip: true,
            externally_managed: false,
        }
    }

    #[test]
    fn each_finding_says_what_to_do() {
        let judge = |change: fn(&mut Interpreter)| {
            let mut python = python();
            change(&mut python);
            judge_interpreter(Ok(&python))
        };
        assert_eq!(judge(|_| ()).status, Status::Healthy);
        for (finding, words) in [
            (judge(|python| python.version = (3, 8, 19)), "a newer Python"),
            (judge(|python| python.externally_managed = true), "venv"),
            (judge(|python| (python.pip, python.ensurepip) = (None, false)), "uv"),
        ] {
            assert_eq!(finding.status, Status::Warning, "{finding:?}");
            assert!(finding.next.as_ref().is_some_and(|next| next.contains(words)), "{finding:?}");
        }
    }

    #[tokio::test]
    async fn the_real_one_answers() {
        let patience = Duration::from_secs(30);
        match examine_interpreter(Path::new("python3"), patience).await {
            Ok(found) => assert!(found.version.0 == 3 && found.executable.is_absolute(), "{found:?}"),
            Err(error) => crate::testing::skipped("doctor: interpreter", &error.to_string()),
        }
        let error = examine_interpreter(Path::new("true"), patience).await.unwrap_err();
        assert!(error.to_string().contains("is no Python interpreter"), "{error}");
        let error = examine_interpreter(Path::new("no-such-python"), patience).await.unwrap_err();
        assert_eq!(judge_interpreter(Err(&error)).status, Status::Critical);
    }

    proptest! {
        #[test]
        fn never_panics(output in proptest::collection::vec(any::<u8>(), 0..80), text in "[{}\":,a-z\n]{0,40}") {
            let _ = (parse_answer(&output), parse_answer(text.as_bytes()));
        }
    }
}
