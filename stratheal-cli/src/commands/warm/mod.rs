//! `stratheal warm`.

mod engine;
mod target;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use futures::StreamExt;
use serde_json::json;
use stratheal_core::base::class::chain;
use stratheal_core::doctor::{Interpreter, examine_interpreter};
use stratheal_core::fetch::{Cause, FetchError, Fetcher, FileRequest};
use stratheal_core::gateway::ModeChoice;
use stratheal_core::index::ProjectName;
use stratheal_core::workspace::{Workspace, names_an_index};

use self::engine::{Answer, Engine, Needed, Wanted, is_unsolvable};
use self::target::Target;
use crate::args::{Common, Packages, PlainFormat, WarmOptions};
use crate::ci::Build;
use crate::failure::Failure;
use crate::lead::Lead;
use crate::progress::{Display, Progress};
use crate::tally::Tally;
use crate::{output, runtime_with_threads, workspace};

/// Files that are fetched at the same time; the fetcher decides how many connections that makes.
const AT_ONCE: usize = 16;
/// How long the interpreter has to say what it is.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

pub(crate) fn run(common: &Common, packages: &Packages, options: &WarmOptions) -> Result<ExitCode, Failure> {
    let runtime = runtime_with_threads()?;
    let code = runtime.block_on(warm(common, packages, options));
    // A look-up that hangs must not keep the program from ending.
    runtime.shutdown_background();
    code
}

async fn warm(common: &Common, packages: &Packages, options: &WarmOptions) -> Result<ExitCode, Failure> {
    if packages.offline {
        return Err(Failure::Usage("warm fetches, and --offline forbids it: leave one of them away".to_owned()));
    }
    let workspace = workspace::open(common, packages)?;
    let wanted = wanted(&workspace, options)?;
    let choice = workspace.python();
    let python = examine_interpreter(&choice.program, PATIENCE).await;
    let python = python.map_err(|error| Failure::Usage(format!("{}: name one with --python", chain(&error))))?;
    let engines = engines(&python, choice.environment.as_deref())?;
    let scratch = Scratch::make(&workspace.cache)?;
    let mut work = Work { workspace: &workspace, wanted, python, engines, notes: Vec::new(), bypasses: Vec::new() };

    let mut tally = Tally::default();
    let mut done = Vec::new();
    let display = || Display::suitable(common, Build::here());
    let mut failure = None;
    for target in Target::all(&options.python_version, &options.platform) {
        match work.target(&target, &scratch, display, &mut tally).await {
            Ok(engines) => done.push(json!({ "target": target.shown(), "engines": engines })),
            Err(problem) => {
                failure = Some(problem);
                break;
            }
        }
    }
    tally.notes.append(&mut work.notes);
    tally.bypasses.append(&mut work.bypasses);
    print(common, options, &tally, &done)?;
    failure.map_or(Ok(ExitCode::SUCCESS), Err)
}

fn wanted(workspace: &Workspace, options: &WarmOptions) -> Result<Wanted, Failure> {
    let mut files = options.requirement.clone();
    if files.is_empty() && options.requirements.is_empty() {
        files.extend(workspace.config.iter().flat_map(|config| config.project.requirements.clone()));
    }
    if files.is_empty() && options.requirements.is_empty() {
        let text = "nothing to fetch: name requirements, files with -r, or `requirements` under [project]";
        return Err(Failure::Usage(text.to_owned()));
    }
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        return Err(Failure::Usage(format!("there is no file {}", missing.display())));
    }
    Ok(Wanted { files, requirements: options.requirements.clone() })
}

/// The installers that are there. Each has its own way to a solution, so that what each of them needs is fetched.
fn engines(python: &Interpreter, environment: Option<&Path>) -> Result<Vec<Engine>, Failure> {
    let path = env::var_os("PATH").unwrap_or_default();
    let own = environment.map(|folder| folder.join(if cfg!(windows) { "Scripts" } else { "bin" }));
    let mut places = own.into_iter().chain(env::split_paths(&path));
    let name = if cfg!(windows) { "uv.exe" } else { "uv" };
    let uv = places.find_map(|place| Some(place.join(name)).filter(|program| program.is_file()));
    let mut engines = Vec::new();
    if python.pip.is_some() {
        engines.push(Engine::Pip { python: python.executable.clone() });
    }
    engines.extend(uv.map(|program| Engine::Uv { program, python: python.executable.clone() }));
    if engines.is_empty() {
        let text =
            format!("{} has no pip, and there is no uv in PATH: install one of them", python.executable.display());
        return Err(Failure::Usage(text));
    }
    Ok(engines)
}

struct Work<'a> {
    workspace: &'a Workspace,
    wanted: Wanted,
    python: Interpreter,
    engines: Vec<Engine>,
    notes: Vec<String>,
    bypasses: Vec<String>,
}

