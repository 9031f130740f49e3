//! `[remedies.NAME]`: remedies of one's own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::field::{Field, Kind};
use super::heal::{RISKS, risk};
use super::node::Entry;
use super::reader::{Context, Reader, begin};
use crate::base::clock::SystemClock;
use crate::contract::Remedy;
use crate::model::RemedyId;
use crate::model::plan::Risk;
use crate::remedies::free_disk::{Files, FreeDisk, FreeDiskRule, PackageCache, Swept};
use crate::remedies::{CommandToRun, RunAs, RunCommand};
use crate::service::user;

/// Remedies that are there without being described.
pub(super) const BUILT_IN: &[&str] =
    &["restart-service", "repair-environment", "rebuild-environment", "rollback-environment"];
/// Only a remedy that frees space may be called so: it acts also when nothing can be written down.
const FREE_DISK: &str = "free-disk";
const WHAT: &[&str] = &["files", "bytecode", "empty-folders", "packages"];
/// How long a package may lie unused unless told otherwise.
const UNUSED: Duration = Duration::from_hours(30 * 24);

pub(super) const REMEDY: &[Field] = &[
    Field::new("run", Kind::Command, "The command that is run."),
    Field::new("undo", Kind::Command, "With run: the command that takes it back."),
    Field::new("probe", Kind::Command, "With run: a command that ends with 0 when it was done, and with 1 when not."),
    Field::new("folder", Kind::Text, "With run: the folder it starts in; default that of this file."),
    Field::new("timeout", Kind::Duration, "With run: how long it may take; default \"1m\"."),
    Field::new("user", Kind::Text, "With run: the user it runs as; needs root."),
    Field::new("risk", Kind::Choice(RISKS), "With run: how much it may break; default \"disruptive\"."),
    Field::new("delete", Kind::Tables(RULE), "Instead of run: what may go to make room, by rules with names."),
    Field::new("sequence", Kind::Texts, "Instead of run: other remedies, one after the other."),
];

const RULE: &[Field] = &[
    Field::new("folder", Kind::Text, "The folder below which something may go; it stays itself."),
    Field::new(
        "what",
        Kind::Choice(WHAT),
        "\"files\", \"bytecode\", \"empty-folders\" or \"packages\"; default \"files\".",
    ),
    Field::new("names", Kind::Texts, "Which files: patterns such as \"*.log.*\"."),
    Field::new("older_than", Kind::Duration, "Only what did not change for so long."),
    Field::new("keep", Kind::Integer(0, 1_000_000), "So many of the newest files stay; default 0."),
    Field::new("min_size", Kind::Size, "Only files of at least this size."),
    Field::new("open_files", Kind::Boolean, "Whether files may go that a process has open; default false."),
    Field::new("risk", Kind::Choice(RISKS), "Default: \"destructive\" for files, \"local\" for the rest."),
];

/// A remedy of one's own.
#[derive(Debug, Clone)]
pub struct RemedySettings {
    /// Its name.
    pub id: RemedyId,
    /// What it does.
    pub does: OwnRemedy,
}

/// What a remedy of one's own does.
#[derive(Debug, Clone)]
pub enum OwnRemedy {
    /// What it says itself: it runs a command, or frees space.
    Itself(Arc<dyn Remedy>),
    /// Other remedies, one after the other. None of them is a sequence.
    Sequence(Vec<RemedyId>),
}

/// Reads one remedy.
pub(super) fn read(context: &mut Context<'_, '_>, path: &str, entry: &Entry) -> Option<RemedySettings> {
    let folder = context.folder.to_owned();
    let (mut reader, id) = begin::<RemedyId>(context, path, entry, REMEDY)?;
    let ways: Vec<&str> = ["run", "delete", "sequence"].into_iter().filter(|key| reader.has(key)).collect();
    if let ["delete" | "sequence"] = ways.as_slice() {
        for key in ["undo", "probe", "folder", "timeout", "user", "risk"] {
            if reader.has(key) {
                reader.problem(key, "belongs to `run`, and there is none");
            }
        }
    }
    let does = match ways.as_slice() {
        ["run"] => OwnRemedy::Itself(Arc::new(command(&mut reader, id.clone(), folder)?)),
        ["delete"] => OwnRemedy::Itself(Arc::new(free_disk(&mut reader, id.clone())?)),
        ["sequence"] => OwnRemedy::Sequence(reader.parsed("sequence")),
        [] => {
            reader.problem("", "says not what is done: add `run`, `delete` or `sequence`");
            return None;
        }
        several => {
            reader.problem("", format!("has `{}`: make a remedy of each", several.join("` and `")));
            return None;
        }
    };
    if BUILT_IN.contains(&id.as_str()) {
        reader.problem("", "is there already: choose another name");
    }
    if id.as_str().split('/').next() == Some(FREE_DISK) && ways != ["delete"] {
        reader.problem(
            "",
            format!("is called `{FREE_DISK}`, as only a remedy with `delete` may be: choose another name"),
        );
    }
    Some(RemedySettings { id, does })
}

