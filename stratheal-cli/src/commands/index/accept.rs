//! `stratheal index accept`.

use std::process::ExitCode;

use stratheal_core::base::class::chain;
use stratheal_core::index::{DistributionName, ProjectName};
use stratheal_core::objects::ContentId;

use crate::args::{AcceptOptions, Common, Packages};
use crate::failure::Failure;
use crate::fetching::Setup;
use crate::sources::{Named, Sources};
use crate::{output, runtime};

pub(super) fn run(common: &Common, packages: &Packages, options: &AcceptOptions) -> Result<ExitCode, Failure> {
    let id: ContentId = options.sha256.parse().map_err(|error| Failure::Usage(chain(&error)))?;
    let project = project(&options.file_name)?;
    let setup = Setup::read(common, packages)?;
    let sources = Sources::find(&setup, packages, Named::default())?;
    let fetcher = setup.fetcher(&sources)?;
    runtime()?.block_on(fetcher.accept(&options.source, &project, &options.file_name, id))?;
    if !common.quiet {
        output::print(&format!("{} is accepted with sha256 {id}", options.file_name))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn project(file_name: &str) -> Result<ProjectName, Failure> {
    let parsed = DistributionName::parse(file_name, None).map_err(|error| Failure::Usage(chain(&error)))?;
    Ok(parsed.project)
}
