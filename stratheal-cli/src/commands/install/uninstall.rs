//! `stratheal uninstall`.

use std::process::ExitCode;

use stratheal_core::base::class::chain;
use stratheal_core::index::ProjectName;
use stratheal_core::workspace::Ways;

use super::failure::of;
use super::progress::Said;
use super::{changing, render, run_to_end};
use crate::args::{Common, Packages, UninstallOptions};
use crate::failure::Failure;
use crate::{output, place, workspace};

pub(crate) fn run(common: &Common, packages: &Packages, options: &UninstallOptions) -> Result<ExitCode, Failure> {
    run_to_end(uninstall(common, packages, options))
}

async fn uninstall(common: &Common, packages: &Packages, options: &UninstallOptions) -> Result<ExitCode, Failure> {
    let began = tokio::time::Instant::now();
    let workspace = workspace::open(common, packages)?;
    let names: Result<Vec<ProjectName>, _> = options.projects.iter().map(|name| name.parse()).collect();
    let names = names.map_err(|error| Failure::Usage(chain(&error)))?;
    let target = workspace.target(None);
    let guard = if options.no_snapshot { None } else { workspace.guard(&target.path) };
    let opened = workspace.installer(&[], Ways::default(), guard)?;
    let environment = opened.installer.environment(&target.path, &target.base).await.map_err(of)?;
    if !environment.exists {
        return Err(Failure::Usage(format!("there is no environment in {}", environment.root().display())));
    }
    let said = Said::follow(opened.installer.events(), common);
    let work = async { opened.installer.uninstall(&environment, &names).await.map_err(of) };
    let done = changing(&opened.installer, work).await;
    said.finish();
    let (outcome, absent) = done?;
    place::tell_changed(common, environment.root()).await;
    for name in absent {
        output::complain(&format!("{name} is not installed"));
    }
    output::print(&render::uninstall(&outcome, began.elapsed(), options.format, common))?;
    Ok(ExitCode::SUCCESS)
}
