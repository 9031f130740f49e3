//! `stratheal lock`.

use std::path::Path;
use std::process::ExitCode;

use stratheal_core::base::fs::write_atomic;
use stratheal_core::index::ThisProcess;
use stratheal_core::installer::lock::Lock;
use stratheal_core::installer::{EngineChoice, Input, ResolveOptions};
use stratheal_core::workspace::Ways;

use super::failure::of;
use super::progress::Said;
use super::{interruptible, run_to_end};
use crate::args::{Common, LockOptions, Packages};
use crate::ci::Build;
use crate::count::show_count;
use crate::failure::Failure;
use crate::progress::{Display, Progress};
use crate::{output, workspace};

pub(crate) fn run(common: &Common, packages: &Packages, options: &LockOptions) -> Result<ExitCode, Failure> {
    run_to_end(lock(common, packages, options))
}

async fn lock(common: &Common, packages: &Packages, options: &LockOptions) -> Result<ExitCode, Failure> {
    let workspace = workspace::open(common, packages)?;
    let read = workspace.read(&options.wanted.asked(false))?;
    let Input::Wanted(wanted) = read.input else { return Err(Failure::Usage("a lock is locked already".to_owned())) };
    let target = workspace.target(options.base.as_deref());
    let opened = workspace.installer(&read.files, Ways::default(), None)?;
    let installer = &opened.installer;
    let environment = installer.environment(&target.path, &target.base).await.map_err(of)?;
    let resolve = ResolveOptions {
        engine: choice(options.engine),
        pre: options.pre,
        // Whoever writes a lock wants to know what is there now.
        fitting_only: false,
        refresh: true,
        preferred: if options.upgrade { Lock::new(Vec::new()) } else { Lock::earlier(&options.output, &ThisProcess) },
        variables: std::env::vars_os().collect(),
    };
    let progress = Progress::follow(installer.fetcher().events(), Display::suitable(common, Build::here()));
    let said = Said::follow(installer.events(), common);
    let folder = workspace.folder();
    let work = async {
        let resolved = installer.resolve(&environment, &wanted, &resolve, &folder).await;
        resolved.map_err(|error| of(error.into()))
    };
    let resolved = interruptible(work).await;
    said.finish();
    installer.fetcher().settled().await;
    progress.finish().await;
    let resolution = resolved?;
    for note in read.notes.iter().chain(&opened.notes).chain(&resolution.notes) {
        output::complain(note);
    }
    // Whoever has the folder of the lock has what lies in it, wherever that is.
    let output = std::path::absolute(&options.output).map_err(|error| Failure::io("find this folder", error))?;
    let inside = output.parent().unwrap_or(&output);
    let lock = resolution.lock.with_paths_inside(inside);
    let text = lock.to_toml();
    if options.output == Path::new("-") {
        output::print(text.trim_end())?;
        return Ok(ExitCode::SUCCESS);
    }
    write_atomic(&options.output, text.as_bytes()).map_err(|error| Failure::io("write the lock", error))?;
    if !common.quiet {
        let (count, by) = (show_count(lock.packages.len(), "package"), resolution.by);
        output::print(&format!("{}: {count}, chosen by {by}", options.output.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The engine that an option names.
pub(super) fn choice(name: crate::args::EngineName) -> EngineChoice {
    match name {
        crate::args::EngineName::Auto => EngineChoice::Auto,
        crate::args::EngineName::Uv => EngineChoice::Uv,
        crate::args::EngineName::Pip => EngineChoice::Pip,
    }
}
