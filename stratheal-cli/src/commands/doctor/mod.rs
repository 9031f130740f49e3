//! `stratheal doctor`.

mod render;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use stratheal_core::base::class::chain;
use stratheal_core::base::redact::safe_url;
use stratheal_core::config::{Config, ConfigError};
use stratheal_core::doctor::{
    Answer, Diagnosis, Finding, Interpreter, MemberFacts, Room, examine_environment, examine_interpreter, find_tools,
    judge_clock, judge_environment, judge_interpreter, judge_member, judge_proxies, judge_room, judge_tools,
};
use stratheal_core::fetch::Probe;
use stratheal_core::model::Status;
use stratheal_core::model::quantity::show_bytes;
use stratheal_core::objects::Store;
use stratheal_core::sys::filesystem;
use stratheal_core::workspace::{Named, Sources, Workspace, python};

use crate::args::{Common, DoctorOptions, Packages, PlainFormat};
use crate::count::show_count;
use crate::failure::{Failure, code};
use crate::{output, place, runtime, workspace};

/// How long each program and each member has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(common: &Common, packages: &Packages, options: &DoctorOptions) -> Result<ExitCode, Failure> {
    let diagnosis = runtime()?.block_on(examine(common, packages));
    let text = match options.format {
        PlainFormat::Human => render::human(&diagnosis, output::style(common)),
        PlainFormat::Json => render::json(&diagnosis),
    };
    output::print(&text)?;
    Ok(code(diagnosis.status()))
}

async fn examine(common: &Common, packages: &Packages) -> Diagnosis {
    let mut findings = Vec::new();
    // A doctor who refuses to look because something is broken helps nobody.
    let config = configuration(common, &mut findings);
    let choice = python::choose(packages.python.as_deref(), config.as_ref());
    let asked = examine_interpreter(&choice.program, PATIENCE).await;
    findings.push(judge_interpreter(asked.as_ref()));
    let own = asked.ok().filter(Interpreter::is_virtual).map(|found| found.prefix);
    let environment = choice.environment.or(own);
    if let Some(folder) = &environment {
        findings.push(judge_environment(&examine_environment(folder)));
    }
    let (before, path) = (environment.as_deref().map(programs), env::var_os("PATH"));
    findings.push(judge_tools(&find_tools(before.as_deref(), path.as_ref(), PATIENCE).await));
    findings.push(judge_proxies(&|name| env::var(name).ok()));
    match workspace::of(config, common, packages) {
        Err(failure) => findings.push(Finding::bad("cache", Status::Critical, chain(&failure), "name a folder")),
        Ok(workspace) => {
            index(&workspace, &mut findings).await;
            cache(&workspace, &mut findings);
            room("cache", &workspace.cache, &mut findings);
        }
    }
    if let Some(folder) = &environment {
        room("environment", folder, &mut findings);
    }
    Diagnosis { findings }
}

fn programs(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts" } else { "bin" })
}

fn configuration(common: &Common, findings: &mut Vec<Finding>) -> Option<Config> {
    const TOPIC: &str = "configuration";
    match place::written_configuration(common) {
        Ok(config) => {
            findings.push(Finding::healthy(TOPIC, config.file.display().to_string()));
            Some(config)
        }
        Err(Failure::Config(ConfigError::Missing)) if common.config.is_none() && common.env.is_none() => {
            findings.push(Finding::healthy(TOPIC, "none, so defaults count"));
            None
        }
        Err(failure) => {
            let next = "mend it: `stratheal config check` names every mistake";
            findings.push(Finding::bad(TOPIC, Status::Critical, chain(&failure), next));
            None
        }
    }
}

