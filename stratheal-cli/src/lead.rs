//! A command on its way through a gateway of its own.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use stratheal_core::base::class::chain;
use stratheal_core::base::fs::read_text;
use stratheal_core::base::redact::safe_url;
use stratheal_core::fetch::{Cause, Fetcher};
use stratheal_core::gateway::{
    Chosen, Client, ClientPlan, Environment, Gateway, GatewayError, Mode, ModeChoice, Plugin, Running, hosts_of_lock,
    plan_with, poetry_mirror_plugin,
};
use stratheal_core::index::ProjectName;
use stratheal_core::workspace::{Named, Sources, Workspace, names_an_index};

use crate::child::Variables;
use crate::failure::Failure;

/// Locks that hold the URLs of files.
const LOCKS: [&str; 4] = ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"];
/// The largest lock that is read.
const MAX_LOCK: u64 = 64 << 20;
/// A project whose page tells where files are kept; nearly every index has it.
const SAMPLE: &str = "pip";

/// A gateway that runs for one command, and what that command has to be told.
#[derive(Debug)]
pub(crate) struct Lead {
    /// What the command is, and how it goes through the gateway.
    pub(crate) plan: ClientPlan,
    /// The fetcher behind the gateway.
    pub(crate) fetcher: Fetcher,
    /// The gateway.
    pub(crate) running: Running,
    /// The variables in which the command differs from this process.
    pub(crate) variables: Variables,
    /// What the user should know.
    pub(crate) notes: Vec<String>,
    /// What does not go through the gateway.
    pub(crate) bypasses: Vec<String>,
}

impl Lead {
    /// Plans for a command, and starts the gateway it needs.
    pub(crate) async fn begin(workspace: &Workspace, argv: &[OsString], choice: ModeChoice) -> Result<Self, Failure> {
        let environment: Environment = env::vars_os().collect();
        let planned = |choice| plan_with(argv, &environment, choice, plugin(argv, &environment));
        let mut plan = planned(choice);
        if let Mode::Refused { reason } = &plan.mode {
            return Err(Failure::Usage(reason.clone()));
        }
        let named = Named {
            index: plan.given.default_index.clone(),
            extra: plan.given.extra_indexes.clone(),
            requirements: plan.given.requirement_files.clone(),
            certificates: plan.given.certificates.clone(),
            program: argv.first().map(PathBuf::from),
        };
        let sources = workspace.sources(named)?;
        let past = past_index_variables(&plan, &sources);
        if choice == ModeChoice::Auto && plan.mode == Mode::Index && !past.is_empty() {
            plan = planned(ModeChoice::Proxy);
            plan.why = past.join("; ");
            if let Mode::Refused { reason } = &plan.mode {
                return Err(Failure::Usage(reason.clone()));
            }
        }
        let mut plan = plan.asking(sources.chosen.clone());
        let is_chosen = |url: &str| {
            let chosen = sources.chosen.default_index().map(|chosen| chosen.trim_end_matches('/'));
            chosen == Some(url.trim_end_matches('/'))
        };
        if sources.of_project("poetry").any(|(index, _)| is_chosen(index.url.as_str())) {
            plan.bypasses.retain(|bypass| bypass.place != Chosen::PLACE);
        }
        let fetcher = workspace.fetcher(&sources)?;
        let mut builder = Gateway::builder(fetcher.clone()).state_folder(workspace.cache.join("gateway"));
        if plan.mode == Mode::Proxy {
            builder = builder.proxy(workspace.transport(&sources)).file_hosts(locked_hosts(&plan.given.locks));
            builder = builder.sample_projects(SAMPLE.parse::<ProjectName>().into_iter().collect());
        }
        let running = builder.start().await.map_err(|error| not_started(&error))?;
        let changes = running.child_environment(&plan);
        let variables = changes.iter().map(|change| (change.name.to_owned(), change.value.clone())).collect();
        tracing::debug!(client = plan.client.name(), mode = ?plan.mode, why = plan.why, ?changes, "planned");
        let mut notes = plan.notes.clone();
        notes.extend(running.note().map(str::to_owned));
        notes.extend(sources.notes.iter().cloned());
        let mut bypasses: Vec<_> = plan.bypasses.iter().map(ToString::to_string).collect();
        // A variable that the plan has named is not named again.
        let is_told =
            |text: &String| plan.bypasses.iter().any(|told| text.contains(&format!("(the variable {})", told.place)));
        bypasses.extend(sources.bypasses.iter().filter(|text| !is_told(text)).cloned());
        if plan.mode == Mode::Index {
            // A proxy gets hold of these as well.
            bypasses.extend(past_index_variables(&plan, &sources));
            bypasses.extend(sources.past_variables);
        } else if let Some(tool) = project_tool(plan.client) {
            let others = sources.of_project(tool).filter(|(_, is_in_chain)| !is_in_chain);
            bypasses.extend(others.map(|(index, _)| {
                let meaning = "another index was chosen, but it obeys its project: passed on untouched";
                format!("{} ({}): {tool} asks it; {meaning}", safe_url(index.url.as_str()), index.from)
            }));
        }
        Ok(Self { plan, fetcher, running, variables, notes, bypasses })
    }
}