impl Work<'_> {
    /// Fetches what one target needs; the names of the engines that found out.
    async fn target(
        &mut self,
        target: &Target,
        scratch: &Scratch,
        display: impl Fn() -> Display,
        tally: &mut Tally,
    ) -> Result<Vec<&'static str>, Failure> {
        let foreign = target.is_foreign(&self.python.series());
        let mut engines = self.engines.clone();
        if foreign && engines.len() > 1 {
            // pip judges markers by the interpreter it runs in, whatever the target is.
            engines.retain(|engine| matches!(engine, Engine::Uv { .. }));
        } else if foreign && matches!(engines.first(), Some(Engine::Pip { .. })) {
            let note =
                "pip judges environment markers by its own Python; with uv in PATH they are judged by the target's";
            self.note(note.to_owned());
        }
        let mut solved = Vec::new();
        let mut problems = Vec::new();
        for engine in engines {
            let (answer, one) = self.ask(&engine, target, foreign, scratch, display()).await?;
            let cause = one.cause();
            tally.summary.absorb(one);
            match answer {
                Answer::Solved(_) => solved.push(engine.name()),
                Answer::Failed(said) => problems.push((said, cause)),
            }
        }
        match (solved.is_empty(), problems.pop()) {
            (true, Some((said, cause))) => Err(failure(target, &said, cause)),
            (_, problem) => {
                // What the other one found is there; that one of them fails is still worth a word.
                if let Some((said, _)) = problem {
                    self.note(format!("{}: {said}", target.shown()));
                }
                Ok(solved)
            }
        }
    }

    async fn ask(
        &mut self,
        engine: &Engine,
        target: &Target,
        foreign: bool,
        scratch: &Scratch,
        display: Display,
    ) -> Result<(Answer, stratheal_core::fetch::Summary), Failure> {
        let folder = scratch.folder(engine.name())?;
        let argv = engine.command(&self.wanted, target, foreign, &folder)?;
        // pip's report would ask for the proxy, to keep URLs canonical; nobody but this program reads it.
        let mode = if names_an_index(&self.wanted.files) { ModeChoice::Auto } else { ModeChoice::Index };
        let lead = Lead::begin(self.workspace, &argv, mode).await?;
        let progress = Progress::follow(lead.fetcher.events(), display);
        let answer = engine.run(&argv, &lead.variables, &folder).await;
        lead.running.stop().await;
        let fetched = match &answer {
            Ok(Answer::Solved(needed)) => fetch(&lead.fetcher, needed).await,
            _ => Ok(()),
        };
        lead.fetcher.settled().await;
        let summary = progress.finish().await;
        for note in lead.notes {
            self.note(note);
        }
        for bypass in lead.bypasses {
            if !self.bypasses.contains(&bypass) {
                self.bypasses.push(bypass);
            }
        }
        fetched?;
        Ok((answer?, summary))
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

fn failure(target: &Target, said: &str, cause: Option<Cause>) -> Failure {
    let text = format!("{}: {said}", target.shown());
    match cause {
        Some(cause) => Failure::Caused { cause, text },
        None if is_unsolvable(said) => Failure::Caused { cause: Cause::NotFound, text },
        None => Failure::Usage(text),
    }
}

async fn fetch(fetcher: &Fetcher, needed: &[Needed]) -> Result<(), FetchError> {
    let all = futures::stream::iter(needed.iter().map(|needed| one(fetcher, needed)));
    // All are tried, so that the next run has less to do.
    let results: Vec<_> = all.buffer_unordered(AT_ONCE).collect().await;
    results.into_iter().collect()
}

async fn one(fetcher: &Fetcher, needed: &Needed) -> Result<(), FetchError> {
    let missing = |reason: &str| FetchError::NoSuchFile {
        file: needed.file_name.clone(),
        source_name: "any source".to_owned(),
        reason: reason.to_owned(),
    };
    let project: ProjectName = needed.project.parse().map_err(|_| missing("its project has no proper name"))?;
    let page = fetcher.page(&project).await?;
    let file = page.page.file(&needed.file_name).cloned().ok_or_else(|| missing("the page does not list it"))?;
    fetcher.file(&FileRequest { source: page.source.clone(), project, file }).await?;
    Ok(())
}

fn print(common: &Common, options: &WarmOptions, tally: &Tally, done: &[serde_json::Value]) -> Result<(), Failure> {
    match options.format {
        PlainFormat::Json => output::print(&format!("{:#}", tally.json(&[("targets", done.into())]))),
        PlainFormat::Human if common.quiet => Ok(()),
        PlainFormat::Human => output::print(&tally.lines().join("\n")),
    }
}

/// A folder that is thrown away.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn make(cache: &Path) -> Result<Self, Failure> {
        let folder = cache.join(format!("warm-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| Failure::io("make a folder in the cache", error))?;
        Ok(Self(folder))
    }

    /// An empty folder in it.
    fn folder(&self, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.0.join(name);
        let made = match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir_all(&folder),
        };
        made.map(|()| folder).map_err(|error| Failure::io("make a folder in the cache", error))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "cannot be removed");
        }
    }
}
