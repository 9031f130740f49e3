//! What transfers learn about members, beyond how well they are: whether they know ranges, and whether more connections help.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most members that are remembered.
const MOST: usize = 1000;

/// How a member behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Habit {
    /// It answers ranges wrongly or not at all.
    pub(super) no_ranges: bool,
    /// So many connections for one file were worth it the last time.
    pub(super) connections: Option<usize>,
}

/// The habits of all members, by name.
#[derive(Debug, Default)]
pub(super) struct Habits {
    by_member: Mutex<HashMap<String, Habit>>,
}

impl Habits {
    pub(super) fn of(&self, member: &str) -> Habit {
        self.by_member.lock().unwrap_or_else(PoisonError::into_inner).get(member).copied().unwrap_or_default()
    }

    pub(super) fn learn(&self, member: &str, change: impl FnOnce(&mut Habit)) {
        let mut by_member = self.by_member.lock().unwrap_or_else(PoisonError::into_inner);
        if by_member.len() >= MOST && !by_member.contains_key(member) {
            // Learning all of it again costs a few requests.
            by_member.clear();
        }
        change(by_member.entry(member.to_owned()).or_default());
    }
}
