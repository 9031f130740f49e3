//! `stratheal index prune`.

use std::process::ExitCode;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use stratheal_core::base::clock::{Clock, SystemClock};
use stratheal_core::model::quantity::show_bytes;
use stratheal_core::objects::GcPolicy;
use stratheal_core::workspace::Workspace;

use super::{store, stored};
use crate::args::{PlainFormat, PruneOptions};
use crate::count::show_count;
use crate::failure::Failure;
use crate::output;

pub(super) fn run(workspace: &Workspace, options: &PruneOptions) -> Result<ExitCode, Failure> {
    let policy = policy(options, workspace.index().max_size)?;
    let (store, now) = (store(workspace)?, SystemClock.now());
    let before = store.usage().map_err(|error| stored(&error))?.bytes();
    let (objects, freed, busy) = if options.plan {
        let going = store.gc_plan(&policy, &[], now).map_err(|error| stored(&error))?;
        (going.len(), going.iter().map(|object| object.bytes).sum(), false)
    } else {
        let report = store.gc(&policy, &[], now).map_err(|error| stored(&error))?;
        (report.objects.len(), report.bytes(), report.busy)
    };
    let kept_bytes = before.saturating_sub(freed);
    let spared = if policy.max_bytes.is_some_and(|most| kept_bytes > most) {
        // What is left in spite of the limit is so for a reason: here that it may be in use.
        let any = GcPolicy { grace: SignedDuration::ZERO, ..policy.clone() };
        let going = store.gc_plan(&any, &[], now).map_err(|error| stored(&error))?;
        let old = if options.plan { objects } else { 0 };
        going.len().saturating_sub(old)
    } else {
        0
    };
    let text = match options.format {
        PlainFormat::Json => {
            let plan = options.plan;
            let report = json!({
                "version": 1, "plan": plan, "before_bytes": before, "freed_bytes": freed, "objects": objects, "busy": busy,
                "spared_objects": spared,
            });
            format!("{report:#}")
        }
        PlainFormat::Human => {
            let would = if options.plan { "would be dropped" } else { "dropped" };
            let busy = if busy { "; some is still in use, try again later" } else { "" };
            let spared = match spared {
                0 => String::new(),
                spared => {
                    let spared = show_count(spared, "object");
                    format!("; {spared} above the limit kept: used less than an hour ago, so only --all drops that")
                }
            };
            let objects = show_count(objects, "object");
            format!("{objects} {would}, {} of {}{busy}{spared}", show_bytes(freed as f64), show_bytes(before as f64))
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn policy(options: &PruneOptions, configured: Option<u64>) -> Result<GcPolicy, Failure> {
    if options.all {
        // Whoever says "all" means what was used just now, too, and what was begun.
        let zero = SignedDuration::ZERO;
        return Ok(GcPolicy { max_bytes: Some(0), grace: zero, partials: zero, ..GcPolicy::default() });
    }
    let max_age = options.older_than.map(signed);
    let max_bytes = options.max_size.or(if max_age.is_none() { configured } else { None });
    if max_age.is_none() && max_bytes.is_none() {
        let text = "prune until when? Say --max-size, --older-than or --all, or set `max_size` under [index]";
        return Err(Failure::Usage(text.to_owned()));
    }
    Ok(GcPolicy { max_bytes, max_age, ..GcPolicy::default() })
}

/// More than fits is for ever.
fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
