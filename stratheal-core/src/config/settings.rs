//! The root of the file, and what is built from it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::checks::{self, CHECK};
use super::field::{Field, Kind};
use super::heal::{self, HEALING, HealSettings};
use super::index::{self, INDEX, IndexSettings};
use super::node::{Table, Value};
use super::notify::{self, NotifierSettings, WATCHDOG, WatchdogSettings};
use super::reader::{Context, Reader};
use super::remedies::{self, OwnRemedy, RemedySettings};
use super::services::{self, ServiceSettings};
use super::snapshots::{self, SNAPSHOTS, SnapshotSettings};
use crate::engine::Registration;
use crate::engine::graph::{Graph, GraphError};
use crate::healing::GlobalLimits;
use crate::history::Retention;
use crate::model::CheckId;
use crate::service::check;

/// A validated configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from.
    pub file: PathBuf,
    /// `[project]`.
    pub project: ProjectSettings,
    /// `[index]`.
    pub index: IndexSettings,
    /// `[snapshots]`.
    pub snapshots: SnapshotSettings,
    /// `[endpoints]`.
    pub endpoints: EndpointSettings,
    /// `[history]`.
    pub history: HistorySettings,
    /// `[checks.*]`, ready for an engine.
    pub checks: Vec<Registration>,
    /// `[services.*]`.
    pub services: Vec<ServiceSettings>,
    /// `[heal.*]`.
    pub heal: Vec<HealSettings>,
    /// `[healing]`.
    pub healing: GlobalLimits,
    /// `[remedies.*]`.
    pub remedies: Vec<RemedySettings>,
    /// `[notify.*]`.
    pub notify: Vec<NotifierSettings>,
    /// `[watchdog]`.
    pub watchdog: Option<WatchdogSettings>,
}

impl Config {
    /// The folder where relative paths begin and the state folder lies by default.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
    }
}

/// `[project]`: what the installer works on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectSettings {
    /// The virtual environment.
    pub environment: Option<PathBuf>,
    /// Requirements files.
    pub requirements: Vec<PathBuf>,
    /// Where state is kept.
    pub state: Option<PathBuf>,
}

/// `[endpoints]`: the HTTP endpoints of `stratheal up`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointSettings {
    /// Whether they are served.
    pub enabled: bool,
    /// Where.
    pub listen: SocketAddr,
    /// Whether `/health` shows what checks say.
    pub details: bool,
    /// Host names that are answered beside addresses and `localhost`.
    pub hosts: Vec<String>,
}

impl Default for EndpointSettings {
    fn default() -> Self {
        Self { enabled: true, listen: SocketAddr::from(([127, 0, 0, 1], 8090)), details: false, hosts: Vec::new() }
    }
}

/// `[history]`: what is recorded, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistorySettings {
    /// Whether anything is recorded on disk.
    pub enabled: bool,
    /// How much, and for how long.
    pub retention: Retention,
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self { enabled: true, retention: Retention::default() }
    }
}

pub(super) const ROOT: &[Field] = &[
    Field::new("project", Kind::Table(PROJECT), "What the installer works on, and where state is kept."),
    Field::new("index", Kind::Table(INDEX), "Where packages come from; by default the index your pip uses."),
    Field::new(
        "snapshots",
        Kind::Table(SNAPSHOTS),
        "Which snapshots of environments are made by themselves, and how long they stay.",
    ),
    Field::new("endpoints", Kind::Table(ENDPOINTS), "The HTTP endpoints of `stratheal up`."),
    Field::new("history", Kind::Table(HISTORY), "What is recorded on disk, and for how long."),
    // The keys below this one are the user's; each is read by CHECK.
    Field::new("checks", Kind::Table(&[]), "The checks, each in a table of its own: [checks.NAME]."),
    Field::new("services", Kind::Table(&[]), "Programs that shall run, each in a table of its own: [services.NAME]."),
    Field::new("heal", Kind::Table(&[]), "What is tried when a check fails: [heal.CHECK]."),
    Field::new("healing", Kind::Table(HEALING), "What holds for healing as a whole."),
    Field::new("remedies", Kind::Table(&[]), "Remedies of your own: [remedies.NAME]."),
    Field::new("notify", Kind::Table(&[]), "Who is told what: [notify.NAME]."),
    Field::new("watchdog", Kind::Table(WATCHDOG), "Who notices when nobody says that all is well any more."),
    Field::new("environments", Kind::Table(&[]), "Overlays chosen with --env: [environments.NAME]."),
];

const PROJECT: &[Field] = &[
    Field::new("environment", Kind::Text, "The virtual environment, such as \".venv\"."),
    Field::new("requirements", Kind::Texts, "Requirements files."),
    Field::new("state_dir", Kind::Text, "Where state is kept; default \".stratheal\" beside this file."),
];

