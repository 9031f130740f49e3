//! What interpreters said, kept: starting one takes longer than all the rest of an install that has nothing to do.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Interpreter, InterpreterError, PyvenvCfg};
use crate::base::fs::{read_text, replace_unsynced};
use crate::objects::ContentId;

/// The largest kept answer, in bytes.
const LARGEST: u64 = 128 << 10;

/// How long an interpreter has for its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Answers of interpreters, in a folder of a cache. An answer counts as long as the program, what it is a link to, and the `pyvenv.cfg`
/// beside it are the same.
#[derive(Debug, Clone)]
pub struct KnownInterpreters {
    folder: PathBuf,
}

/// What an answer depends on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Fingerprint {
    /// This format; another one is not read.
    version: u32,
    program: PathBuf,
    resolved: PathBuf,
    size: u64,
    modified_ns: i64,
    environment: Option<String>,
    kernel: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    fingerprint: Fingerprint,
    interpreter: Interpreter,
}

impl Fingerprint {
    const VERSION: u32 = 2;

    /// Looks at a program. `None` when it is none, or when nobody can tell whether it changed.
    fn of(program: &Path) -> Option<Self> {
        let resolved = fs::canonicalize(program).ok()?;
        let found = fs::metadata(&resolved).ok().filter(fs::Metadata::is_file)?;
        // A shim chooses its interpreter anew each time.
        let is_script = {
            use std::io::Read;
            let mut head = [0; 2];
            fs::File::open(&resolved).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"#!"
        };
        if is_script {
            return None;
        }
        let modified = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let environment = program.parent().and_then(Path::parent).map(|root| root.join("pyvenv.cfg"));
        let environment = environment.and_then(|file| read_text(&file, PyvenvCfg::LARGEST).ok());
        Some(Self {
            version: Self::VERSION,
            program: std::path::absolute(program).ok()?,
            resolved,
            size: found.len(),
            modified_ns: i64::try_from(modified.as_nanos()).ok()?,
            environment,
            // Markers hold its release.
            kernel: read_text(Path::new("/proc/sys/kernel/osrelease"), 1024).unwrap_or_default(),
        })
    }
}

impl KnownInterpreters {
    /// Keeps answers in this folder, which is made when there is the first one.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What an interpreter is: as it said before, else it is asked. A name without a folder is looked up in `PATH`.
    ///
    /// # Cancellation
    /// Dropping the future kills the program.
    ///
    /// # Errors
    /// [`InterpreterError`].
    pub async fn ask(&self, program: &Path) -> Result<Interpreter, InterpreterError> {
        let Some(fingerprint) = Fingerprint::of(program) else { return Interpreter::ask(program, PATIENCE).await };
        let place = self.place(&fingerprint.program);
        let kept = read_text(&place, LARGEST).ok().and_then(|text| serde_json::from_str::<Kept>(&text).ok());
        if let Some(kept) = kept.filter(|kept| kept.fingerprint == fingerprint) {
            return Ok(kept.interpreter);
        }
        let interpreter = Interpreter::ask(program, PATIENCE).await?;
        let kept = Kept { fingerprint, interpreter };
        let written = serde_json::to_vec(&kept).map_err(std::io::Error::from).and_then(|text| {
            fs::create_dir_all(&self.folder)?;
            replace_unsynced(&place, &text)
        });
        if let Err(error) = written {
            tracing::debug!(path = %place.display(), %error, "an interpreter's answer cannot be kept");
        }
        Ok(kept.interpreter)
    }

    /// What the interpreter of an environment is: as it said before; else as that of the interpreter it was made from, where this program
    /// made it; else it is asked.
    ///
    /// # Cancellation
    /// Dropping the future kills the program.
    ///
    /// # Errors
    /// [`InterpreterError`].
    pub async fn ask_in(&self, root: &Path, cfg: &PyvenvCfg) -> Result<Interpreter, InterpreterError> {
        let program = root.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        let is_own = cfg.get("stratheal").is_some();
        let base = cfg.get("executable").map(PathBuf::from).filter(|_| is_own);
        let is_same = |base: &PathBuf| match (fs::canonicalize(base), fs::canonicalize(&program)) {
            (Ok(base), Ok(program)) => base == program,
            _ => false,
        };
        let Some(base) = base.filter(is_same) else { return self.ask(&program).await };
        let base = self.ask(&base).await?;
        let expected = base.in_environment(root);
        // Another version under the same name keeps its packages elsewhere.
        if base.is_virtual() || !expected.scheme.purelib.is_dir() {
            return self.ask(&program).await;
        }
        Ok(expected)
    }

    fn place(&self, program: &Path) -> PathBuf {
        self.folder.join(format!("{}.json", ContentId::of(program.as_os_str().as_encoded_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::skipped;

    #[tokio::test]
    async fn an_answer_is_kept_until_the_program_changes() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownInterpreters::new(folder.path().join("interpreters"));
        let Ok(found) = Interpreter::ask(Path::new("python3"), PATIENCE).await else {
            return skipped("known interpreters", "there is no python3 in PATH");
        };
        let program = found.base_executable;
        let first = known.ask(&program).await.unwrap();
        let place = known.place(&program);
        let mut kept: Kept = serde_json::from_str(&fs::read_to_string(&place).unwrap()).unwrap();
        kept.interpreter.platform = "kept".to_owned();
        fs::write(&place, serde_json::to_vec(&kept).unwrap()).unwrap();
        assert_eq!(known.ask(&program).await.unwrap().platform, "kept");
        kept.fingerprint.size += 1;
        fs::write(&place, serde_json::to_vec(&kept).unwrap()).unwrap();
        assert_eq!(known.ask(&program).await.unwrap(), first);
        fs::write(&place, "damaged").unwrap();
        assert_eq!(known.ask(&program).await.unwrap(), first);
        assert!(known.ask(Path::new("/bin/false")).await.is_err());
    }
}
