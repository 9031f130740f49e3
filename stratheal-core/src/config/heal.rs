//! `[heal.CHECK]`: what is tried when a check fails.

use std::time::Duration;

use super::field::{Field, Kind};
use super::node::Entry;
use super::reader::{Context, Reader, begin};
use crate::healing::{Approval, GlobalLimits, HealPolicy};
use crate::model::CheckId;
use crate::model::plan::Risk;

const APPROVALS: &[&str] = &["auto", "confirm", "manual"];
pub(super) const RISKS: &[&str] = &["observe", "local", "disruptive", "destructive"];

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

pub(super) const HEALING: &[Field] = &[
    Field::new("max_per_hour", Kind::Integer(1, 4000), "How many attempts there may be in an hour; default 240."),
    Field::new("at_once", Kind::Integer(1, 64), "How many attempts there may be at the same time; default 4."),
    Field::new("approval_valid", Kind::Duration, "How long an approval may be given, and used; default \"1h\"."),
    Field::new("relapse", Kind::Duration, "A check that fails again so soon is the same incident; default \"10m\"."),
];

/// What is tried when a check fails.
#[derive(Debug, Clone, PartialEq)]
pub struct HealSettings {
    /// The check.
    pub check: CheckId,
    /// The policy; remedies have the names of the file.
    pub policy: HealPolicy,
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
    policy.ceiling = risk(&mut reader, "ceiling").unwrap_or(policy.ceiling);
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

/// Nobody reads a plan in less.
const SHORTEST_APPROVAL: Duration = Duration::from_mins(1);

/// Reads what holds for all checks together.
pub(super) fn global(reader: &mut Reader<'_, '_, '_>) -> GlobalLimits {
    let mut limits = GlobalLimits::default();
    let most = reader.integer("max_per_hour").and_then(|count| u32::try_from(count).ok());
    limits.intensity.most = most.unwrap_or(limits.intensity.most);
    let at_once = reader.integer("at_once").and_then(|count| usize::try_from(count).ok());
    limits.at_once = at_once.unwrap_or(limits.at_once);
    limits.approval_valid = reader.duration("approval_valid").unwrap_or(limits.approval_valid);
    if limits.approval_valid < SHORTEST_APPROVAL {
        reader.problem("approval_valid", "is less than a minute: nobody could approve anything");
    }
    limits.relapse = reader.duration("relapse").unwrap_or(limits.relapse);
    limits
}

pub(super) fn risk(reader: &mut Reader<'_, '_, '_>, key: &str) -> Option<Risk> {
    match reader.choice(key, RISKS)?.as_str() {
        "observe" => Some(Risk::Observe),
        "local" => Some(Risk::Local),
        "disruptive" => Some(Risk::Disruptive),
        _ => Some(Risk::Destructive),
    }
}
