//! One build: from what is there to a wheel in the store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pep440_rs::Version;

use super::checkout::checkout;
use super::fingerprint::fingerprint;
use super::kept::Kept;
use super::key::key;
use super::{BuildFailure, Buildable, Source, editable};
use crate::base::fs::FileLock;
use crate::fetch::Fetcher;
use crate::index::{DistributionKind, DistributionName, ProjectName};
use crate::installer::event::InstallEvent;
use crate::installer::lock::LockedVcs;
use crate::installer::prepare::pack_of;
use crate::installer::python::Interpreter;
use crate::installer::resolve::{BuildFrom, BuildRequest, Engine, Job, ResolveError, engines, provision, run};
use crate::installer::scratch::Scratch;
use crate::installer::stage::lay_out;
use crate::objects::{Pack, Store};

/// How often it is looked whether somebody else has built the same.
const EVERY: Duration = Duration::from_millis(100);

/// The largest wheel that is taken from an engine, in bytes.
const LARGEST: u64 = 16 << 30;

/// What building takes.
pub(in crate::installer) struct Builder<'a> {
    pub(in crate::installer) fetcher: &'a Fetcher,
    pub(in crate::installer) cache: &'a Path,
    /// The interpreter of the environment; it need not be there yet.
    pub(in crate::installer) interpreter: &'a Interpreter,
    pub(in crate::installer) tell: &'a (dyn Fn(InstallEvent) + Sync),
}

/// What was built.
#[derive(Debug, Clone)]
pub(in crate::installer) struct Built {
    pub(in crate::installer) name: ProjectName,
    pub(in crate::installer) version: Version,
    pub(in crate::installer) pack: Pack,
}

