//! `stratheal index accept`.

use std::process::ExitCode;

use stratheal_core::base::class::chain;
use stratheal_core::fetch::{Cause, FetchError, Page};
use stratheal_core::index::{DistributionName, ProjectName};
use stratheal_core::objects::ContentId;
use stratheal_core::workspace::Named;

use crate::args::{AcceptOptions, Common, Packages};
use crate::failure::Failure;
use crate::{output, runtime, workspace};

pub(super) fn run(common: &Common, packages: &Packages, options: &AcceptOptions) -> Result<ExitCode, Failure> {
    let id: ContentId = options.sha256.parse().map_err(|error| Failure::Usage(chain(&error)))?;
    let project = project(&options.file_name)?;
    let workspace = workspace::open(common, packages)?;
    let sources = workspace.sources(Named::default())?;
    let fetcher = workspace.fetcher(&sources)?;
    let runtime = runtime()?;
    match runtime.block_on(fetcher.page(&project)) {
        Ok(page) if *page.source == *options.source && !knows(&page, &options.file_name) => {
            let text = format!("{} has no file {}, so there is no change to accept", options.source, options.file_name);
            return Err(Failure::Caused { cause: Cause::NotFound, text });
        }
        Err(error @ FetchError::NoSuchProject { .. }) => return Err(error.into()),
        Ok(_) => {}
        // Whoever accepts a change has seen it; the index need not be there for that.
        Err(error) => tracing::debug!(%error, "accepted without a look at the page"),
    }
    runtime.block_on(fetcher.accept(&options.source, &project, &options.file_name, id))?;
    if !common.quiet {
        output::print(&format!("{} is accepted with sha256 {id}", options.file_name))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a page has a file, refused ones included.
fn knows(page: &Page, file_name: &str) -> bool {
    page.page.file(file_name).is_some() || page.refused.iter().any(|(name, _)| name == file_name)
}

fn project(file_name: &str) -> Result<ProjectName, Failure> {
    let parsed = DistributionName::parse(file_name, None).map_err(|error| Failure::Usage(chain(&error)))?;
    Ok(parsed.project)
}
