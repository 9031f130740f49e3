//! What a look at a rule shows, and what deleting came to.

use super::Amount;

/// What a rule is about now.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub(super) amount: Amount,
    /// Files whose names fit, and that stay for another reason.
    pub(super) kept: u64,
    /// Whether time and bounds sufficed for everything.
    pub(super) is_whole: bool,
    pub(super) linked: u64,
    pub(super) not_entered: u64,
    pub(super) unreadable: u64,
}

impl Look {
    /// What people should know besides.
    pub(super) fn remarks(&self) -> String {
        let mut remarks = counted(&[
            (self.linked, "have other names and are left"),
            (self.not_entered, "links and mounts are not gone into"),
            (self.unreadable, "could not be looked at"),
        ]);
        if !self.is_whole {
            remarks.push_str("; there is more than was looked at");
        }
        remarks
    }
}

/// Those that are not zero, one behind the other.
fn counted(counts: &[(u64, &str)]) -> String {
    let there = counts.iter().filter(|(count, _)| *count > 0);
    there.map(|(count, what)| format!("; {count} {what}")).collect::<Vec<_>>().concat()
}

/// What deleting came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    pub(super) removed: Amount,
    /// Left because a process has them open.
    pub(super) open: u64,
    /// Whether files of other users' processes could not be seen.
    pub(super) is_partly_blind: bool,
    /// Left because they were not what was found any more.
    pub(super) changed: u64,
    /// Gone already.
    pub(super) vanished: u64,
    /// Left because the plan did not count them.
    pub(super) beyond: u64,
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
    /// Whether the time was over.
    pub(super) is_cut_off: bool,
}

impl Outcome {
    /// What people should know besides.
    pub(super) fn remarks(&self) -> String {
        let mut remarks = counted(&[
            (self.open, "are open and were left"),
            (self.changed, "changed meanwhile and were left"),
            (self.beyond, "are more than planned and were left"),
            (self.failed, "could not be deleted"),
        ]);
        if let Some(failure) = &self.first_failure {
            remarks.extend([" (", failure, ")"]);
        }
        if self.is_partly_blind {
            remarks.push_str("; what processes of other users have open could not be seen");
        }
        if self.is_cut_off {
            remarks.push_str("; the time was over before all were deleted");
        }
        remarks
    }
}