impl Builder<'_> {
    /// Builds, unless the same was built before. Of several that build the same, one does, and the others wait for it.
    ///
    /// # Cancellation
    /// Dropping the future kills what is at work, and leaves nothing behind.
    pub(in crate::installer) async fn build(&self, buildable: &Buildable) -> Result<Built, BuildFailure> {
        let built = self.kept_or_new(buildable).await?;
        let is_other_version = buildable.version.as_ref().is_some_and(|version| *version != built.version);
        if built.name != buildable.name || is_other_version {
            return Err(BuildFailure::Other { found: format!("{} {}", built.name, built.version) });
        }
        Ok(built)
    }

    async fn kept_or_new(&self, buildable: &Buildable) -> Result<Built, BuildFailure> {
        let storage = BuildFailure::storage;
        let print = match &buildable.source {
            Source::Folder { path, is_editable } => {
                if !["pyproject.toml", "setup.py"].iter().any(|name| path.join(name).is_file()) {
                    return Err(BuildFailure::NoProject { path: path.clone() });
                }
                let (path, is_editable) = (path.clone(), *is_editable);
                let print = tokio::task::spawn_blocking(move || fingerprint(&path, is_editable)).await;
                print.map_err(io::Error::other).and_then(|print| print).map_err(storage("read a project"))?
            }
            _ => None,
        };
        let Some(key) = key(buildable, print, self.interpreter) else { return self.anew(buildable).await };
        let kept = Kept::new(self.cache.join("built"));
        let lock = kept.lock(&key).map_err(storage("keep what is built"))?;
        let store = self.fetcher.store();
        let mut waits = false;
        let _lock = loop {
            if let Some(built) = kept.recall(&key, store) {
                return Ok(built);
            }
            if let Some(lock) = FileLock::try_acquire(&lock).map_err(storage("keep what is built"))? {
                break lock;
            }
            if !std::mem::replace(&mut waits, true) {
                tracing::info!(what = buildable.shown(), "somebody else builds the same, and is waited for");
            }
            tokio::time::sleep(EVERY).await;
        };
        // Whoever held the lock may have built it.
        if let Some(built) = kept.recall(&key, store) {
            return Ok(built);
        }
        let built = self.anew(buildable).await?;
        kept.keep(&key, &built);
        Ok(built)
    }

    async fn anew(&self, buildable: &Buildable) -> Result<Built, BuildFailure> {
        (self.tell)(InstallEvent::Building { what: buildable.shown() });
        let scratch = Scratch::make(&self.cache.join("building")).map_err(BuildFailure::storage("make a folder"))?;
        let into = scratch.path().join("wheel");
        fs::create_dir(&into).map_err(BuildFailure::storage("make a folder"))?;
        let from = self.materialise(buildable, scratch.path()).await?;
        // A wheel is for an interpreter, not for one environment of it.
        let base = &self.interpreter.base_executable;
        let environment = matches!(from, Material::Editable(_)).then(|| scratch.path().join("environment"));
        let environment = match environment {
            Some(root) => {
                let interpreter = self.interpreter.in_environment(&root);
                let made = fs::create_dir(&root).and_then(|()| lay_out(&interpreter, &root, &root));
                made.map_err(BuildFailure::storage("make an environment to build in"))?;
                Some(interpreter)
            }
            None => None,
        };
        let request = BuildRequest {
            from: from.as_request(),
            python: environment.as_ref().map_or(base, |environment| &environment.executable),
            into: &into,
            settings: buildable.config_settings(),
        };
        self.run(&request, buildable).await?;
        let (name, wheel) = match environment {
            Some(interpreter) => {
                let packed = tokio::task::spawn_blocking(move || editable::pack(&interpreter)).await;
                let packed = packed.map_err(io::Error::other).and_then(|packed| packed);
                let (name, bytes) = packed.map_err(BuildFailure::storage("pack an editable"))?;
                let wheel = into.join(&name);
                fs::write(&wheel, bytes).map_err(BuildFailure::storage("pack an editable"))?;
                (name, wheel)
            }
            None => only_wheel(&into)?,
        };
        let parsed = DistributionName::parse(&name, None);
        let other = || BuildFailure::Other { found: name.clone() };
        let parsed = parsed.map_err(|_| other())?;
        if !matches!(parsed.kind, DistributionKind::Wheel(_)) {
            return Err(other());
        }
        let store = self.fetcher.store().clone();
        let file_name = name.clone();
        let pack = tokio::task::spawn_blocking(move || put(&store, &file_name, &wheel)).await;
        let pack = pack.map_err(io::Error::other).map_err(BuildFailure::storage("keep a wheel"))??;
        Ok(Built { name: parsed.project, version: parsed.version, pack })
    }

    /// Makes what is built from something that engines read.
    async fn materialise(&self, buildable: &Buildable, scratch: &Path) -> Result<Material, BuildFailure> {
        match &buildable.source {
            Source::Folder { path, is_editable: true } => Ok(Material::Editable(path.clone())),
            Source::Folder { path, is_editable: false } => Ok(Material::Path(path.clone())),
            Source::Archive { name, file, subdirectory } => {
                let pack = pack_of(self.fetcher, file).await?;
                // The store calls it by its content, and engines want to see what it is.
                let path = scratch.join(name);
                fs::copy(pack.path(), &path).map_err(BuildFailure::storage("copy an archive"))?;
                let Some(folder) = subdirectory else { return Ok(Material::Path(path)) };
                let url = url::Url::from_file_path(&path).map(String::from).unwrap_or_default();
                Ok(Material::Url(format!("{} @ {url}#subdirectory={folder}", buildable.name)))
            }
            Source::Repository(vcs) if vcs.kind == "git" => {
                let folder = scratch.join("repository");
                let variables = &buildable.settings.variables;
                checkout(&place(vcs)?, &vcs.commit_id, &folder, variables).await?;
                let inside = vcs.subdirectory.as_ref().map_or_else(|| folder.clone(), |inside| folder.join(inside));
                Ok(Material::Path(inside))
            }
            Source::Repository(vcs) => {
                let folder = vcs.subdirectory.as_ref().map(|inside| format!("#subdirectory={inside}"));
                let (kind, place, commit) = (&vcs.kind, place(vcs)?, &vcs.commit_id);
                let folder = folder.unwrap_or_default();
                Ok(Material::Url(format!("{} @ {kind}+{place}@{commit}{folder}", buildable.name)))
            }
        }
    }

    /// Lets the first engine that knows how build it.
    async fn run(&self, request: &BuildRequest<'_>, buildable: &Buildable) -> Result<(), BuildFailure> {
        let settings = &buildable.settings;
        let interpreter = self.interpreter;
        let root = interpreter.is_virtual().then_some(interpreter.prefix.as_path());
        let places = [interpreter.executable.as_path(), interpreter.base_executable.as_path()];
        let found = engines(settings.engine, root, &places, &settings.variables);
        let mut able: Vec<_> = found.into_iter().filter_map(|engine| Some((engine.build(request)?, engine))).collect();
        if able.is_empty() {
            let provided = provision(settings.engine, interpreter, self.fetcher, self.cache).await?;
            able.extend(provided.into_iter().filter_map(|engine| Some((engine.build(request)?, engine))));
        }
        let mut failed = None;
        for (argv, engine) in able {
            match self.attempt(&argv, engine.as_ref(), buildable).await {
                Err(ResolveError::Engine(failure)) if failure.is_its_own() => failed = Some(failure),
                ended => return Ok(ended?),
            }
        }
        Err(match failed {
            Some(failure) => ResolveError::Engine(failure).into(),
            None => ResolveError::NoEngine("only pip builds this, and there is none".to_owned()).into(),
        })
    }

    async fn attempt(
        &self,
        argv: &[std::ffi::OsString],
        engine: &dyn Engine,
        buildable: &Buildable,
    ) -> Result<(), ResolveError> {
        let job = Job {
            fitting: None,
            engine: engine.name(),
            argv,
            environment: &buildable.settings.variables,
            folder: &buildable.settings.folder,
            failure: &|code, said| engine.failure(code, said),
        };
        run(&job, self.fetcher, self.cache).await.map(drop)
    }
}

