//! Services with programs that start them, stop them and tell whether they run.

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::time::Instant;

use super::kind::{Seen, complaint, run};
use crate::service::logs::Redactor;
use crate::service::spec::ServiceSpec;
use crate::sys::command::{Command, Ending, Finished};

/// A command in the surroundings of its service.
fn command(words: &[String], spec: &ServiceSpec) -> Result<Command, String> {
    let (program, arguments) = words.split_first().ok_or("there is no such command")?;
    let mut command = Command::new(program, arguments.iter().map(OsString::from));
    command.folder.clone_from(&spec.folder);
    command.inherit.extend(spec.inherit.iter().cloned());
    // What it starts goes on when it ends.
    command.kill_leftovers = false;
    for (name, value) in &spec.variables {
        command.environment.insert(name.clone(), value.expose().into());
    }
    if let Some(environment) = &spec.environment {
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let places =
            std::iter::once(environment.join("bin")).chain(std::env::split_paths(&rest).collect::<Vec<PathBuf>>());
        let path = std::env::join_paths(places).map_err(|error| error.to_string())?;
        command.environment.entry("PATH".to_owned()).or_insert(path);
        command.environment.insert("VIRTUAL_ENV".to_owned(), environment.into());
    }
    Ok(command)
}

/// What a command said, without what its service must not show.
fn said(finished: &Finished, spec: &ServiceSpec) -> String {
    let secrets = spec.secrets(&spec.inherited(|name| std::env::var(name).ok()));
    match Redactor::new(&secrets, &spec.log.patterns) {
        Ok(redactor) => complaint(finished, |line| redactor.redact_text(line)),
        Err(error) => complaint(finished, |_| format!("(what it says cannot be masked, and is not shown: {error})")),
    }
}

/// Runs the command that starts or stops a service.
pub(super) async fn change(words: &[String], spec: &ServiceSpec, deadline: Instant) -> Result<(), String> {
    let finished = run(command(words, spec)?, deadline).await?;
    match finished.ending {
        Ending::Exited(0) => Ok(()),
        _ => Err(format!("`{}` failed: {}", words.first().map_or("", String::as_str), said(&finished, spec))),
    }
}

/// Whether it runs: the command says so by exiting with 0. Source: the init scripts of the Linux Standard Base, `status`.
pub(super) async fn status(words: &[String], spec: &ServiceSpec, deadline: Instant) -> Result<Seen, String> {
    let finished = run(command(words, spec)?, deadline).await?;
    match finished.ending {
        Ending::Exited(0) => Ok(Seen { alive: true, ..Seen::default() }),
        // Not allowed to ask, no such program, or killed meanwhile: that says nothing about the service.
        Ending::Exited(4 | 126 | 127) | Ending::Signalled(_) | Ending::TimedOut { .. } => Err(said(&finished, spec)),
        Ending::Exited(_) => Ok(Seen::default()),
    }
}