const ENDPOINTS: &[Field] = &[
    Field::new("enabled", Kind::Boolean, "Whether the endpoints are served; default true."),
    Field::new("listen", Kind::Text, "Address and port; default \"127.0.0.1:8090\"."),
    Field::new("details", Kind::Boolean, "Whether /health shows what checks say and measured; default false."),
    Field::new("hosts", Kind::Texts, "Host names that are answered, beside IP addresses and localhost."),
];

const HISTORY: &[Field] = &[
    Field::new("enabled", Kind::Boolean, "Whether results are recorded on disk; default true."),
    Field::new("max_size", Kind::Size, "The most it may take on disk; default \"256MiB\"."),
    Field::new("keep_runs", Kind::Duration, "How long single runs are kept; default \"7d\"."),
    Field::new("keep_hours", Kind::Duration, "How long hourly sums are kept; default \"90d\"."),
    Field::new("keep_days", Kind::Duration, "How long daily sums are kept; default \"400d\"."),
    Field::new("keep_transitions", Kind::Duration, "How long changes of state are kept; default \"400d\"."),
];

/// Sections of the design that this version does not have yet. They are refused rather than ignored: a service that is written
/// down and not watched is worse than one that is missing.
const LATER: &[&str] = &["deps", "deploy", "fleet", "predict", "audit"];

/// Reads the root table.
pub(super) fn read(context: &mut Context<'_, '_>, path: &str, root: &Table, file: &Path) -> Config {
    let mut root = root.clone();
    root.entries.retain(|entry| {
        let later = LATER.contains(&entry.key.as_str());
        if later {
            let message = "is not supported by this version: remove this section";
            context.problems.add(&entry.span, super::reader::join(path, &entry.key), message);
        }
        !later
    });
    let mut reader = Reader::new(context, path, 0..0, &root, ROOT);
    let project = reader.section("project", |reader| {
        let folder = reader.context.folder.to_owned();
        let requirements = reader.texts("requirements").unwrap_or_default();
        ProjectSettings {
            environment: reader.path("environment"),
            requirements: requirements.into_iter().map(|file| folder.join(file)).collect(),
            state: reader.path("state_dir"),
        }
    });
    let index = reader.section("index", index::read);
    let snapshots = reader.section("snapshots", snapshots::read);
    let endpoints = reader.section("endpoints", endpoints);
    let history = reader.section("history", history);
    let checks = tables(&mut reader, path, &root, "checks", checks::read);
    let environment = project.as_ref().and_then(|project| project.environment.clone());
    let services = tables(&mut reader, path, &root, "services", |context, path, entry| {
        services::read(context, path, entry, environment.as_deref())
    });
    let heal = tables(&mut reader, path, &root, "heal", heal::read);
    let healing = reader.section("healing", heal::global);
    let remedies = tables(&mut reader, path, &root, "remedies", remedies::read);
    let notify = tables(&mut reader, path, &root, "notify", notify::read);
    let watchdog = reader.section("watchdog", notify::watchdog).flatten();
    belong_together(&mut reader, path, &root, &services, &heal, &remedies);
    dependencies(&mut reader, path, &root, &checks, &services);
    Config {
        file: file.to_owned(),
        project: project.unwrap_or_default(),
        index: index.unwrap_or_default(),
        snapshots: snapshots.unwrap_or_default(),
        endpoints: endpoints.unwrap_or_default(),
        history: history.unwrap_or_default(),
        checks,
        services,
        heal,
        healing: healing.unwrap_or_default(),
        remedies,
        notify,
        watchdog,
    }
}

/// Reads tables whose names are the user's.
fn tables<T>(
    reader: &mut Reader<'_, '_, '_>,
    path: &str,
    root: &Table,
    key: &str,
    read: impl Fn(&mut Context<'_, '_>, &str, &super::node::Entry) -> Option<T>,
) -> Vec<T> {
    match root.get(key).map(|entry| (&entry.node, &entry.node.value)) {
        None => Vec::new(),
        Some((_, Value::Table(table))) => {
            let path = super::reader::join(path, key);
            table.entries.iter().filter_map(|entry| read(reader.context, &path, entry)).collect()
        }
        Some((node, _)) => {
            reader.problem(key, format!("is {}, but must hold tables: [{key}.NAME]", node.kind()));
            Vec::new()
        }
    }
}

/// Reports parents that do not exist, and circles. A parent that exists but was not understood has been reported already.
fn dependencies(
    reader: &mut Reader<'_, '_, '_>,
    path: &str,
    root: &Table,
    checks: &[Registration],
    services: &[ServiceSettings],
) {
    let written = root.get("checks").and_then(|entry| match &entry.node.value {
        Value::Table(table) => Some(table),
        _ => None,
    });
    let find = |id: &str| written.and_then(|table| table.get(id));
    let numbered = (0_u32..).zip(checks);
    // Each service has a check of its own, which others may depend on.
    let own: Vec<CheckId> = services.iter().filter_map(|service| check::id_of(&service.spec.id).ok()).collect();
    let written_down = numbered.map(|(n, r)| (n, r.check.id(), r.spec.depends_on.as_slice()));
    let implied = (checks.len() as u32..).zip(&own).map(|(n, id)| (n, id, [].as_slice()));
    let graph = Graph::build(written_down.chain(implied));
    for error in graph.err().unwrap_or_default() {
        let id = match &error {
            GraphError::Missing { parent, .. } if find(parent.as_str()).is_some() => continue,
            GraphError::Missing { check, .. } => check.as_str(),
            GraphError::Cycle { path } => path.first().map_or("", |id| id.as_str()),
        };
        let span = find(id).map_or(0..0, |entry| entry.span.clone());
        let key = super::reader::join(&super::reader::join(path, "checks"), id);
        reader.context.problems.add(&span, format!("{key}.depends_on"), error.to_string());
    }
}