fn command(reader: &mut Reader<'_, '_, '_>, id: RemedyId, folder: PathBuf) -> Option<RunCommand> {
    let mut command = CommandToRun::new(reader.command("run")?);
    let words = |words: Vec<String>| words.into_iter().map(Into::into).collect();
    command.undo = reader.command("undo").map(words);
    command.probe = reader.command("probe").map(words);
    command.folder = reader.path("folder").or(Some(folder));
    command.run_as = run_as(reader);
    command.timeout = reader.duration("timeout").unwrap_or(command.timeout);
    command.risk = risk(reader, "risk").unwrap_or(Risk::Disruptive);
    RunCommand::new(id, command).map_err(|error| reader.problem("", error.to_string())).ok()
}

/// The user that a command runs as, if one is named.
fn run_as(reader: &mut Reader<'_, '_, '_>) -> Option<RunAs> {
    let wanted = reader.text("user")?;
    match user::find(&wanted) {
        Ok(Some(found)) => return Some(RunAs { user: found.uid, group: found.gid }),
        Ok(None) => reader.problem("user", format!("there is no user `{wanted}` on this machine")),
        Err(error) => reader.problem("user", format!("cannot be looked up: {error}")),
    }
    None
}

fn free_disk(reader: &mut Reader<'_, '_, '_>, id: RemedyId) -> Option<FreeDisk> {
    // What is wrong with a rule has been said where it stands.
    let rules: Option<Vec<_>> = reader.sections("delete", rule).into_iter().collect();
    FreeDisk::new(id, rules?, Arc::new(SystemClock)).map_err(|error| reader.problem("delete", error.to_string())).ok()
}

/// Reads one rule. What is wrong with it as a whole, it says itself.
fn rule(name: &str, reader: &mut Reader<'_, '_, '_>) -> Option<FreeDiskRule> {
    let what = reader.choice("what", WHAT).unwrap_or_else(|| WHAT[0].to_owned());
    let cache = reader.context.lookup.cache.clone().filter(|_| what == "packages");
    if cache.is_none() {
        reader.require("folder");
    }
    let root = reader.path("folder").or(cache)?;
    let takes: &[&str] = match what.as_str() {
        "files" => &["names", "older_than", "keep", "min_size", "open_files"],
        "empty-folders" | "packages" => &["older_than"],
        _ => &[],
    };
    for key in ["names", "older_than", "keep", "min_size", "open_files"] {
        if reader.has(key) && !takes.contains(&key) {
            reader.problem(key, format!("means nothing for {what}"));
        }
    }
    let mut older_than = UNUSED;
    if takes.contains(&"older_than") && what != "packages" {
        reader.require("older_than");
    }
    if reader.has("older_than") {
        older_than = reader.duration("older_than")?;
    }
    let what = match what.as_str() {
        "bytecode" => Swept::Bytecode,
        "packages" => Swept::Cache(Arc::new(PackageCache::new(&root, older_than, Arc::new(SystemClock)))),
        "empty-folders" => Swept::EmptyFolders { older_than },
        _ => Swept::Files(Files {
            names: reader.parsed("names"),
            older_than,
            keep_newest: reader.integer("keep").and_then(|keep| usize::try_from(keep).ok()).unwrap_or(0),
            min_size: reader.size("min_size").unwrap_or(0),
            skip_open: !reader.boolean("open_files").unwrap_or(false),
        }),
    };
    let rule = FreeDiskRule { name: name.to_owned(), root, what, risk: risk(reader, "risk") };
    if let Err(error) = rule.check() {
        reader.problem("", error.why);
        return None;
    }
    Some(rule)
}
