//! Bytecode of what is new, made before the switch.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::base::fs::named;
use crate::installer::error::InstallError;
use crate::installer::python::Interpreter;
use crate::installer::stage::Composition;
use crate::sys::command::{Command, Ending};

/// Tens of thousands of modules take minutes; more is a hang.
const LONGEST: Duration = Duration::from_mins(30);

/// How often it is looked whether somebody wants it to stop.
const EVERY: Duration = Duration::from_millis(50);

/// What is compiled, and where.
pub(super) struct Bytecode<'a> {
    pub(super) interpreter: &'a Interpreter,
    pub(super) composition: &'a Composition,
    pub(super) stage: &'a Path,
    /// A file for the list of modules.
    pub(super) list: PathBuf,
    pub(super) stop: &'a AtomicBool,
}

impl Bytecode<'_> {
    /// Compiles the new modules with all processors, as if they lay where they will lie. A module that cannot be compiled, such as a
    /// template, has no bytecode; what went wrong otherwise is answered for people.
    pub(super) fn compile(&self) -> Result<Option<String>, InstallError> {
        let Some(modules) = self.modules() else { return Ok(None) };
        let storage = |source| InstallError::storage("list the modules to compile", named(&self.list, &source));
        fs::write(&self.list, modules).map_err(storage)?;
        let compiled = self.run();
        fs::remove_file(&self.list).map_err(storage)?;
        compiled
    }

    fn modules(&self) -> Option<String> {
        let site = [&self.interpreter.scheme.purelib, &self.interpreter.scheme.platlib];
        let inside: Vec<&Path> =
            site.iter().filter_map(|folder| folder.strip_prefix(&self.interpreter.prefix).ok()).collect();
        let is_module = |path: &Path| {
            path.extension().is_some_and(|end| end == "py") && inside.iter().any(|folder| path.starts_with(folder))
        };
        let mut text = String::new();
        for (_, placed) in self.composition.new.iter().filter(|(_, placed)| is_module(&placed.path)) {
            // A name that is no text is no module's.
            if let Some(path) = self.stage.join(&placed.path).to_str().filter(|path| !path.contains('\n')) {
                let _ = writeln!(text, "{path}");
            }
        }
        (!text.is_empty()).then_some(text)
    }

    fn run(&self) -> Result<Option<String>, InstallError> {
        let Interpreter { prefix, executable, base_executable, .. } = self.interpreter;
        // The program that the environment's own is a link to: nothing of what is new is run.
        let program = if base_executable.exists() { base_executable } else { executable };
        let words = ["-I", "-B", "-m", "compileall", "-qq", "-j", "0", "-s"].map(OsString::from);
        let paths: [OsString; 5] =
            [self.stage.into(), "-p".into(), prefix.into(), "-i".into(), self.list.clone().into()];
        let command = Command::new(program, words.into_iter().chain(paths));
        let ended = Handle::current().block_on(async {
            let running = command.spawn().map_err(io::Error::other)?;
            let finished = running.finish(Instant::now() + LONGEST);
            let stopped = async {
                while !self.stop.load(Ordering::Relaxed) {
                    tokio::time::sleep(EVERY).await;
                }
            };
            tokio::select! {
                finished = finished => finished.map(|finished| Some(finished.ending)).map_err(io::Error::other),
                () = stopped => Ok(None),
            }
        });
        match ended.map_err(|source| InstallError::storage("compile what is new", source))? {
            // 1: there is a module that cannot be compiled.
            Some(Ending::Exited(0 | 1)) => Ok(None),
            Some(ending) => Ok(Some(format!("not all of the bytecode could be made: {ending:?}"))),
            None => Err(InstallError::Stopped),
        }
    }
}
