//! Results as documents, for programs: what `--format json` prints, and what other languages read.

use serde_json::{Value, json};

use super::engine::Outcome;
use super::repair::{RepairPlan, Repaired};
use super::request::Planned;
use super::verify::Verified;

impl Planned {
    /// What was planned, and what was done of it.
    #[must_use]
    pub fn document(&self, outcome: Option<&Outcome>) -> Value {
        json!({
            "environment": self.root,
            "resolved_by": self.resolved_by,
            "to_fetch": self.to_fetch,
            "to_build": self.to_build,
            "bytes_to_fetch": self.bytes_to_fetch,
            "actions": outcome.map_or(&self.actions, |outcome| &outcome.actions),
            "done": outcome.map(|outcome| json!({ "applied": outcome.applied, "recovered": outcome.recovered })),
        })
    }
}

impl Outcome {
    /// What was done where nothing had to be planned.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({ "environment": self.root, "actions": self.actions, "applied": self.applied })
    }
}

impl Verified {
    /// What was found.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "environment": self.root,
            "whole": self.is_whole(),
            "projects": self.projects,
            "files": self.files,
            "hashed": self.hashed,
            "bytes_hashed": self.bytes_hashed,
            "findings": self.findings,
            "left_out": self.left_out,
        })
    }
}

impl RepairPlan {
    /// What would be put back.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "environment": self.root,
            "whole": self.verified.is_whole(),
            "repairs": self.repairs,
            "relinks": self.relinks,
            "allowances": self.allowances,
            "removals": self.removals,
            "findings": self.verified.findings,
        })
    }
}

impl Repaired {
    /// What was put back.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "environment": self.root,
            "whole": self.verified.is_whole(),
            "mended": self.mended,
            "relinked": self.relinked,
            "allowed": self.allowed,
            "removed": self.removed,
            "unmended": self.unmended,
            "also_damaged": self.also_damaged,
            "recovered": self.recovered,
            "findings": self.verified.findings,
        })
    }
}