/// Whether what services and ladders name is there.
fn belong_together(
    reader: &mut Reader<'_, '_, '_>,
    path: &str,
    root: &Table,
    services: &[ServiceSettings],
    heal: &[HealSettings],
    remedies: &[RemedySettings],
) {
    let written = |key: &str| match root.get(key).map(|entry| &entry.node.value) {
        Some(Value::Table(table)) => table.entries.iter().map(|entry| entry.key.clone()).collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let services_written = written("services");
    let mut checks = written("checks");
    checks.extend(services_written.iter().map(|name| check::name_of(name)));
    let mut known: Vec<String> = remedies::BUILT_IN.iter().map(|name| (*name).to_owned()).collect();
    known.extend(services_written.iter().map(|name| format!("restart-service/{name}")));
    // A sequence in a sequence could be one of itself.
    let is_sequence = |remedy: &RemedySettings| matches!(remedy.does, OwnRemedy::Sequence(_));
    let of_own =
        |wanted: bool| remedies.iter().filter(move |one| is_sequence(one) == wanted).map(|one| one.id.to_string());
    known.extend(of_own(false));
    let parts_of_sequences = known.clone();
    known.extend(of_own(true));
    let mut missing = |section: &str, name: &str, key: &str, what: &str, wanted: &str, there: &[String]| {
        if there.iter().any(|one| one == wanted) {
            return;
        }
        let near = crate::base::suggest::nearest(wanted, there.iter().map(String::as_str));
        let near = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        let entry = root.get(section).and_then(|entry| match &entry.node.value {
            Value::Table(table) => table.get(name).map(|entry| entry.span.clone()),
            _ => None,
        });
        let key = [path, section, name, key].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
        reader.context.problems.add(&entry.unwrap_or(0..0), key, format!("there is no {what} `{wanted}`{near}"));
    };
    for service in services {
        let name = service.spec.id.as_str();
        if let Some(check) = &service.check {
            missing("services", name, "check", "check", check.as_str(), &checks);
        }
        for on in &service.spec.depends_on {
            missing("services", name, "depends_on", "service", on.as_str(), &services_written);
        }
    }
    for remedy in remedies {
        let OwnRemedy::Sequence(parts) = &remedy.does else { continue };
        for part in parts {
            missing("remedies", remedy.id.as_str(), "sequence", "remedy", part.as_str(), &parts_of_sequences);
        }
    }
    for one in heal {
        missing("heal", one.check.as_str(), "", "check", one.check.as_str(), &checks);
        for rung in &one.policy.ladder {
            missing("heal", one.check.as_str(), "ladder", "remedy", rung.remedy.as_str(), &known);
        }
        for guard in &one.policy.guards {
            missing("heal", one.check.as_str(), "guards", "check", guard.as_str(), &checks);
        }
    }
}

fn endpoints(reader: &mut Reader<'_, '_, '_>) -> EndpointSettings {
    let default = EndpointSettings::default();
    let listen = reader.text("listen").map(|text| text.parse().map_err(|_| text));
    if let Some(Err(text)) = &listen {
        reader
            .problem("listen", format!("`{text}` is not an address and a port: write for example \"127.0.0.1:8090\""));
    }
    EndpointSettings {
        enabled: reader.boolean("enabled").unwrap_or(default.enabled),
        listen: listen.and_then(Result::ok).unwrap_or(default.listen),
        details: reader.boolean("details").unwrap_or(default.details),
        hosts: reader.texts("hosts").unwrap_or_default(),
    }
}

fn history(reader: &mut Reader<'_, '_, '_>) -> HistorySettings {
    let default = Retention::default();
    let retention = Retention {
        max_size: reader.size("max_size").unwrap_or(default.max_size),
        runs: reader.duration("keep_runs").unwrap_or(default.runs),
        hourly: reader.duration("keep_hours").unwrap_or(default.hourly),
        daily: reader.duration("keep_days").unwrap_or(default.daily),
        transitions: reader.duration("keep_transitions").unwrap_or(default.transitions),
    };
    if let Err(error) = retention.validate() {
        reader.problem("", error.to_string());
    }
    HistorySettings { enabled: reader.boolean("enabled").unwrap_or(true), retention }
}

/// The fields of a check, for the schema.
pub(super) const fn check_fields() -> &'static [Field] {
    CHECK
}