/// What a client asks although its variables name the gateway as its index. A proxy gets hold of it.
fn past_index_variables(plan: &ClientPlan, sources: &Sources) -> Vec<String> {
    let mut past = Vec::new();
    if names_an_index(&plan.given.requirement_files) {
        past.push("a requirements file names an index, which counts more than variables".to_owned());
    }
    if let Some(tool) = project_tool(plan.client)
        && let Some((index, _)) = sources.of_project(tool).next()
    {
        past.push(format!("{tool} asks what its project names ({}), whatever a variable says", index.from));
    }
    let starts_pip = matches!(plan.client, Client::Pip | Client::Tox | Client::Pipx | Client::Hatch | Client::Build);
    if let Some(from) = sources.network.proxy_of_pip.as_ref().filter(|_| starts_pip) {
        past.push(format!("pip would ask the proxy in {from} for the gateway"));
    }
    past
}

/// The client that obeys indexes in `pyproject.toml` before variables, as its table is called.
const fn project_tool(client: Client) -> Option<&'static str> {
    match client {
        Client::Poetry => Some("poetry"),
        Client::Pdm => Some("pdm"),
        _ => None,
    }
}

/// A cache that cannot be used is told apart from everything else, because somebody has to make room.
pub(crate) fn not_started(error: &GatewayError) -> Failure {
    let text = chain(error);
    match error {
        GatewayError::State(_) => Failure::Caused { cause: Cause::Disk, text },
        _ => Failure::Usage(text),
    }
}

fn plugin(argv: &[OsString], environment: &Environment) -> Plugin {
    let program = argv.first().map(Path::new);
    let poetry = program.filter(|program| program.file_stem().is_some_and(|name| name == "poetry"));
    poetry.map_or(Plugin::Unknown, |poetry| poetry_mirror_plugin(poetry, environment))
}

/// The hosts that files of these locks, and of the locks here and in the folders above, come from.
fn locked_hosts(named: &[PathBuf]) -> Vec<(String, u16)> {
    let Ok(here) = env::current_dir() else { return Vec::new() };
    let files = here.ancestors().flat_map(|folder| LOCKS.map(|name| folder.join(name)));
    let files = named.iter().cloned().chain(files);
    let texts = files.filter(|file| file.is_file()).filter_map(|file| match read_text(&file, MAX_LOCK) {
        Ok(text) => Some(text),
        Err(error) => {
            tracing::warn!(file = %file.display(), %error, "cannot read a lock");
            None
        }
    });
    texts.flat_map(|text| hosts_of_lock(&text)).collect()
}
