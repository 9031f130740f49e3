//! Virtual environments: installed, verified, repaired, and taken back, as the command line does it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use futures::future::BoxFuture;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use stratheal_core::base::fs::write_atomic;
use stratheal_core::index::{ProjectName, ThisProcess};
use stratheal_core::installer::lock::Lock;
use stratheal_core::installer::{
    EngineChoice, Environment, Input, InstallError, InstallRequest, Installer, PlanOptions, RepairOptions,
    ResolveOptions, VerifyOptions,
};
use stratheal_core::snapshot::{CreateOptions, RollbackOptions, Selector, Snapshots};
use stratheal_core::workspace::{Asked, Read, Target, Ways};

use crate::convert::{from_json, to_json};
use crate::errors::Raised;
use crate::operation::{self, Operation};
use crate::place::{Opened, Options, aside};
use crate::progress::Telling;

/// What is wanted, and how it is installed or locked.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an argument of its own")]
struct Given {
    requirements: Vec<String>,
    files: Vec<PathBuf>,
    constraints: Vec<PathBuf>,
    editables: Vec<String>,
    extras: Vec<String>,
    groups: Vec<String>,
    pre: bool,
    upgrade: bool,
    engine: Engine,
    exact: bool,
    reinstall: bool,
    rebuild: bool,
    refresh: bool,
    compile: bool,
    in_place: bool,
    strict: bool,
    plan: bool,
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Engine {
    #[default]
    Auto,
    Uv,
    Pip,
}

impl From<Engine> for EngineChoice {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Auto => Self::Auto,
            Engine::Uv => Self::Uv,
            Engine::Pip => Self::Pip,
        }
    }
}

impl Given {
    fn asked(&self) -> Asked {
        Asked {
            requirements: self.requirements.clone(),
            files: self.files.clone(),
            constraints: self.constraints.clone(),
            editables: self.editables.clone(),
            extras: self.extras.clone(),
            groups: self.groups.clone(),
            or_installed: self.rebuild,
        }
    }

    const fn plan_options(&self) -> PlanOptions {
        PlanOptions { exact: self.exact, reinstall: self.reinstall, rebuild: self.rebuild, closed: false }
    }
}

/// Who is at work, and is waited for when that is stopped.
#[derive(Debug)]
enum Worker {
    Installer(Installer),
    Snapshots(Snapshots),
}

/// Known once it has begun.
type AtWork = Arc<OnceLock<Worker>>;

fn with_notes(mut document: Value, notes: Vec<String>) -> Value {
    if let Value::Object(map) = &mut document {
        map.insert("notes".to_owned(), notes.into());
    }
    document
}

