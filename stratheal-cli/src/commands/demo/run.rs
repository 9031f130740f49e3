//! From the options to one of the ways to run the demo.

use std::path::Path;
use std::process::ExitCode;

use stratheal_core::model::Status;

use super::ports::Ports;
use super::project::Project;
use super::scene::Scene;
use super::{random, scripted, up};
use crate::args::{Common, DemoOptions, Packages};
use crate::failure::{Failure, code};
use crate::{output, runtime_with_threads};

pub(crate) fn run(common: &Common, packages: &Packages, options: &DemoOptions) -> Result<ExitCode, Failure> {
    let temporary = std::env::temp_dir().join(format!("stratheal-demo-{}", std::process::id()));
    let folder = options.folder.as_deref().unwrap_or(&temporary);
    let ports = Ports::free(options.up).map_err(|error| Failure::io("find free ports", error))?;
    let project = Project::lay_out(folder, ports, common, packages)?;
    project.install()?;
    let runtime = runtime_with_threads()?;
    let went_well = runtime.block_on(async {
        if options.up {
            return up::run(project, common).await.map(|()| true);
        }
        let mut ending = up::Ending::listen()?;
        let mut scene = Scene::begin(project).await?;
        let play = async {
            scene.until_well().await?;
            match options.random {
                Some(lasting) => random::run(&mut scene, lasting, options.seed, options.format).await,
                None => scripted::run(&mut scene, options.format).await,
            }
        };
        let played = tokio::select! {
            played = play => played,
            () = ending.wanted() => Err(Failure::Interrupted),
        };
        // In any case, also after Ctrl-C: nothing stays behind.
        let ended = scene.end().await;
        played.and_then(|went_well| ended.map(|()| went_well))
    });
    runtime.shutdown_background();
    let interrupted = matches!(went_well, Err(Failure::Interrupted));
    let kept = !interrupted && !matches!(went_well, Ok(true));
    if options.folder.is_none() {
        clear_up(folder, kept);
    }
    Ok(if went_well? { ExitCode::SUCCESS } else { code(Status::Critical) })
}

/// What did not go well is left to be looked at.
fn clear_up(folder: &Path, kept: bool) {
    if kept {
        output::complain(&format!("everything is left to be looked at in {}", folder.display()));
    } else if let Err(error) = std::fs::remove_dir_all(folder) {
        output::complain(&format!("{} is left: {error}", folder.display()));
    }
}
