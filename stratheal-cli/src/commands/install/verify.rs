//! `stratheal verify`.

use std::path::Path;
use std::process::ExitCode;

use stratheal_core::installer::{Verified, VerifyOptions};
use stratheal_core::workspace::{Ways, Workspace};

use super::failure::of;
use super::findings::Named;
use super::{findings, interruptible, run_to_end};
use crate::args::{self, Common, Packages};
use crate::exit;
use crate::failure::Failure;
use crate::{output, workspace};

pub(crate) fn run(common: &Common, packages: &Packages, options: &args::VerifyOptions) -> Result<ExitCode, Failure> {
    run_to_end(verify(common, packages, options))
}

/// How an environment is.
pub(crate) async fn verified(workspace: &Workspace, root: &Path) -> Result<Verified, Failure> {
    let installer = workspace.installer(&[], Ways::default(), None)?.installer;
    let subject = installer.subject(root).await.map_err(of)?;
    installer.verify(&subject, &VerifyOptions::default()).await.map_err(of)
}

async fn verify(common: &Common, packages: &Packages, options: &args::VerifyOptions) -> Result<ExitCode, Failure> {
    let began = tokio::time::Instant::now();
    let workspace = workspace::open(common, packages)?;
    let target = options.environment.clone().unwrap_or_else(|| workspace.target(None).path);
    let installer = workspace.installer(&[], Ways::default(), None)?.installer;
    let work = async {
        let subject = installer.subject(&target).await.map_err(of)?;
        let wanted = VerifyOptions { full: options.full, imports: options.imports };
        installer.verify(&subject, &wanted).await.map_err(of)
    };
    let verified = interruptible(work).await?;
    let is_default = workspace.is_default(&verified.root);
    let named = Named { environment: &target, is_default };
    output::print(&findings::verified(&verified, &named, began.elapsed(), options.format, common))?;
    Ok(if verified.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(exit::DAMAGED) })
}
