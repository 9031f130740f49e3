//! `[heal.CHECK]`: what is tried when a check fails, and `[remedies.NAME]`: remedies of one's own.

use std::time::Duration;

use super::field::{Field, Kind};
use super::node::Entry;
use super::reader::{Context, Reader, begin};
use crate::healing::{Approval, HealPolicy};
use crate::model::plan::Risk;
use crate::model::{CheckId, RemedyId};

const APPROVALS: &[&str] = &["auto", "confirm", "manual"];
const RISKS: &[&str] = &["observe", "local", "disruptive", "destructive"];

pub(super) const HEAL: &[Field] = &[
    Field::new("ladder", Kind::Texts, "Remedies in the order in which they are tried."),
    Field::new(
        "approval",
        Kind::Choice(APPROVALS),
        "Who decides: \"auto\", \"confirm\" or \"manual\"; default \"auto\".",
    ),
    Field::new("ceiling", Kind::Choice(RISKS), "Remedies that may break more are not begun; default \"disruptive\"."),
    Field::new("windows", Kind::Texts, "The only times in which something is done, such as \"daily 02:00-04:00\"."),
    Field::new("guards", Kind::Texts, "Checks that must pass afterwards, beside those that passed before."),
    Field::new("tries", Kind::Integer(1, 100), "How often each remedy is tried; default 1, and 3 for restart-service."),
    Field::new("timeout", Kind::Duration, "How long a remedy may take; default \"10m\"."),
    Field::new("verify_timeout", Kind::Duration, "How long the check has until it passes; default \"30s\"."),
    Field::new("probation", Kind::Duration, "How long it must go on passing; default \"30s\"."),
    Field::new("passes", Kind::Integer(1, 100), "How many passes in a row are wanted; default 2."),
    Field::new("first_pause", Kind::Duration, "The first pause between attempts, which doubles; default \"1s\"."),
    Field::new("longest_pause", Kind::Duration, "The longest pause between attempts; default \"5m\"."),
    Field::new("max_per_hour", Kind::Integer(1, 3600), "How many attempts there may be in an hour; default 60."),
];

pub(super) const REMEDY: &[Field] = &[
    Field::new("run", Kind::Command, "The command that is run."),
    Field::new("undo", Kind::Command, "The command that takes it back."),
    Field::new("probe", Kind::Command, "A command that ends with 0 when it was done, and with 1 when not."),
    Field::new("folder", Kind::Text, "The folder it starts in; default that of this file."),
    Field::new("timeout", Kind::Duration, "How long it may take; default \"1m\"."),
    Field::new("risk", Kind::Choice(RISKS), "How much it may break; default \"disruptive\"."),
];

/// What is tried when a check fails.
#[derive(Debug, Clone, PartialEq)]
pub struct HealSettings {
    /// The check.
    pub check: CheckId,
    /// The policy; remedies have the names of the file.
    pub policy: HealPolicy,
}

/// A remedy of one's own: a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemedySettings {
    /// Its name.
    pub id: RemedyId,
    /// The command.
    pub run: Vec<String>,
    /// What takes it back.
    pub undo: Option<Vec<String>>,
    /// What tells whether it was done.
    pub probe: Option<Vec<String>>,
    /// The folder it starts in.
    pub folder: std::path::PathBuf,
    /// How long it may take.
    pub timeout: Duration,
    /// How much it may break.
    pub risk: Risk,
}

/// Reads what is tried for one check.
pub(super) fn read(context: &mut Context<'_, '_>, path: &str, entry: &Entry) -> Option<HealSettings> {
    let (mut reader, check) = begin::<CheckId>(context, path, entry, HEAL)?;
    let mut policy = HealPolicy::ladder(reader.parsed("ladder"));
    if reader.has("ladder") && policy.ladder.is_empty() {
        reader.problem("ladder", "is empty: leave it out, or name a remedy");
    }
    policy.windows = reader.parsed("windows");
    policy.guards = reader.parsed("guards");
    let count = |reader: &mut Reader<'_, '_, '_>, key: &str| reader.integer(key).and_then(|n| u32::try_from(n).ok());
    if let Some(tries) = count(&mut reader, "tries") {
        policy.ladder.iter_mut().for_each(|rung| rung.tries = tries);
    }
    if let Some(timeout) = reader.duration("timeout") {
        policy.ladder.iter_mut().for_each(|rung| rung.timeout = timeout);
    }
    policy.approval = match reader.choice("approval", APPROVALS).as_deref() {
        Some("confirm") => Approval::Confirm,
        Some("manual") => Approval::Manual,
        _ => Approval::Auto,
    };
    policy.ceiling = risk(&mut reader, "ceiling", policy.ceiling);
    let verification = &mut policy.verification;
    verification.timeout = reader.duration("verify_timeout").unwrap_or(verification.timeout);
    verification.probation = reader.duration("probation").unwrap_or(verification.probation);
    verification.passes = count(&mut reader, "passes").unwrap_or(verification.passes);
    let pauses = &mut policy.back_off;
    pauses.first = reader.duration("first_pause").unwrap_or(pauses.first);
    pauses.longest = reader.duration("longest_pause").unwrap_or(pauses.longest);
    policy.intensity.most = count(&mut reader, "max_per_hour").unwrap_or(policy.intensity.most);
    Some(HealSettings { check, policy })
}

/// Reads one remedy.
pub(super) fn read_remedy(context: &mut Context<'_, '_>, path: &str, entry: &Entry) -> Option<RemedySettings> {
    let folder = context.folder.to_owned();
    let (mut reader, id) = begin::<RemedyId>(context, path, entry, REMEDY)?;
    reader.require("run");
    Some(RemedySettings {
        id,
        run: reader.command("run")?,
        undo: reader.command("undo"),
        probe: reader.command("probe"),
        folder: reader.path("folder").unwrap_or(folder),
        timeout: reader.duration("timeout").unwrap_or(Duration::from_mins(1)),
        risk: risk(&mut reader, "risk", Risk::Disruptive),
    })
}

fn risk(reader: &mut Reader<'_, '_, '_>, key: &str, default: Risk) -> Risk {
    match reader.choice(key, RISKS).as_deref() {
        Some("observe") => Risk::Observe,
        Some("local") => Risk::Local,
        Some("disruptive") => Risk::Disruptive,
        Some("destructive") => Risk::Destructive,
        _ => default,
    }
}
