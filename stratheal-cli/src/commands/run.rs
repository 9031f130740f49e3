//! `stratheal run`.

use std::process::ExitCode;

use serde_json::json;
use stratheal_core::fetch::Cause;
use stratheal_core::gateway::{Client, Mode as PlannedMode, ModeChoice};

use crate::args::{Common, Mode, Packages, RunOptions};
use crate::ci::{Build, Level};
use crate::commands::snapshot::Watched;
use crate::exit::Ended;
use crate::failure::Failure;
use crate::lead::Lead;
use crate::progress::{Display, Progress};
use crate::tally::{self, Tally};
use crate::{child, exit, output, runtime_with_threads, workspace};

pub(crate) fn run(common: &Common, packages: &Packages, options: &RunOptions) -> Result<ExitCode, Failure> {
    let runtime = runtime_with_threads()?;
    let code = runtime.block_on(lead(common, packages, options));
    // A look-up that hangs must not keep the program from ending.
    runtime.shutdown_background();
    code
}

async fn lead(common: &Common, packages: &Packages, options: &RunOptions) -> Result<ExitCode, Failure> {
    if let Some(option) = options.command.first().filter(|word| word.as_encoded_bytes().starts_with(b"-")) {
        let text = format!("`{}` is no option of `run`, and no program is called so", option.to_string_lossy());
        return Err(Failure::Usage(text));
    }
    let workspace = workspace::open(common, packages)?;
    let choice = match options.mode {
        Mode::Auto => ModeChoice::Auto,
        Mode::Index => ModeChoice::Index,
        Mode::Proxy => ModeChoice::Proxy,
    };
    let lead = Lead::begin(&workspace, &options.command, choice).await?;
    if let Some(reason) = lead.plan.keeps_index.as_ref().filter(|_| lead.plan.mode == PlannedMode::Index) {
        return Err(Failure::Usage(reason.clone()));
    }
    let watched = match lead.plan.client {
        client @ (Client::Pip | Client::UvPip | Client::Uv | Client::Poetry | Client::Pdm) => {
            Watched::begin(&workspace, client.name(), options.no_snapshot).await
        }
        // Whatever else it is, it changes another environment than this one, or none.
        _ => None,
    };
    // The terminal belongs to the command.
    let progress = Progress::follow(lead.fetcher.events(), Display::Silent);
    let ended = child::run(&options.command, &lead.variables).await;
    let served = lead.running.stop().await;
    if let Some(watched) = watched {
        watched.end().await;
    }
    lead.fetcher.settled().await;
    let summary = progress.finish().await;
    let ended = ended.map_err(|source| {
        let program = options.command.first().map(|program| program.to_string_lossy().into_owned());
        Failure::Command { program: program.unwrap_or_default(), source }
    })?;
    let mut bypasses = lead.bypasses;
    bypasses.extend(served.bypasses.iter().map(ToString::to_string));
    let tally = Tally { summary, bypasses, notes: lead.notes };
    let cause = tally.summary.cause();
    say(common, &tally, ended);
    if let Some(file) = &options.report {
        let mode = match lead.plan.mode {
            PlannedMode::Index => "index",
            _ => "proxy",
        };
        let command = json!({
            "client": lead.plan.client.name(),
            "mode": mode,
            "why": lead.plan.why,
            "exit_code": match ended { Ended::Exited(code) => json!(code), Ended::Killed(_) => json!(null) },
            "signal": match ended { Ended::Killed(signal) => json!(signal), Ended::Exited(_) => json!(null) },
            "cause": cause,
        });
        let served = serde_json::to_value(&served).unwrap_or_default();
        tally::write_report(file, &tally.json(&[("command", command), ("gateway", served)]))?;
    }
    Ok(exit::after(ended, cause, options.keep_exit_code))
}

/// Says what happened, when there is something to say.
fn say(common: &Common, tally: &Tally, ended: Ended) {
    let failed = ended != Ended::Exited(0);
    let build = Build::here();
    let level = if failed { Level::Error } else { Level::Warning };
    let told = tally.summary.failures.values().filter(|missed| missed.cause != Cause::NotFound).take(10);
    for text in told.filter_map(|missed| build.annotation(level, &missed.reason)) {
        output::say_plainly(&text);
    }
    if common.quiet && !failed || !tally.is_noteworthy() && common.verbose == 0 {
        return;
    }
    let group = build.group("stratheal: how packages were had");
    if let Some((begin, _)) = &group {
        output::say_plainly(begin);
    }
    for line in tally.lines() {
        output::complain(&line);
    }
    if let Some((_, end)) = group {
        output::say_plainly(end);
    }
}
