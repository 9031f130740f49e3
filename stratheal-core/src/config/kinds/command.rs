//! `command`.

use std::ffi::OsString;

use super::{Build, CheckType, judged};
use crate::checks::command::{Command, CommandOptions, DEFAULT_CRIT, DEFAULT_WARN};
use crate::config::field::{Field, Kind};
use crate::config::reader::Reader;

pub(in crate::config) const FIELD: Field =
    Field::new("command", Kind::CommandOr(FIELDS), "A Nagios plugin, or any command whose exit code is 0 to 3.");

pub(super) const TYPE: CheckType = CheckType {
    name: FIELD.name,
    warn: DEFAULT_WARN,
    crit: DEFAULT_CRIT,
    metrics: None,
    facts: &["exit_code", "output"],
    build,
};

const FIELDS: &[Field] = &[
    Field::new("run", Kind::Command, "The program and its arguments."),
    Field::new("env", Kind::TextsByName, "Variables for it; secrets as { env = \"NAME\" } or { file = \"path\" }."),
    Field::new("pass_env", Kind::Texts, "Variables it gets from this program's environment."),
    Field::new("folder", Kind::Text, "The folder it starts in; default that of this file."),
    Field::new("output_limit", Kind::Size, "How much of its output is read; default \"4KiB\"."),
    Field::new("grace", Kind::Duration, "How long it may clean up after SIGTERM when its time is over; default none."),
];

fn build(reader: &mut Reader<'_, '_, '_>) -> Option<Build> {
    const MOST: u64 = 1024 * 1024;
    reader.section(FIELD.name, |reader| {
        reader.require("run");
        let environment = reader.texts_by_name("env").unwrap_or_default();
        let folder = reader.path("folder").unwrap_or_else(|| reader.context.folder.to_owned());
        let limit = reader.size("output_limit");
        if limit.is_some_and(|limit| limit > MOST) {
            reader.problem("output_limit", "is more than 1MiB, which is more than a report keeps");
        }
        let (inherit, grace) = (reader.texts("pass_env").unwrap_or_default(), reader.duration("grace"));
        let argv = reader.command("run")?;
        let (program, arguments) = argv.split_first()?;
        // A relative path means the one beside the configuration; a bare name is looked up.
        let beside = program.contains('/');
        let program: OsString = if beside { reader.context.folder.join(program).into() } else { program.into() };
        let default = CommandOptions::new(program, arguments);
        let options = CommandOptions {
            inherit,
            environment: environment.into_iter().map(|(name, value)| (name, value.expose().into())).collect(),
            folder: Some(folder),
            output_limit: limit.map_or(default.output_limit, |limit| limit as usize),
            grace: grace.unwrap_or(default.grace),
            ..default
        };
        Some(judged(Command::new(options)))
    })?
}
