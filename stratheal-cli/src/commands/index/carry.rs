//! `stratheal index export` and `import`.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use stratheal_core::base::class::{ErrorClass, chain};
use stratheal_core::base::fs::named;
use stratheal_core::fetch::{Cause, export_cache_to, import_cache};
use stratheal_core::index::ProjectName;
use stratheal_core::model::quantity::show_bytes;
use stratheal_core::objects::bundle::BundleError;
use stratheal_core::workspace::Workspace;

use crate::args::{Common, ExportOptions, ImportOptions};
use crate::count::show_count;
use crate::failure::Failure;
use crate::output;

/// A bundle never takes more than this from a disk, whatever it says.
const LARGEST: u64 = 1 << 40;

pub(super) fn export(common: &Common, workspace: &Workspace, options: &ExportOptions) -> Result<ExitCode, Failure> {
    let projects: Result<Vec<ProjectName>, _> = options.projects.iter().map(|name| name.parse()).collect();
    let projects = projects.map_err(|error| Failure::Usage(chain(&error)))?;
    let exported = export_cache_to(&workspace.cache, &projects, &options.file).map_err(|error| failed(&error))?;
    if exported.pages == 0 && !projects.is_empty() {
        // An empty bundle helps nobody, and would be taken for one.
        std::fs::remove_file(&options.file).map_err(|error| Failure::io("delete the empty bundle", error))?;
        let text = "the cache has none of these projects: get them with `stratheal warm`".to_owned();
        return Err(Failure::Caused { cause: Cause::NotFound, text });
    }
    if !common.quiet {
        let bytes = show_bytes(exported.bytes as f64);
        output::print(&format!(
            "{}, {}, {bytes}: {}",
            show_count(exported.pages, "page"),
            show_count(exported.files, "file"),
            options.file.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn import(common: &Common, workspace: &Workspace, options: &ImportOptions) -> Result<ExitCode, Failure> {
    let file = File::open(&options.file).map_err(|error| Failure::io("open the file", named(&options.file, &error)))?;
    let report = import_cache(&workspace.cache, &mut BufReader::new(file), LARGEST).map_err(|error| failed(&error))?;
    for path in report.unknown.iter().take(10) {
        output::complain(&format!("{path} was not taken over: this version does not know what it is for"));
    }
    if !common.quiet {
        let bytes = show_bytes(report.bytes as f64);
        output::print(&format!("{} entries added ({bytes}), {} were there already", report.added, report.kept))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn failed(error: &BundleError) -> Failure {
    let cause = match error {
        // What it holds is not what it says.
        BundleError::Store(error) if error.class() == ErrorClass::Corrupt => Cause::Content,
        BundleError::Store(_) => Cause::Disk,
        _ => Cause::Content,
    };
    Failure::Caused { cause, text: chain(error) }
}
