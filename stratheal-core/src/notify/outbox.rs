//! Which message is due for whom, and when it is tried again. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::backoff::Backoff;
use crate::base::stamp::Stamp;
use crate::model::notification::{Notification, NotificationKind};

/// The most messages that wait; beyond it the oldest that is not about something given up goes first.
pub(super) const MOST: usize = 1000;
/// How long a message is tried.
pub(super) const LONGEST: Duration = Duration::from_hours(72);
/// The pauses between tries.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_mins(10));

/// What waits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Outbox {
    /// Oldest first.
    pub(super) entries: Vec<Entry>,
}

/// A message, and who has not taken it yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) message: Notification,
    pub(super) since: Stamp,
    pub(super) open: BTreeMap<String, Tries>,
}

/// How often a notifier was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Tries {
    pub(super) failed: u32,
    /// The last try, and how long to wait from then.
    pub(super) last: Option<Stamp>,
    #[serde(with = "crate::model::seconds")]
    pub(super) pause: Duration,
}

impl Tries {
    fn wait(&self, now: &Stamp) -> Duration {
        self.last.map_or(Duration::ZERO, |last| self.pause.saturating_sub(last.age(now)))
    }
}

impl Outbox {
    /// Takes a message for these notifiers. Answers a message that had to make room.
    pub(super) fn put(&mut self, message: Notification, notifiers: &[String], now: &Stamp) -> Option<Notification> {
        let open = notifiers.iter().map(|name| (name.clone(), Tries::default())).collect();
        self.entries.push(Entry { message, since: *now, open });
        if self.entries.len() <= MOST {
            return None;
        }
        let least = self.entries.iter().position(|entry| entry.message.kind != NotificationKind::GivenUp);
        Some(self.entries.remove(least.unwrap_or(0)).message)
    }

    /// The next message for a notifier that is due. One at a time and in order, so that nobody reads that it works before that it broke.
    pub(super) fn due(&self, notifier: &str, now: &Stamp) -> Option<&Notification> {
        let first = self.entries.iter().find(|entry| entry.open.contains_key(notifier))?;
        first.open[notifier].wait(now).is_zero().then_some(&first.message)
    }

    /// After how long something is due; `None` when nothing waits.
    pub(super) fn next(&self, notifier: &str, now: &Stamp) -> Option<Duration> {
        let first = self.entries.iter().find(|entry| entry.open.contains_key(notifier))?;
        Some(first.open[notifier].wait(now))
    }

    /// A notifier has taken a message, or never will.
    pub(super) fn done(&mut self, notifier: &str, id: u64) {
        for entry in self.entries.iter_mut().filter(|entry| entry.message.id == id) {
            entry.open.remove(notifier);
        }
        self.entries.retain(|entry| !entry.open.is_empty());
    }

    /// A notifier has not taken it. `random` between 0 and 1. Says whether it is given up.
    pub(super) fn failed(&mut self, notifier: &str, id: u64, said: Option<Duration>, random: f64, now: &Stamp) -> bool {
        let entry = self.entries.iter_mut().find(|entry| entry.message.id == id);
        let Some(entry) = entry else { return false };
        if entry.since.age(now) >= LONGEST {
            self.done(notifier, id);
            return true;
        }
        if let Some(tries) = entry.open.get_mut(notifier) {
            // At least half of the bound: somebody who is down is not asked at once.
            let own = PAUSES.pause(tries.failed, 0.5 + random / 2.0);
            *tries = Tries {
                failed: tries.failed.saturating_add(1),
                last: Some(*now),
                pause: own.max(said.unwrap_or_default()),
            };
        }
        false
    }

    /// Forgets notifiers that are not there any more.
    pub(super) fn keep_only(&mut self, notifiers: &[String]) {
        for entry in &mut self.entries {
            entry.open.retain(|name, _| notifiers.contains(name));
        }
        self.entries.retain(|entry| !entry.open.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::model::Status;

    fn at(seconds: u64) -> Stamp {
        Stamp { boot: 1, since_boot: Duration::from_secs(seconds), wall: Timestamp::UNIX_EPOCH }
    }

    fn message(id: u64, kind: NotificationKind) -> Notification {
        Notification {
            id,
            at: Timestamp::UNIX_EPOCH,
            kind,
            incident: None,
            check: None,
            status: Status::Critical,
            title: String::new(),
            text: String::new(),
            audit_head: None,
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn each_notifier_has_its_own_pace_and_order() {
        let mut outbox = Outbox::default();
        outbox.put(message(1, NotificationKind::Opened), &names(&["a", "b"]), &at(0));
        outbox.put(message(2, NotificationKind::Healed), &names(&["a", "b"]), &at(1));
        outbox.done("a", 1);
        assert!(!outbox.failed("b", 1, None, 1.0, &at(1)));
        assert_eq!((outbox.due("a", &at(1)).unwrap().id, outbox.due("b", &at(1))), (2, None));
        assert_eq!(outbox.next("b", &at(2)), Some(Duration::from_secs(4)));
        assert_eq!(outbox.due("b", &at(6)).unwrap().id, 1, "the first one first");
        outbox.failed("b", 1, Some(Duration::from_mins(20)), 0.0, &at(6));
        assert_eq!(outbox.next("b", &at(6)), Some(Duration::from_mins(20)), "as the server wishes");
        outbox.done("a", 2);
        outbox.keep_only(&names(&["a"]));
        assert!(outbox.entries.is_empty());
    }

    #[test]
    fn after_three_days_it_is_given_up() {
        let mut outbox = Outbox::default();
        outbox.put(message(1, NotificationKind::Opened), &names(&["a"]), &at(0));
        assert!(!outbox.failed("a", 1, None, 0.5, &at(72 * 3600 - 1)));
        assert!(outbox.failed("a", 1, None, 0.5, &at(72 * 3600)));
        assert!(outbox.entries.is_empty());
    }

    #[test]
    fn what_was_given_up_goes_last_when_there_is_too_much() {
        let mut outbox = Outbox::default();
        outbox.put(message(0, NotificationKind::GivenUp), &names(&["a"]), &at(0));
        let gone: Vec<u64> = (1..=MOST as u64 + 1)
            .filter_map(|id| outbox.put(message(id, NotificationKind::Opened), &names(&["a"]), &at(0)))
            .map(|message| message.id)
            .collect();
        assert_eq!((gone, outbox.entries.len(), outbox.entries[0].message.id), (vec![1, 2], MOST, 0));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_before_its_time_and_nothing_is_tried_without_a_pause(
            steps in prop::collection::vec((0_u64..2_000, any::<bool>(), 0.0_f64..1.0), 1..100),
        ) {
            let mut outbox = Outbox::default();
            outbox.put(message(1, NotificationKind::Opened), &names(&["a"]), &at(0));
            let (mut now, mut last, mut taken) = (0, None, false);
            for (passed, takes, random) in steps {
                now += passed;
                let Some(due) = outbox.due("a", &at(now)).map(|due| due.id) else { continue };
                prop_assert!(last.is_none_or(|last| now >= last + 2), "{last:?} {now}");
                last = Some(now);
                if takes {
                    outbox.done("a", due);
                    taken = true;
                } else if outbox.failed("a", due, None, random, &at(now)) {
                    prop_assert!(now >= LONGEST.as_secs());
                    taken = true;
                }
            }
            prop_assert_eq!(outbox.entries.is_empty(), taken);
            let text = serde_json::to_string(&outbox).unwrap();
            prop_assert_eq!(serde_json::from_str::<Outbox>(&text).unwrap(), outbox);
        }
    }
}