async fn index(workspace: &Workspace, findings: &mut Vec<Finding>) {
    let sources = match workspace.sources(Named::default()) {
        Ok(sources) => sources,
        Err(failure) => {
            findings.push(Finding::bad("index", Status::Critical, chain(&failure), "name one with --index"));
            return;
        }
    };
    findings.extend(found(&sources));
    let fetcher = match workspace.fetcher(&sources) {
        Ok(fetcher) => fetcher,
        Err(failure) => {
            findings.push(Finding::bad("index", Status::Critical, chain(&failure), "mend what it names"));
            return;
        }
    };
    if workspace.choices.offline {
        findings.push(Finding::healthy("index", "offline: nobody is asked"));
        return;
    }
    let members: Vec<MemberFacts> = fetcher.probe(PATIENCE).await.into_iter().map(facts).collect();
    let works =
        |facts: &MemberFacts| facts.answer.as_ref().is_ok_and(|answer| matches!(answer.status, 200..=399 | 404));
    for (at, member) in members.iter().enumerate() {
        let mut others =
            members.iter().enumerate().filter(|(other, facts)| *other != at && facts.source == member.source);
        findings.push(judge_member(member, others.any(|(_, facts)| works(facts))));
    }
    findings.extend(judge_clock(&members));
}

/// What there is to say about where packages come from.
fn found(sources: &Sources) -> impl Iterator<Item = Finding> {
    let each = sources.chain.sources.iter().filter_map(|source| {
        let primary = source.members.first()?;
        let from = if source.name == "default" { format!(", from {}", sources.found) } else { String::new() };
        let mirrors = show_count(source.members.len() - 1, "mirror");
        let what = format!("{}: {}{from}; {mirrors}", source.name, safe_url(primary.url.as_str()));
        Some(Finding::healthy("index", what).with("found", sources.found.as_str()))
    });
    let past = sources.bypasses.iter().chain(&sources.past_variables);
    let past = past.map(|text| {
        let next = "nothing when that is meant; `stratheal run` names it each time";
        Finding::bad("index", Status::Warning, text.clone(), next)
    });
    let notes = sources.notes.iter();
    let notes = notes.map(|text| Finding::bad("index", Status::Warning, text.clone(), "mend that file"));
    each.chain(past).chain(notes)
}

fn facts(probe: Probe) -> MemberFacts {
    let Probe { source, member, answer } = probe;
    let answer = answer.map(|answer| Answer { status: answer.status, took: answer.took, clocks: answer.clocks });
    MemberFacts { source, url: member, answer }
}

fn cache(workspace: &Workspace, findings: &mut Vec<Finding>) {
    const TOPIC: &str = "cache";
    let folder = workspace.cache.join("objects");
    // To look must not make one.
    if !folder.exists() {
        findings.push(Finding::healthy(TOPIC, format!("empty: {}", workspace.cache.display())));
        return;
    }
    let usage = Store::open(&folder).and_then(|store| store.usage());
    findings.push(match usage {
        Ok(usage) => {
            let bound = workspace.index().max_size.map_or_else(|| "no limit".to_owned(), |max| show_bytes(max as f64));
            let (files, bytes) = (show_count(usage.packs.count, "file"), usage.bytes());
            let what = format!("{files}, {} ({bound}): {}", show_bytes(bytes as f64), workspace.cache.display());
            let finding = match usage.quarantine.count {
                0 => Finding::healthy(TOPIC, what),
                damaged => {
                    let next = "look at the disk (`dmesg`, SMART): what was damaged is had again when it is needed";
                    Finding::bad(TOPIC, Status::Warning, format!("{what}; {damaged} were found damaged"), next)
                }
            };
            finding.with("bytes", bytes)
        }
        Err(error) => {
            Finding::bad(TOPIC, Status::Critical, chain(&error), "mend that, or name another with --cache-dir")
        }
    });
}

fn room(role: &'static str, folder: &Path, findings: &mut Vec<Finding>) {
    // The folder itself may still have to be made.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    match filesystem::usage(there) {
        Ok(usage) => findings.push(judge_room(&Room { role, folder: folder.to_owned(), usage })),
        Err(error) => {
            let what = format!("{role}: cannot ask {}: {error}", there.display());
            findings.push(Finding::bad("disk", Status::Unknown, what, "look whether the disk is mounted"));
        }
    }
}
