//! `stratheal repair`.

use std::process::ExitCode;

use stratheal_core::installer::{RepairOptions, Verified};
use stratheal_core::workspace::Ways;

use super::failure::of;
use super::progress::Said;
use super::{findings, interruptible, run_to_end};
use crate::args::{self, Common, Packages};
use crate::ci::Build;
use crate::exit;
use crate::failure::Failure;
use crate::progress::{Display, Progress};
use crate::{output, place, workspace};

pub(crate) fn run(common: &Common, packages: &Packages, options: &args::RepairOptions) -> Result<ExitCode, Failure> {
    run_to_end(repair(common, packages, options))
}

async fn repair(common: &Common, packages: &Packages, options: &args::RepairOptions) -> Result<ExitCode, Failure> {
    let began = tokio::time::Instant::now();
    let workspace = workspace::open(common, packages)?;
    let target = options.environment.clone().unwrap_or_else(|| workspace.target(None).path);
    let guard = if options.no_snapshot || options.plan { None } else { workspace.guard(&target) };
    let opened = workspace.installer(&[], Ways::default(), guard)?;
    let installer = &opened.installer;
    let subject = installer.subject(&target).await.map_err(of)?;
    let wanted = RepairOptions { full: options.full };
    if options.plan {
        let plan = interruptible(async { installer.repair_plan(&subject, &wanted).await.map_err(of) }).await?;
        output::print(&findings::planned(&plan, options.format, common))?;
        return Ok(code(&plan.verified));
    }
    let progress = Progress::follow(installer.fetcher().events(), Display::suitable(common, Build::here()));
    let said = Said::follow(installer.events(), common);
    let repaired = interruptible(async { installer.repair(&subject, &wanted).await.map_err(of) }).await;
    let what = "each file is the damaged one, or the right one";
    let repaired = repaired.map_err(|failure| match failure {
        Failure::Interrupted => Failure::InterruptedLate { what },
        other => other,
    });
    said.finish();
    installer.fetcher().settled().await;
    progress.finish().await;
    let repaired = repaired?;
    if repaired.is_changed() {
        place::tell_changed(common, &target).await;
    }
    for note in &repaired.notes {
        output::complain(note);
    }
    output::print(&findings::repaired(&repaired, began.elapsed(), options.format, common))?;
    Ok(code(&repaired.verified))
}

fn code(verified: &Verified) -> ExitCode {
    if verified.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(exit::DAMAGED) }
}
