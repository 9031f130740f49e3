//! Choosing versions: what was found before, else by the engines that are there, one after the other.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::canonical::canonical;
use super::child::{self, Job};
use super::engine::ResolveRequest;
use super::error::ResolveError;
use super::exact::exact;
use super::find::{EngineChoice, engines};
use super::input::{constraints_text, requirements_text};
use super::kept::{Accepts, Kept, Question, sources};
use super::named_wheels::look_at_named_wheels;
use super::provision::provision;
use crate::base::class::chain;
use crate::fetch::Fetcher;
use crate::gateway::Environment as Variables;
use crate::installer::environment::Environment;
use crate::installer::lock::Lock;
use crate::installer::python::Compatibility;
use crate::installer::requirement::Wanted;
use crate::installer::scratch::Scratch;

/// How to resolve.
#[derive(Debug, Clone)]
pub struct ResolveOptions {
    /// By which engine.
    pub engine: EngineChoice,
    /// Whether versions before a release may be chosen.
    pub pre: bool,
    /// Whether what was found before does not count.
    pub refresh: bool,
    /// Whether the lock needs no files but those that fit the environment. Large projects are resolved sooner then.
    pub fitting_only: bool,
    /// Versions that are taken where they will do.
    pub preferred: Lock,
    /// The environment of this process: engines get it, changed where the gateway needs it.
    pub variables: Variables,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// The lock.
    pub lock: Lock,
    /// Who found it: `uv`, `pip`, `pins` when there was nothing to choose, or `kept` when it was found before.
    pub by: &'static str,
    /// What the user should know: which engine could not be used, and why.
    pub notes: Vec<String>,
}

/// All that resolving takes.
pub(in crate::installer) struct Resolving<'a> {
    pub(in crate::installer) wanted: &'a Wanted,
    pub(in crate::installer) environment: &'a Environment,
    pub(in crate::installer) options: &'a ResolveOptions,
    pub(in crate::installer) fetcher: &'a Fetcher,
    pub(in crate::installer) cache: &'a Path,
    pub(in crate::installer) folder: &'a Path,
    pub(in crate::installer) now: Timestamp,
    pub(in crate::installer) begins: &'a (dyn Fn(&'static str) + Sync),
}

/// Resolves.
///
/// # Cancellation
/// Dropping the future kills the engine that is at work.
pub(in crate::installer) async fn resolve(resolving: &Resolving<'_>) -> Result<Resolution, ResolveError> {
    let Resolving { wanted, environment, options, fetcher, cache, .. } = *resolving;
    look_at_named_wheels(wanted, &environment.interpreter, options.fitting_only).await?;
    let pre = options.pre || wanted.options.all_releases.is_all;
    let (requirements, constraints) = (requirements_text(wanted, true), constraints_text(wanted));
    let preferred = options.preferred.packages.iter();
    let question = Question {
        version: Question::VERSION,
        requirements: requirements.expose(),
        constraints: constraints.expose(),
        preferred: preferred
            .filter_map(|package| Some((package.name.to_string(), package.version.as_ref()?.to_string())))
            .collect(),
        pre,
        fitting_only: options.fitting_only,
        interpreter: Accepts::of(&environment.interpreter),
        sources: sources(fetcher),
    };
    // What lies in a folder may be another thing tomorrow.
    let is_keepable = wanted.options.find_links.is_empty()
        && wanted.requirements.iter().all(|one| one.what.name().is_some() && !one.is_editable);
    let kept = Kept::new(cache);
    if is_keepable
        && !options.refresh
        && let Some(lock) = kept.recall(&question, resolving.now, fetcher.is_offline())
    {
        return Ok(Resolution { lock, by: "kept", notes: Vec::new() });
    }
    if options.engine == EngineChoice::Auto
        && wanted.options.is_by_index()
        && let Some(lock) = exact(wanted, &environment.interpreter, fetcher).await?
    {
        kept.keep(&question, &lock);
        return Ok(Resolution { lock, by: "pins", notes: Vec::new() });
    }
    let storage = |action: &'static str| move |source| ResolveError::Storage { action, source };
    let scratch = Scratch::make(&cache.join("resolving")).map_err(storage("make a folder for an engine"))?;
    let (requirements_file, constraints_file) =
        (scratch.path().join("requirements.in"), scratch.path().join("constraints.in"));
    std::fs::write(&constraints_file, constraints.expose()).map_err(storage("write what an engine reads"))?;
    let interpreter = &environment.interpreter;
    // That of an environment that is made anew may be gone.
    let own = environment.exists && interpreter.executable.exists();
    let python = if own { &interpreter.executable } else { &interpreter.base_executable };
    let request = ResolveRequest {
        requirements: &requirements_file,
        constraints: &constraints_file,
        python,
        scratch: scratch.path(),
        preferred: &options.preferred,
        pre,
        environment: &options.variables,
        folder: resolving.folder,
    };
    let own = environment.exists.then(|| environment.root());
    let interpreters = [interpreter.executable.as_path(), interpreter.base_executable.as_path()];
    // Whoever wants no source distributions is told what there is for other platforms.
    let is_told = !wanted.options.only_binary.is_all && wanted.options.only_binary.names.is_empty();
    let fitting = (options.fitting_only && is_told).then(|| Arc::new(Compatibility::of(interpreter)));
    let mut notes = Vec::new();
    let mut found = VecDeque::from(engines(options.engine, own, &interpreters, &options.variables));
    let mut is_last = false;
    loop {
        let engine = match found.pop_front() {
            Some(engine) => engine,
            None if is_last => break,
            // None of those that are there can be used.
            None => {
                is_last = true;
                match provision(options.engine, interpreter, fetcher, cache).await {
                    Ok(fetched) => found.extend(fetched),
                    Err(error) if notes.is_empty() => return Err(error),
                    Err(error) => notes.push(chain(&error)),
                }
                continue;
            }
        };
        (resolving.begins)(engine.name());
        let text = requirements_text(wanted, engine.reads_settings());
        std::fs::write(&requirements_file, text.expose()).map_err(storage("write what an engine reads"))?;
        let mut attempted = attempt(engine.as_ref(), &request, fitting.clone(), fetcher, cache).await;
        let is_bound = engine.insists() && !request.preferred.packages.is_empty();
        if is_bound && matches!(attempted, Err(ResolveError::NoSolution { .. })) {
            // Something has to change that is there.
            let free = ResolveRequest { preferred: &Lock::new(Vec::new()), ..request };
            attempted = attempt(engine.as_ref(), &free, fitting.clone(), fetcher, cache).await;
        }
        match attempted {
            Ok(lock) => {
                if is_keepable {
                    kept.keep(&question, &lock);
                }
                return Ok(Resolution { lock, by: engine.name(), notes });
            }
            Err(ResolveError::Engine(failure)) if failure.is_its_own() => {
                tracing::warn!(engine = engine.name(), error = %chain(&failure), "another engine is tried");
                notes.push(chain(&failure));
            }
            Err(error) => return Err(error),
        }
    }
    Err(ResolveError::NoEngine(if notes.is_empty() { "no uv in PATH, no pip".to_owned() } else { notes.join("; ") }))
}

