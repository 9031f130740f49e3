//! `stratheal index status`.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};
use stratheal_core::base::redact::safe_url;
use stratheal_core::fetch::Probe;
use stratheal_core::model::quantity::{show_bytes, show_seconds};
use stratheal_core::objects::Usage;
use stratheal_core::workspace::{Named, Sources, Workspace};

use crate::args::{Common, IndexStatusOptions, Packages, PlainFormat};
use crate::count::show_count;
use crate::failure::Failure;
use crate::{output, runtime_with_threads, workspace};

/// How long each member has to answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run(common: &Common, packages: &Packages, options: &IndexStatusOptions) -> Result<ExitCode, Failure> {
    let workspace = workspace::open(common, packages)?;
    let sources = workspace.sources(Named::default())?;
    let fetcher = workspace.fetcher(&sources)?;
    let usage = super::store(&workspace)?.usage().map_err(|error| super::stored(&error))?;
    let runtime = runtime_with_threads()?;
    let probes = runtime.block_on(fetcher.probe(PATIENCE));
    // A look-up that hangs must not keep the program from ending.
    runtime.shutdown_background();
    let text = match options.format {
        PlainFormat::Human => human(&workspace, &sources, &probes, usage),
        PlainFormat::Json => format!("{:#}", document(&workspace, &sources, &probes, usage)),
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn human(workspace: &Workspace, sources: &Sources, probes: &[Probe], usage: Usage) -> String {
    let mut lines = vec![format!("default index from {}", sources.found)];
    for source in &sources.chain.sources {
        let only = if source.only.is_empty() { String::new() } else { format!(" (only {})", source.only.join(", ")) };
        lines.push(format!("{}{only}", source.name));
        for member in &source.members {
            let url = safe_url(member.url.as_str());
            let probe = probes.iter().find(|probe| probe.source == source.name && probe.member == url);
            lines.push(format!("  {url}: {}", answer(workspace.choices.offline, probe)));
        }
    }
    lines.extend(sources.notes.iter().chain(&sources.bypasses).cloned());
    let (files, bytes) = (show_count(usage.packs.count, "file"), show_bytes(usage.bytes() as f64));
    lines.push(format!("cache: {files}, {bytes} in {}", workspace.cache.display()));
    if usage.partials.count > 0 {
        let bytes = show_bytes(usage.partials.bytes as f64);
        lines.push(format!(
            "cache: {}, {bytes}, to be continued",
            show_count(usage.partials.count, "interrupted transfer")
        ));
    }
    if usage.quarantine.count > 0 {
        lines.push(format!("cache: {} damaged files were put aside", usage.quarantine.count));
    }
    lines.join("\n")
}

fn answer(offline: bool, probe: Option<&Probe>) -> String {
    match probe.map(|probe| &probe.answer) {
        None if offline => "not asked, offline".to_owned(),
        None => "not asked".to_owned(),
        Some(Err(problem)) => problem.clone(),
        Some(Ok(answer)) => format!("answers {} in {}", answer.status, show_seconds(answer.took.as_secs_f64())),
    }
}

fn document(workspace: &Workspace, sources: &Sources, probes: &[Probe], usage: Usage) -> Value {
    let members = |name: &str| {
        let own = probes.iter().filter(|probe| probe.source == name);
        own.map(|probe| match &probe.answer {
            Ok(answer) => {
                json!({ "url": probe.member, "http_status": answer.status, "seconds": answer.took.as_secs_f64() })
            }
            Err(problem) => json!({ "url": probe.member, "problem": problem }),
        })
        .collect::<Vec<_>>()
    };
    let all = sources.chain.sources.iter().map(|source| {
        json!({
            "name": source.name,
            "urls": source.members.iter().map(|member| safe_url(member.url.as_str())).collect::<Vec<_>>(),
            "only": source.only,
            "immutable": source.immutable,
            "members": members(&source.name),
        })
    });
    json!({
        "version": 1,
        "found": sources.found,
        "sources": all.collect::<Vec<_>>(),
        "notes": sources.notes,
        "bypasses": sources.bypasses,
        "cache": { "folder": workspace.cache.display().to_string(), "bytes": usage.bytes(), "usage": usage },
    })
}