/// What an engine builds from.
enum Material {
    Path(PathBuf),
    Url(String),
    Editable(PathBuf),
}

impl Material {
    fn as_request(&self) -> BuildFrom<'_> {
        match self {
            Self::Path(path) => BuildFrom::Path(path),
            Self::Url(url) => BuildFrom::Url(url),
            Self::Editable(path) => BuildFrom::Editable(path),
        }
    }
}

/// Where a repository is.
fn place(vcs: &LockedVcs) -> Result<String, BuildFailure> {
    let place = match (&vcs.path, &vcs.url) {
        (Some(path), _) => url::Url::from_file_path(path).ok().map(String::from),
        (None, Some(url)) => Some(url.expose().clone()),
        (None, None) => None,
    };
    place.ok_or_else(|| BuildFailure::Checkout {
        url: vcs.path.clone().unwrap_or_default(),
        commit: vcs.commit_id.clone(),
        reason: "it is not said where the repository is".to_owned(),
    })
}

/// The wheel that an engine has put into an empty folder.
fn only_wheel(folder: &Path) -> Result<(String, PathBuf), BuildFailure> {
    let storage = BuildFailure::storage;
    let mut wheels = Vec::new();
    for entry in fs::read_dir(folder).map_err(storage("look for the wheel"))?.take(100) {
        let entry = entry.map_err(storage("look for the wheel"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().extension().is_some_and(|extension| extension == "whl") {
            wheels.push((name, entry.path()));
        }
    }
    match (wheels.pop(), wheels.pop()) {
        (Some(wheel), None) => Ok(wheel),
        (None, _) => Err(BuildFailure::Other { found: "no wheel".to_owned() }),
        (Some(_), Some(_)) => Err(BuildFailure::Other { found: "several wheels".to_owned() }),
    }
}

fn put(store: &Store, name: &str, wheel: &Path) -> Result<Pack, BuildFailure> {
    let storage = BuildFailure::storage;
    let file = fs::File::open(wheel).map_err(storage("read a wheel"))?;
    let mut writer = store.writer(name, "built")?;
    io::copy(&mut io::Read::take(file, LARGEST), &mut writer).map_err(storage("keep a wheel"))?;
    Ok(writer.commit(None)?)
}