/// Says what was asked for where pip says in which line of its file that stands.
fn named(said: &str, file: &Path) -> String {
    /// A file of requirements is no larger.
    const LARGEST: u64 = 4 << 20;
    let place = format!("-r {} (line ", file.display());
    if !said.contains(&place) {
        return said.to_owned();
    }
    let lines = crate::base::fs::read_text(file, LARGEST).unwrap_or_default();
    let lines: Vec<&str> = lines.lines().collect();
    let mut text = String::with_capacity(said.len());
    let mut rest = said;
    while let Some((before, after)) = rest.split_once(&place) {
        text.push_str(before);
        let number = after.split_once(')').and_then(|(number, _)| number.parse::<usize>().ok());
        // A URL may hold a secret.
        let line = number.and_then(|number| lines.get(number.checked_sub(1)?)).filter(|line| !line.contains("://"));
        text.push_str(line.unwrap_or(&"what is wanted"));
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text
}

async fn attempt(
    engine: &dyn super::Engine,
    request: &ResolveRequest<'_>,
    fitting: Option<Arc<Compatibility>>,
    fetcher: &Fetcher,
    cache: &Path,
) -> Result<Lock, ResolveError> {
    engine.prepare(request).map_err(|source| ResolveError::Storage { action: "write what an engine reads", source })?;
    let job = Job {
        engine: engine.name(),
        argv: &engine.command(request),
        environment: request.environment,
        folder: request.folder,
        fitting,
        failure: &|code, said| engine.failure(code, &named(said, request.requirements)),
    };
    let gateway = child::run(&job, fetcher, cache).await?;
    let lock = engine.lock(request).await?;
    let is_gateway = |url: &str| child::place_of(url) == gateway;
    canonical(lock, engine.name(), fetcher, &is_gateway).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_file_that_nobody_knows_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("requirements.in");
        std::fs::write(&file, "flask==3.0\nsix @ https://user:secret@h/six.whl\n").unwrap();
        let place = |line: &str| format!("-r {} (line {line})", file.display());
        let said = format!("Cannot install {} and {}, {}", place("1"), place("2"), place("9"));
        assert_eq!(named(&said, &file), "Cannot install flask==3.0 and what is wanted, what is wanted");
        assert_eq!(named("as it is", &file), "as it is");
        assert_eq!(named(&format!("-r {} (line", file.display()), &file), format!("-r {} (line", file.display()));
    }
}
