//! `stratheal install`, `sync`, `uninstall`, `lock`, `verify` and `repair`.

mod failure;
mod findings;
mod lock;
mod progress;
mod render;
mod repair;
mod uninstall;
mod verify;

use std::process::ExitCode;
use std::time::Duration;

use stratheal_core::installer::{InstallEvent, InstallRequest, Installer, Moment, PlanOptions};
use stratheal_core::objects::LinkMode;
use stratheal_core::workspace::Ways;
use tokio::sync::broadcast::error::TryRecvError;

use self::failure::of;
use self::progress::Said;
use crate::args::{Common, InstallOptions, LinkModeName, Packages};
use crate::ci::Build;
use crate::failure::Failure;
use crate::progress::{Display, Progress};
use crate::{output, place, runtime_with_threads, workspace};

pub(crate) use self::lock::run as run_lock;
pub(crate) use self::repair::run as run_repair;
pub(crate) use self::uninstall::run as run_uninstall;
pub(crate) use self::verify::{run as run_verify, verified};

pub(crate) fn run(common: &Common, packages: &Packages, options: &InstallOptions) -> Result<ExitCode, Failure> {
    run_to_end(install(common, packages, options))
}

async fn install(common: &Common, packages: &Packages, options: &InstallOptions) -> Result<ExitCode, Failure> {
    let began = tokio::time::Instant::now();
    let workspace = workspace::open(common, packages)?;
    let read = workspace.read(&options.wanted.asked(options.rebuild))?;
    let target = workspace.target(options.base.as_deref());
    let guard = if options.no_snapshot || options.plan { None } else { workspace.guard(&target.path) };
    let opened = workspace.installer(&read.files, ways(options), guard)?;
    let installer = &opened.installer;
    let environment = if options.rebuild {
        installer.environment_to_rebuild(&target.path, options.base.as_deref(), &target.base).await
    } else {
        installer.environment(&target.path, &target.base).await
    };
    let environment = environment.map_err(of)?;
    let mut request = InstallRequest::new(read.input, workspace.folder(), std::env::vars_os().collect());
    request.options =
        PlanOptions { exact: options.exact, reinstall: options.reinstall, rebuild: options.rebuild, closed: false };
    (request.upgrade, request.pre, request.refresh) = (options.upgrade, options.pre, options.refresh);
    request.engine = lock::choice(options.engine);
    let progress = Progress::follow(installer.fetcher().events(), Display::suitable(common, Build::here()));
    let said = Said::follow(installer.events(), common);
    let done = async {
        let planned = if options.plan {
            installer.planned(&environment, &request).await
        } else {
            installer.planned_ahead(&environment, &request).await
        };
        let planned = planned.map_err(of)?;
        if options.plan {
            return Ok((planned, None));
        }
        let outcome = installer.carry_out(&environment, planned.clone(), request.options).await.map_err(of)?;
        Ok::<_, Failure>((planned, Some(outcome)))
    };
    let done = Box::pin(changing(installer, done)).await;
    said.finish();
    installer.fetcher().settled().await;
    progress.finish().await;
    let (planned, outcome) = done?;
    if outcome.as_ref().is_some_and(|outcome| outcome.applied.is_some()) {
        place::tell_changed(common, environment.root()).await;
    }
    for note in read.notes.iter().chain(&opened.notes).chain(&planned.notes) {
        output::complain(note);
    }
    output::print(&render::install(&planned, outcome.as_ref(), began.elapsed(), options.format, common))?;
    Ok(ExitCode::SUCCESS)
}

fn ways(options: &InstallOptions) -> Ways {
    let link_mode = match options.link_mode {
        LinkModeName::Auto => LinkMode::Auto,
        LinkModeName::Copy => LinkMode::Copy,
    };
    Ways { link_mode, in_place: options.in_place, compile: options.compile, strict: options.strict }
}

/// Runs a command. What was interrupted gets a moment to clear up after itself.
pub(crate) fn run_to_end(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    /// Deleting a large stage takes about a second.
    const MOMENT: Duration = Duration::from_secs(10);
    let runtime = runtime_with_threads()?;
    let code = runtime.block_on(work);
    match code {
        Err(Failure::Interrupted | Failure::InterruptedLate { .. }) => runtime.shutdown_timeout(MOMENT),
        // A look-up that hangs must not keep the program from ending.
        _ => runtime.shutdown_background(),
    }
    code
}

/// Until it is done, or somebody presses Ctrl-C. What is under way stops then, and leaves nothing behind.
pub(crate) async fn interruptible<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.map_err(|error| Failure::io("listen for Ctrl-C", error))?;
            Err(Failure::Interrupted)
        }
    }
}

/// As [`interruptible`], for what changes an environment: a switch that has begun is brought to its end, and told.
async fn changing<T>(installer: &Installer, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut events = installer.events();
    let done = interruptible(work).await;
    if !matches!(done, Err(Failure::Interrupted)) {
        return done;
    }
    installer.settled().await;
    loop {
        match events.try_recv() {
            // It is only told of a change that is made.
            Ok(InstallEvent::Change { moment: Moment::Cleaning }) => {
                return Err(Failure::InterruptedLate { what: "the environment was changed, all of it" });
            }
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return done,
        }
    }
}
