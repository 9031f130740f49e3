//! Running an engine behind a gateway of its own.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::Instant;

use super::engine::{broken, variables};
use super::error::{EngineFailure, ResolveError};
use crate::fetch::{Cause, Event, Fetcher};
use crate::gateway::{Environment, Gateway, ModeChoice, Plugin, plan_with};
use crate::installer::python::Compatibility;
use crate::sys::command::{Command, Ending};

/// Building the largest packages from source takes hours; more is a hang.
const LONGEST: Duration = Duration::from_hours(12);

/// So much of what an engine says is kept, in bytes.
const OUTPUT: usize = 256 << 10;

/// One run of an engine.
pub(in crate::installer) struct Job<'a> {
    /// Its name.
    pub(in crate::installer) engine: &'static str,
    /// Its command line.
    pub(in crate::installer) argv: &'a [OsString],
    /// The environment of this process, before the gateway changes it.
    pub(in crate::installer) environment: &'a Environment,
    /// The folder that relative paths in its configuration mean.
    pub(in crate::installer) folder: &'a Path,
    /// Which wheels it is to see, where it only has to choose among those that fit.
    pub(in crate::installer) fitting: Option<Arc<Compatibility>>,
    /// What an exit code and the messages mean.
    pub(in crate::installer) failure: &'a (dyn Fn(i32, &str) -> ResolveError + Send + Sync),
}

/// Runs an engine until it has written its answer. Answers where its gateway was: host and port.
///
/// # Cancellation
/// Dropping the future kills the engine and what it started.
pub(in crate::installer) async fn run(job: &Job<'_>, fetcher: &Fetcher, cache: &Path) -> Result<String, ResolveError> {
    let name = job.engine;
    let plan = plan_with(job.argv, job.environment, ModeChoice::Index, Plugin::Unknown);
    let mut gateway = Gateway::builder(fetcher.clone()).state_folder(cache.join("gateway"));
    if let Some(accepts) = job.fitting.clone() {
        gateway = gateway.fitting(move |wheel| accepts.takes(wheel));
    }
    let gateway = gateway.start().await.map_err(|source| ResolveError::Gateway { engine: name, source })?;
    let environment = job.environment.clone().with(&gateway.child_environment(&plan));
    let place = place_of(&gateway.safe_url());
    let mut told = fetcher.events();
    let ended = execute(job.argv, job.folder, &environment).await;
    gateway.stop().await;
    let (ending, text) = ended.map_err(|source| EngineFailure::NotStarted { engine: name, source })?;
    let code = match ending {
        Ending::Exited(0) => return Ok(place),
        Ending::Exited(code) => code,
        Ending::Signalled(signal) => return Err(broken(name, format!("was killed by signal {signal}"), &text)),
        Ending::TimedOut { .. } => {
            return Err(broken(name, format!("did not end within {} h", LONGEST.as_secs() / 3600), &text));
        }
    };
    // Why a file could not be had is better known here than to the engine, to which the gateway could only give a status.
    let mut unavailable = None;
    loop {
        match told.try_recv() {
            Ok(Event::Failed { cause, reason, .. }) if cause != Cause::NotFound => {
                unavailable = unavailable.or(Some(ResolveError::Unavailable { cause, reason }));
            }
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    Err(unavailable.unwrap_or_else(|| (job.failure)(code, &without_hints(&text, &place))))
}

/// Host and port of a URL.
pub(super) fn place_of(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    let place = url.and_then(|url| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)));
    place.unwrap_or_default()
}

/// What an engine has to say: its complaints, and where pip explains a contradiction, which it does among what it tells of its work.
fn spoken(out: &str, complaints: &str) -> String {
    const WHY: &str = "The conflict is caused by:";
    match out.find(WHY) {
        Some(at) => format!("{complaints}\n{}", &out[at..]),
        None if complaints.trim().is_empty() => out.to_owned(),
        None => complaints.to_owned(),
    }
}

/// Without the hints that speak of the gateway: what they advise is about an index that the user does not know, and has chosen otherwise.
fn without_hints(text: &str, gateway: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut hint: Vec<&str> = Vec::new();
    let is_own = |hint: &[&str]| hint.iter().any(|line| line.contains(gateway) || line.contains("--index-strategy"));
    for line in text.lines() {
        let is_hint = line.trim_start().starts_with("hint:");
        if is_hint || line.trim().is_empty() {
            if !is_own(&hint) {
                kept.append(&mut hint);
            }
            hint.clear();
        }
        if is_hint || !hint.is_empty() {
            hint.push(line);
        } else {
            kept.push(line);
        }
    }
    if !is_own(&hint) {
        kept.append(&mut hint);
    }
    kept.join("\n")
}

async fn execute(
    argv: &[OsString],
    folder: &Path,
    environment: &Environment,
) -> Result<(Ending, String), crate::sys::command::CommandError> {
    let program = argv.first().cloned().unwrap_or_default();
    let mut command = Command::new(program, argv.iter().skip(1).cloned());
    // All of it: certificates, proxies, compilers.
    command.inherit = Vec::new();
    command.environment = variables(environment);
    command.output_limit = OUTPUT;
    command.folder = Some(folder.to_owned());
    let finished = command.spawn()?.finish(Instant::now() + LONGEST).await?;
    Ok((finished.ending, spoken(&finished.stdout.text(), &finished.stderr.text())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_about_the_gateway() {
        let text = "error: No solution found\n  because of six\n\n    hint: `six` was found on http://u:****@127.0.0.1:4/simple/, but not\n    in that version: use `--index-strategy unsafe-best-match`\n\n    hint: `six` needs\n    something else\nend";
        let expected = "error: No solution found\n  because of six\n\n\n    hint: `six` needs\n    something else\nend";
        assert_eq!(without_hints(text, "127.0.0.1:4"), expected);
        assert_eq!(without_hints("", "x"), "");
    }

    #[test]
    fn a_contradiction_comes_with_its_explanation() {
        let out = "Collecting a\nThe conflict is caused by:\n    a 1 depends on b<2\n";
        assert_eq!(
            spoken(out, "ERROR: Cannot install"),
            "ERROR: Cannot install\nThe conflict is caused by:\n    a 1 depends on b<2\n"
        );
        assert_eq!(spoken("Collecting a", "ERROR"), "ERROR");
        assert_eq!(spoken("said", " \n"), "said");
    }
}
