//! The environment that something is to be done to: found, or planned.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::InstallError;
use super::former::was_environment;
use super::installed::Installed;
use super::python::{Interpreter, KnownInterpreters, PyvenvCfg, Scheme};
use super::switch::Register;

/// Why nothing is installed there.
const CONDA: &str = "conda owns it, and knows nothing of what others install there: use conda, or a virtual environment; `stratheal \
     verify` looks at it all the same";

/// A virtual environment, there or not yet.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its interpreter, with its final paths. That of one that is not there yet describes what it will be.
    pub interpreter: Interpreter,
    /// Whether it is there.
    pub exists: bool,
}

impl Interpreter {
    /// Whether something else than installers of packages looks after it (PEP 668): then it is an error.
    pub(in crate::installer) fn refuse_managed(&self, program: &Path) -> Result<(), InstallError> {
        let Some(marker) = &self.externally_managed else { return Ok(()) };
        let advice = marker.lines().find_map(|line| line.trim().strip_prefix("Error=")).unwrap_or_default();
        Err(InstallError::Managed { program: program.to_owned(), advice: advice.chars().take(200).collect() })
    }
}

impl Environment {
    /// Finds the environment that a path means: its folder, or its interpreter. A folder that is missing or empty is a place for a new
    /// one, made from the interpreter `base`.
    ///
    /// # Cancellation
    /// Dropping the future kills an interpreter that is being asked.
    ///
    /// # Errors
    /// [`InstallError`]: it is no virtual environment, or one that cannot be changed as a whole.
    pub async fn find(path: &Path, base: &Path, known: &KnownInterpreters) -> Result<Self, InstallError> {
        if path.is_file() {
            return Self::of_interpreter(path, known).await;
        }
        let root = real(path).map_err(|source| InstallError::storage("find the environment", source))?;
        let cannot = |reason: &str| InstallError::Environment { root: root.clone(), reason: reason.to_owned() };
        if let Ok(cfg) = PyvenvCfg::read(&root) {
            if cfg.home().is_none() {
                return Err(cannot(
                    "its pyvenv.cfg has no `home`, and without it Python takes this for no environment: make it anew with `stratheal \
                     install --rebuild`",
                ));
            }
            let program = root.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
            if !program.exists() {
                let home = cfg.home().map(|home| home.display().to_string()).unwrap_or_default();
                let reason = format!(
                    "its interpreter is gone (it was made from {home}): bring that one back, or make the environment anew with `stratheal install --rebuild`"
                );
                return Err(cannot(&reason));
            }
            let interpreter = known.ask_in(&root, &cfg).await?;
            return Self::whole(interpreter, root);
        }
        if root.join("conda-meta").is_dir() {
            return Err(cannot(CONDA));
        }
        let is_empty = match fs::read_dir(&root) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(InstallError::storage("read the environment", error)),
        };
        if was_environment(&root, false) {
            return Err(cannot("its pyvenv.cfg is gone: make it anew with `stratheal install --rebuild`"));
        }
        if !is_empty {
            return Err(cannot("it is no virtual environment, and not empty: name another folder"));
        }
        let base = known.ask(base).await?;
        Ok(Self { interpreter: base.in_environment(&root), exists: false })
    }

    /// Finds an environment that is to be made anew, whatever state it is in. It is made from the interpreter `base`; without one from that
    /// which it was made from, if that is still there, or else from `otherwise`. `state` is the folder for what is kept about environments:
    /// one that is known is one also without its `pyvenv.cfg`.
    ///
    /// # Cancellation
    /// Dropping the future kills an interpreter that is being asked.
    ///
    /// # Errors
    /// [`InstallError`]: there is something else than an environment.
    pub async fn find_to_rebuild(
        path: &Path,
        base: Option<&Path>,
        otherwise: &Path,
        known: &KnownInterpreters,
        state: &Path,
    ) -> Result<Self, InstallError> {
        let root = real(path).map_err(|source| InstallError::storage("find the environment", source))?;
        let cfg = match PyvenvCfg::read(&root) {
            Ok(cfg) => cfg,
            Err(_) if was_environment(&root, Register::is_noted(state, &root)) => PyvenvCfg::default(),
            Err(_) => return Self::find(path, base.unwrap_or(otherwise), known).await,
        };
        // What its interpreter is a link to, where nothing else says what it was made from.
        let linked = root.join("bin/python").canonicalize().ok().filter(|program| !program.starts_with(&root));
        let origins: Vec<PathBuf> = cfg.origins().chain(linked).filter(|origin| origin.is_file()).collect();
        let candidates: Vec<&Path> = match base {
            Some(base) => vec![base],
            None => origins.iter().map(PathBuf::as_path).chain([otherwise]).collect(),
        };
        let mut failed = None;
        for candidate in candidates {
            match known.ask(candidate).await {
                Ok(found) => {
                    // What an environment was made from is no environment.
                    let base = if found.is_virtual() { known.ask(&found.base_executable).await? } else { found };
                    return Ok(Self { interpreter: base.in_environment(&root), exists: true });
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let reason = "there is no interpreter to make it from: name one with --base".to_owned();
        Err(failed.map_or(InstallError::Environment { root, reason }, InstallError::from))
    }

    async fn of_interpreter(program: &Path, known: &KnownInterpreters) -> Result<Self, InstallError> {
        // A name without a folder would be looked up in PATH, and this is a file here.
        let program =
            std::path::absolute(program).map_err(|source| InstallError::storage("find the environment", source))?;
        let interpreter = known.ask(&program).await?;
        interpreter.refuse_managed(&program)?;
        let root = interpreter.prefix.clone();
        if root.join("conda-meta").is_dir() {
            return Err(InstallError::Environment { root, reason: CONDA.to_owned() });
        }
        if !interpreter.is_virtual() {
            let reason = "it is an installation of Python and no virtual environment: name the folder of one (`--python .venv`), which is made";
            return Err(InstallError::Environment { root, reason: reason.to_owned() });
        }
        let root = real(&root).map_err(|source| InstallError::storage("find the environment", source))?;
        Self::whole(interpreter, root)
    }

    /// Takes the paths that an interpreter gave as real ones: an environment may be reached through links, and have links inside
    /// (`lib64`).
    fn whole(interpreter: Interpreter, root: PathBuf) -> Result<Self, InstallError> {
        let prefix = interpreter.prefix.clone();
        let placed = |path: &Path| {
            let placed = path.strip_prefix(&prefix).map_or_else(|_| path.to_owned(), |inside| root.join(inside));
            let found = placed.canonicalize().unwrap_or_else(|_| placed.clone());
            if found.starts_with(&root) {
                return Ok(found);
            }
            let reason = format!("{} leads out of it", placed.display());
            Err(InstallError::Environment { root: root.clone(), reason })
        };
        let Scheme { purelib, platlib, scripts, data, include } = &interpreter.scheme;
        let scheme = Scheme {
            purelib: placed(purelib)?,
            platlib: placed(platlib)?,
            scripts: placed(scripts)?,
            data: placed(data)?,
            include: placed(include)?,
        };
        let name = interpreter.executable.file_name().map(PathBuf::from).unwrap_or_default();
        let executable = scheme.scripts.join(name);
        Ok(Self { interpreter: Interpreter { prefix: root, executable, scheme, ..interpreter }, exists: true })
    }

    /// Its folder, without links in the path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.interpreter.prefix
    }

    /// What is installed in it.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn installed(&self) -> io::Result<Installed> {
        if !self.exists {
            return Ok(Installed::default());
        }
        let scheme = &self.interpreter.scheme;
        Installed::scan([scheme.purelib.as_path(), scheme.platlib.as_path()])
    }
}