fn parsed<T: DeserializeOwned>(given: &Bound<'_, PyDict>) -> PyResult<T> {
    serde_json::from_value(to_json(given)?).map_err(|error| PyTypeError::new_err(error.to_string()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what an operation gives")]
fn made(py: Python<'_>, document: Value) -> PyResult<Py<PyAny>> {
    from_json(py, &document).map(Bound::unbind)
}

/// A virtual environment.
#[pyclass(frozen, module = "stratheal._stratheal")]
#[derive(Debug)]
pub(crate) struct EnvironmentCore(Options);

impl EnvironmentCore {
    /// Begins something that an installer does, and that comes to its end when it is stopped.
    fn begin<W: Future<Output = Result<Value, Raised>> + Send + 'static>(
        &self,
        work: impl FnOnce(Options, Arc<Telling>, AtWork) -> W,
    ) -> Operation {
        let (telling, at_work) = (Arc::<Telling>::default(), AtWork::default());
        let worker = at_work.clone();
        let settled = async move {
            match worker.get() {
                Some(Worker::Installer(installer)) => installer.settled().await,
                Some(Worker::Snapshots(snapshots)) => snapshots.settled().await,
                None => {}
            }
        };
        operation::begin_telling(telling.clone(), work(self.0.clone(), telling, at_work), settled, made)
    }
}

#[pymethods]
impl EnvironmentCore {
    #[new]
    fn new(options: &Bound<'_, PyDict>) -> PyResult<Self> {
        parsed(options).map(Self)
    }

    /// The environment's folder, there or not, without links in its path.
    fn root(&self, py: Python<'_>) -> PyResult<OsString> {
        let root = || {
            let workspace = self.0.workspace()?;
            Ok(workspace.root(&workspace.target(None).path)?.into_os_string())
        };
        py.detach(root).map_err(|raised: Raised| raised.into_exception(py))
    }

    /// How it was named.
    fn named(&self) -> String {
        self.0.path.as_ref().map_or_else(|| "of the project".to_owned(), |path| path.display().to_string())
    }

    /// What it was made with.
    fn options<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Options { config, overlay, base, index, mirrors, offline, cache, deadline, automatic, .. } = &self.0;
        // Where snapshots are does not follow from what somebody else would find.
        let state = py.detach(|| self.0.state_folder()).map_err(|raised| raised.into_exception(py))?;
        let told = json!({
            "config": config, "overlay": overlay, "base": base, "index": index, "mirrors": mirrors, "offline": offline,
            "cache": cache, "state": state, "deadline": deadline, "automatic": automatic,
        });
        from_json(py, &told)
    }

    /// Brings it to what is wanted.
    fn install(&self, given: &Bound<'_, PyDict>) -> PyResult<Operation> {
        let given: Given = parsed(given)?;
        Ok(self.begin(|options, telling, at_work| install(options, given, telling, at_work)))
    }

    /// Removes projects.
    fn uninstall(&self, projects: Vec<String>) -> Operation {
        self.begin(|options, telling, at_work| uninstall(options, projects, telling, at_work))
    }

    /// Chooses versions.
    fn lock(&self, given: &Bound<'_, PyDict>) -> PyResult<Operation> {
        let given: Given = parsed(given)?;
        Ok(self.begin(|options, telling, _| lock(options, given, telling)))
    }

    /// Compares it with what was installed.
    fn verify(&self, full: bool, imports: bool) -> Operation {
        self.begin(async move |options, _, _| {
            let opened = aside(move || options.open(&[], Ways::default(), false)).await?;
            let subject = opened.installer.subject(&opened.target.path).await?;
            let verified = opened.installer.verify(&subject, &VerifyOptions { full, imports }).await?;
            Ok(verified.document())
        })
    }

    /// Puts single files back.
    fn repair(&self, full: bool, plan: bool) -> Operation {
        self.begin(|options, telling, at_work| repair(options, full, plan, telling, at_work))
    }

    /// Keeps it as it is.
    fn snapshot(&self, label: Option<String>) -> Operation {
        self.begin(async move |options, telling, at_work| {
            let (workspace, snapshots, root) = aside(move || options.snapshots()).await?;
            let _ = at_work.set(Worker::Snapshots(snapshots.clone()));
            let project = workspace.config.as_ref().map(|config| config.folder().to_owned());
            let wanted = CreateOptions { label, project, ..CreateOptions::default() };
            let made = telling.of_snapshots(&snapshots, snapshots.create(&root, &wanted)).await?;
            Ok(json!(made.snapshot))
        })
    }

    /// Its snapshots, the newest first.
    fn snapshots(&self) -> Operation {
        self.begin(async move |options, _, _| {
            aside(move || {
                let (_, snapshots, root) = options.snapshots()?;
                let (mut all, _) = snapshots.list()?;
                all.retain(|one| one.root == root);
                all.reverse();
                Ok(json!(all))
            })
            .await
        })
    }

    /// Brings it back.
    fn rollback(&self, to: String, paths: Vec<PathBuf>, projects: Vec<String>, keep_edits: bool) -> Operation {
        self.begin(async move |options, telling, at_work| {
            let place = options.clone();
            let (_, snapshots, root) = aside(move || options.snapshots()).await?;
            let _ = at_work.set(Worker::Snapshots(snapshots.clone()));
            let Ok(selector) = to.parse::<Selector>();
            let wanted = RollbackOptions { paths, projects, keep_edits, ..RollbackOptions::default() };
            let done = telling.of_snapshots(&snapshots, snapshots.rollback(&selector, &root, &wanted)).await?;
            if done.how.is_some() {
                place.tell_changed(&root).await;
            }
            Ok(json!(done))
        })
    }
}

async fn install(options: Options, given: Given, telling: Arc<Telling>, at_work: AtWork) -> Result<Value, Raised> {
    let asked = given.asked();
    let ways = Ways { in_place: given.in_place, compile: given.compile, strict: given.strict, ..Ways::default() };
    let (base, plans, place) = (options.base.clone(), given.plan, options.clone());
    let (read, opened) = aside(move || {
        let read = options.workspace()?.read(&asked)?;
        let opened = options.open(&read.files, ways, !plans)?;
        Ok((read, opened))
    })
    .await?;
    let Opened { workspace, target, installer, notes } = opened;
    let Read { input, notes: mut said, .. } = read;
    // Only one is ever put there.
    let _ = at_work.set(Worker::Installer(installer.clone()));
    let environment = environment(&installer, &target, base.as_deref(), given.rebuild).await?;
    let mut request = InstallRequest::new(input, workspace.folder(), std::env::vars_os().collect());
    request.options = given.plan_options();
    (request.upgrade, request.pre, request.refresh) = (given.upgrade, given.pre, given.refresh);
    request.engine = given.engine.into();
    let work: BoxFuture<'_, Result<_, InstallError>> = Box::pin(async {
        if given.plan {
            return Ok((installer.planned(&environment, &request).await?, None));
        }
        let planned = installer.planned_ahead(&environment, &request).await?;
        let outcome = installer.carry_out(&environment, planned.clone(), request.options).await?;
        Ok((planned, Some(outcome)))
    });
    let done = telling.of_installer(&installer, work).await;
    installer.fetcher().settled().await;
    let (planned, outcome) = done?;
    if outcome.as_ref().is_some_and(|outcome| outcome.applied.is_some()) {
        place.tell_changed(environment.root()).await;
    }
    said.extend(notes.into_iter().chain(planned.notes.iter().cloned()));
    Ok(with_notes(planned.document(outcome.as_ref()), said))
}

