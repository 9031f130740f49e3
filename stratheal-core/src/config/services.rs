//! `[services.NAME]`: programs that shall run.

use std::time::Duration;

use super::field::{Field, Kind};
use super::node::Entry;
use super::reader::{Context, Reader, begin};
use crate::model::CheckId;
use crate::service::{Commands, How, Ready, ServiceSpec, UnitManager};

const READY: &[&str] = &["at-once", "check", "notify"];

pub(super) const SERVICE: &[Field] = &[
    Field::new(
        "run",
        Kind::Command,
        "What runs: [\"program\", \"argument\", ...], looked up in the environment first.",
    ),
    Field::new("unit", Kind::Text, "Instead of run: a unit of systemd."),
    Field::new("user_unit", Kind::Boolean, "Whether the unit belongs to the user's own systemd; default false."),
    Field::new("start", Kind::Command, "Instead of run: the command that starts it."),
    Field::new("stop", Kind::Command, "With start: the command that stops it."),
    Field::new("status", Kind::Command, "With start: the command that ends with 0 while it runs."),
    Field::new("check", Kind::Text, "The check that says whether it works; it is ready when that passes."),
    Field::new(
        "ready",
        Kind::Choice(READY),
        "When it is ready; default \"check\" where there is one, else \"at-once\".",
    ),
    Field::new("depends_on", Kind::Texts, "Services that must be ready before it is started."),
    Field::new("environment", Kind::Text, "The virtual environment it runs in; default that of [project]."),
    Field::new("folder", Kind::Text, "The folder it starts in; default that of this file."),
    Field::new("variables", Kind::TextsByName, "Variables it gets: texts, or secrets by reference."),
    Field::new("inherit", Kind::Texts, "Variables of the monitor it gets beside PATH, HOME and their like."),
    Field::new("user", Kind::Text, "The user it runs as; needs root."),
    Field::new("start_timeout", Kind::Duration, "How long it may take until it is ready; default \"60s\"."),
    Field::new("stop_timeout", Kind::Duration, "How long it may take to stop before it is killed; default \"10s\"."),
    Field::new("stop_signal", Kind::Text, "The signal that asks it to stop; default \"TERM\"."),
    Field::new("ports", Kind::Codes, "Ports it is going to listen on: whoever holds one is named, and never killed."),
    Field::new("log_size", Kind::Size, "When its log is set aside; at least \"64KiB\", default \"10MiB\"."),
    Field::new("log_keep", Kind::Integer(0, 1000), "How many old logs stay; default 5."),
    Field::new("redact", Kind::Texts, "Patterns of what must not stand in its log."),
];

/// A service as the file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSettings {
    /// What runs, and how.
    pub spec: ServiceSpec,
    /// The check that says whether it works.
    pub check: Option<CheckId>,
}

/// Reads one service. `environment` is that of the project.
pub(super) fn read(
    context: &mut Context<'_, '_>,
    path: &str,
    entry: &Entry,
    environment: Option<&std::path::Path>,
) -> Option<ServiceSettings> {
    let folder = context.folder.to_owned();
    let (mut reader, id) = begin(context, path, entry, SERVICE)?;
    let (how, run) = how(&mut reader)?;
    let check: Option<CheckId> = reader.parsed("check").pop();
    let default = ServiceSpec::child(id, run);
    let ready = match (reader.choice("ready", READY).as_deref(), &check) {
        (Some("notify"), _) => Ready::Notify,
        (Some("check") | None, Some(check)) => Ready::Check(check.clone()),
        (Some("check"), None) => {
            reader.problem("ready", "is `check`, but there is no `check`");
            Ready::AtOnce
        }
        _ => Ready::AtOnce,
    };
    let signal = reader.text("stop_signal").map(|text| text.parse());
    if let Some(Err(error)) = &signal {
        reader.problem("stop_signal", format!("{error}"));
    }
    let mut log = default.log.clone();
    log.max_size = reader.size("log_size").unwrap_or(log.max_size);
    log.keep = reader.integer("log_keep").and_then(|keep| u32::try_from(keep).ok()).unwrap_or(log.keep);
    log.patterns = reader.texts("redact").unwrap_or_default();
    let wait = |reader: &mut Reader<'_, '_, '_>, key: &str, default: Duration| reader.duration(key).unwrap_or(default);
    let spec = ServiceSpec {
        how,
        ready,
        depends_on: reader.parsed("depends_on"),
        environment: reader.path("environment").or_else(|| environment.map(|path| folder.join(path))),
        folder: reader.path("folder").or(Some(folder)),
        variables: reader.texts_by_name("variables").unwrap_or_default(),
        inherit: reader.texts("inherit").unwrap_or_default(),
        user: reader.text("user"),
        start_timeout: wait(&mut reader, "start_timeout", default.start_timeout),
        stop_timeout: wait(&mut reader, "stop_timeout", default.stop_timeout),
        stop_signal: signal.and_then(Result::ok).unwrap_or(default.stop_signal),
        ports: ports(&mut reader),
        log,
        ..default
    };
    if let Err(error) = spec.validate() {
        reader.problem("", error.to_string());
    }
    Some(ServiceSettings { spec, check })
}

/// The one way in which it is run.
fn how(reader: &mut Reader<'_, '_, '_>) -> Option<(How, Vec<String>)> {
    let ways: Vec<&str> = ["run", "unit", "start"].into_iter().filter(|key| reader.has(key)).collect();
    match ways.as_slice() {
        ["run"] => Some((How::Child, reader.command("run")?)),
        ["unit"] => {
            let own = reader.boolean("user_unit").unwrap_or(false);
            let manager = if own { UnitManager::User } else { UnitManager::System };
            Some((How::Unit { name: reader.text("unit")?, manager }, Vec::new()))
        }
        ["start"] => {
            reader.require("stop");
            reader.require("status");
            let (start, stop, status) = (reader.command("start")?, reader.command("stop")?, reader.command("status")?);
            Some((How::Commands(Commands { start, stop, status }), Vec::new()))
        }
        [] => {
            reader.problem("", "says not what runs: add `run`, `unit` or `start`");
            None
        }
        several => {
            reader.problem("", format!("has `{}`: make a service of each", several.join("` and `")));
            None
        }
    }
}

fn ports(reader: &mut Reader<'_, '_, '_>) -> Vec<u16> {
    let mut ports = Vec::new();
    for text in reader.codes("ports").unwrap_or_default() {
        match text.parse() {
            Ok(port) if port > 0 => ports.push(port),
            _ => reader.problem("ports", format!("`{text}` is no port: write a number from 1 to 65535")),
        }
    }
    ports
}