/// The real path of something that need not be there: of its nearest parent that is.
pub(crate) fn real(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut missing: Vec<std::ffi::OsString> = Vec::new();
    let mut there = path.as_path();
    loop {
        match there.canonicalize() {
            Ok(found) => return Ok(missing.iter().rev().fold(found, |path, name| path.join(name))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (there.parent(), there.file_name()) else { return Err(error) };
                missing.push(name.to_owned());
                there = parent;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::testing::skipped;

    #[tokio::test]
    async fn what_a_path_means() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        let known = KnownInterpreters::new(at("known"));
        let Ok(python) = known.ask(Path::new("python3")).await else {
            return skipped("finding environments", "there is no python3 in PATH");
        };
        let base = python.base_executable;
        let find = async |path: &Path| Environment::find(path, &base, &known).await;
        let told = async |path: &Path| find(path).await.map(|found| found.exists).unwrap_err().to_string();
        let made = find(&at("deep/new")).await.unwrap();
        assert_eq!((made.exists, made.root()), (false, at("deep/new").as_path()));
        assert!(made.installed().unwrap().distributions.is_empty());
        let status = Command::new(&base).args(["-m", "venv", "--without-pip"]).arg(at("env")).status();
        if !status.is_ok_and(|status| status.success()) {
            return skipped("finding environments", "python3 has no venv module");
        }
        std::os::unix::fs::symlink(at("env"), at("link")).unwrap();
        for path in [at("env"), at("link"), at("env/bin/python"), at("link/bin/python3")] {
            let found = find(&path).await.unwrap();
            assert_eq!((found.exists, found.root()), (true, at("env").as_path()), "{}", path.display());
            assert!(found.interpreter.scheme.purelib.starts_with(at("env/lib")));
            assert!(found.interpreter.executable.starts_with(at("env/bin")));
        }
        fs::create_dir(at("other")).unwrap();
        assert!(!find(&at("other")).await.unwrap().exists, "an empty folder is a place for one");
        fs::write(at("other/file"), "").unwrap();
        assert!(told(&at("other")).await.contains("not empty"));
        fs::create_dir_all(at("conda/conda-meta")).unwrap();
        assert!(told(&at("conda")).await.contains("conda owns it"));
        if python.prefix == python.base_prefix {
            assert!(told(&base).await.contains("virtual environment"));
        }
        let packages = at("env/lib").join(made.interpreter.name()).join("site-packages");
        fs::remove_dir_all(&packages).unwrap();
        std::os::unix::fs::symlink(at("other"), packages).unwrap();
        assert!(told(&at("env")).await.contains("leads out of it"));
        fs::remove_file(at("env/bin/python")).unwrap();
        assert!(told(&at("env")).await.contains("is gone"));
    }
}
