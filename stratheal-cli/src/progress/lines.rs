//! Progress as lines, for logs and for whoever has no terminal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use stratheal_core::fetch::{Event, FileOrigin};
use stratheal_core::model::quantity::{show_bytes, show_seconds};
use tokio::time::Instant;

/// How often a long transfer is mentioned.
const EVERY: Duration = Duration::from_secs(10);
/// As many transfers and members as are told apart.
const MOST: usize = 256;

/// Which lines are printed when. Pure: time and events go in, lines come out.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    verbose: bool,
    transfers: BTreeMap<String, Transfer>,
    /// Members whose trouble was told: once is enough without `--verbose`.
    told: BTreeSet<String>,
}

#[derive(Debug)]
struct Transfer {
    began: Instant,
    next: Instant,
    from: u64,
    received: u64,
    size: Option<u64>,
}

impl Lines {
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose, ..Self::default() }
    }

    /// Takes an event in; the lines to print.
    pub(crate) fn add(&mut self, event: &Event, now: Instant) -> Vec<String> {
        match event {
            Event::FileStarted { file, size, resumed_at } => {
                if self.transfers.len() < MOST {
                    let transfer = Transfer {
                        began: now,
                        next: now + EVERY,
                        from: *resumed_at,
                        received: *resumed_at,
                        size: *size,
                    };
                    self.transfers.insert(file.clone(), transfer);
                }
                let resumed = show_bytes(*resumed_at as f64);
                (*resumed_at > 0).then(|| format!("{file}: {resumed} are there already")).into_iter().collect()
            }
            Event::FileProgress { file, received } => {
                if let Some(transfer) = self.transfers.get_mut(file) {
                    transfer.received = transfer.received.max(*received);
                }
                Vec::new()
            }
            Event::FileDone { file, size, origin, took, .. } => {
                self.transfers.remove(file);
                self.done(file, *size, origin, *took).into_iter().collect()
            }
            Event::Failed { wanted, reason, .. } => {
                self.transfers.remove(wanted);
                vec![format!("{wanted}: {reason}")]
            }
            Event::Trouble { member, wanted, problem, next } => {
                let first = self.told.len() < MOST && self.told.insert(member.clone());
                (first || self.verbose).then(|| format!("{wanted}: {member} {problem}; {next}")).into_iter().collect()
            }
            Event::Member { member, usable, reason } => {
                let what = if *usable { "is used again" } else { "is left alone" };
                vec![format!("{member} {what}: {reason}")]
            }
            Event::Refused { file, reason } => vec![format!("{file} is refused: {reason}")],
            _ => Vec::new(),
        }
    }

    fn done(&self, file: &str, size: u64, origin: &FileOrigin, took: Duration) -> Option<String> {
        let bytes = show_bytes(size as f64);
        match origin {
            FileOrigin::Store => self.verbose.then(|| format!("{file}: {bytes}, from the cache")),
            FileOrigin::Members(hosts) => {
                let time = show_seconds(took.as_secs_f64());
                Some(format!("{file}: {bytes} in {time}, from {}", hosts.join(" and ")))
            }
        }
    }

    /// The lines that are due without an event.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<String> {
        let due = self.transfers.iter_mut().filter(|(_, transfer)| now >= transfer.next);
        due.map(|(file, transfer)| {
            transfer.next = now + EVERY;
            format!("{file}: {}", transfer.standing(now))
        })
        .collect()
    }
}

impl Transfer {
    fn standing(&self, now: Instant) -> String {
        let seconds = now.duration_since(self.began).as_secs_f64().max(0.001);
        let rate = self.received.saturating_sub(self.from) as f64 / seconds;
        let received = show_bytes(self.received as f64);
        let Some(size) = self.size.filter(|size| *size > 0) else {
            return format!("{received}, {}/s", show_bytes(rate));
        };
        let percent = self.received as f64 / size as f64 * 100.0;
        let left = size.saturating_sub(self.received) as f64;
        let left = if rate > 0.0 { format!(", {} left", show_seconds(left / rate)) } else { String::new() };
        format!("{percent:.0}% of {}, {}/s{left}", show_bytes(size as f64), show_bytes(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_long_transfer_is_mentioned_now_and_then() {
        let mut lines = Lines::new(false);
        let began = Instant::now();
        let file = || "a.whl".to_owned();
        let started = Event::FileStarted { file: file(), size: Some(100 << 20), resumed_at: 0 };
        assert!(lines.add(&started, began).is_empty());
        assert!(lines.due(began + EVERY / 2).is_empty());
        lines.add(&Event::FileProgress { file: file(), received: 50 << 20 }, began);
        let due = lines.due(began + EVERY);
        assert_eq!(due, ["a.whl: 50% of 100.0MiB, 5.0MiB/s, 10.0s left"]);
        assert!(lines.due(began + EVERY).is_empty());
        let origin = FileOrigin::Members(vec!["a".to_owned()]);
        let done = Event::FileDone { file: file(), size: 5, origin, transferred: 5, took: Duration::from_secs(1) };
        assert_eq!(lines.add(&done, began).len(), 1);
        assert!(lines.due(began + EVERY * 9).is_empty());
    }

    #[tokio::test]
    async fn the_same_trouble_is_told_once() {
        let trouble = Event::Trouble {
            member: "http://a/".to_owned(),
            wanted: "six".to_owned(),
            problem: "answered 503".to_owned(),
            next: "another one is asked".to_owned(),
        };
        let now = Instant::now();
        let mut lines = Lines::new(false);
        assert_eq!(lines.add(&trouble, now), ["six: http://a/ answered 503; another one is asked"]);
        assert!(lines.add(&trouble, now).is_empty());
        assert_eq!(Lines::new(true).add(&trouble, now).len(), 1);
    }
}