/// A box of its own, because the compiler cannot see through it that the whole may change threads.
fn environment<'a>(
    installer: &'a Installer,
    target: &'a Target,
    base: Option<&'a Path>,
    rebuild: bool,
) -> BoxFuture<'a, Result<Environment, InstallError>> {
    Box::pin(async move {
        if rebuild {
            installer.environment_to_rebuild(&target.path, base, &target.base).await
        } else {
            installer.environment(&target.path, &target.base).await
        }
    })
}

async fn uninstall(
    options: Options,
    projects: Vec<String>,
    telling: Arc<Telling>,
    at_work: AtWork,
) -> Result<Value, Raised> {
    let names: Result<Vec<ProjectName>, _> = projects.iter().map(|name| name.parse()).collect();
    let names = names.map_err(|error| Raised::of_chain("ConfigurationError", &error))?;
    let place = options.clone();
    let opened = aside(move || options.open(&[], Ways::default(), true)).await?;
    let _ = at_work.set(Worker::Installer(opened.installer.clone()));
    let environment = environment(&opened.installer, &opened.target, None, false).await?;
    if !environment.exists {
        let text = format!("there is no environment in {}", environment.root().display());
        return Err(Raised::new("InstallError", text));
    }
    let work = opened.installer.uninstall(&environment, &names);
    let (outcome, absent) = telling.of_installer(&opened.installer, work).await?;
    if outcome.applied.is_some() {
        place.tell_changed(environment.root()).await;
    }
    Ok(with_notes(outcome.document(), absent.iter().map(|name| format!("{name} is not installed")).collect()))
}

async fn repair(
    options: Options,
    full: bool,
    plan: bool,
    telling: Arc<Telling>,
    at_work: AtWork,
) -> Result<Value, Raised> {
    let place = options.clone();
    let opened = aside(move || options.open(&[], Ways::default(), !plan)).await?;
    let _ = at_work.set(Worker::Installer(opened.installer.clone()));
    let (installer, wanted) = (&opened.installer, RepairOptions { full });
    let subject = installer.subject(&opened.target.path).await?;
    if plan {
        return Ok(installer.repair_plan(&subject, &wanted).await?.document());
    }
    let repaired = telling.of_installer(installer, installer.repair(&subject, &wanted)).await?;
    installer.fetcher().settled().await;
    if repaired.is_changed() {
        place.tell_changed(&opened.target.path).await;
    }
    let notes = repaired.notes.clone();
    Ok(with_notes(repaired.document(), notes))
}

async fn lock(options: Options, given: Given, telling: Arc<Telling>) -> Result<Value, Raised> {
    let output = given.output.clone().unwrap_or_else(|| PathBuf::from("pylock.toml"));
    let asked = given.asked();
    let (read, opened) = aside(move || {
        let read = options.workspace()?.read(&asked)?;
        let opened = options.open(&read.files, Ways::default(), false)?;
        Ok((read, opened))
    })
    .await?;
    let Input::Wanted(wanted) = read.input else {
        return Err(Raised::new("ConfigurationError", "a lock is locked already"));
    };
    let Opened { workspace, target, installer, notes } = opened;
    let environment = environment(&installer, &target, None, false).await?;
    let resolve = ResolveOptions {
        engine: given.engine.into(),
        pre: given.pre,
        fitting_only: false,
        refresh: true,
        preferred: if given.upgrade { Lock::new(Vec::new()) } else { Lock::earlier(&output, &ThisProcess) },
        variables: std::env::vars_os().collect(),
    };
    let folder = workspace.folder();
    let work = installer.resolve(&environment, &wanted, &resolve, &folder);
    let resolved = telling.of_installer(&installer, work).await;
    installer.fetcher().settled().await;
    let resolution = resolved.map_err(InstallError::from)?;
    let (lock, path) = (resolution.lock, output.clone());
    let lock = aside(move || {
        let storage = |error: std::io::Error| Raised::new("InstallError", format!("cannot write the lock: {error}"));
        let output = std::path::absolute(&path).map_err(storage)?;
        let lock = lock.with_paths_inside(output.parent().unwrap_or(&output));
        write_atomic(&output, lock.to_toml().as_bytes()).map_err(storage)?;
        Ok(lock)
    })
    .await?;
    let mut packages = Map::new();
    for package in &lock.packages {
        let version = package.version.as_ref().map(ToString::to_string).unwrap_or_default();
        packages.insert(package.name.to_string(), version.into());
    }
    let notes: Vec<_> = read.notes.into_iter().chain(notes).chain(resolution.notes).collect();
    let told = json!({ "path": output, "packages": packages, "resolved_by": resolution.by.to_string() });
    Ok(with_notes(told, notes))
}
