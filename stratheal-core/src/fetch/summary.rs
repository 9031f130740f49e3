//! What a fetcher's events add up to: the numbers and the reasons that stand in a report.
//!
//! Pure: events go in one by one, in any order. What it keeps is bounded; what does not fit is counted.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Cause, Event, FileOrigin};

/// The most names that are kept of each kind.
const MOST: usize = 200;

/// The sum of what happened.
///
/// ```
/// use stratheal_core::fetch::{Event, FileOrigin, Summary};
/// let mut summary = Summary::default();
/// let origin = FileOrigin::Members(vec!["mirror.example.com".to_owned()]);
/// let took = std::time::Duration::from_secs(1);
/// summary.add(&Event::FileDone { file: "a.whl".to_owned(), size: 10, origin, transferred: 12, took });
/// assert_eq!((summary.files.fetched, summary.bytes.transferred), (1, 12));
/// assert_eq!(summary.members["mirror.example.com"].files, 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Pages by how they were had.
    pub pages: Pages,
    /// Files by where they came from.
    pub files: Files,
    /// Bytes.
    pub bytes: Bytes,
    /// What each member did, by host.
    pub members: BTreeMap<String, MemberSummary>,
    /// Projects whose page was older than the index wants, because no member could be asked.
    pub stale: Vec<String>,
    /// Files that were refused, with the reason.
    pub refused: BTreeMap<String, String>,
    /// What could not be had in the end, and has not been had since.
    pub failures: BTreeMap<String, Missed>,
    /// Names that did not fit, and events that were missed because the listener was too slow.
    pub left_out: u64,
    #[serde(skip)]
    resumed: BTreeMap<String, u64>,
}

/// Pages by how they were had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pages {
    /// Fetched whole.
    pub fetched: u64,
    /// Asked for, and the same as before.
    pub unchanged: u64,
    /// Still fresh, so that nobody was asked.
    pub cached: u64,
    /// Kept from before, because nobody could be asked.
    pub stale: u64,
}

/// Files by where they came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// From members.
    pub fetched: u64,
    /// Out of the store.
    pub stored: u64,
    /// Fetched ones that continued an earlier transfer.
    pub resumed: u64,
}

/// Bytes of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Bytes {
    /// That crossed the network, repetitions included.
    pub transferred: u64,
    /// That did not have to, because the store had the file.
    pub saved_by_cache: u64,
    /// That did not have to, because an earlier transfer was continued.
    pub saved_by_resume: u64,
    /// That crossed the network more than once.
    pub repeated: u64,
}

/// What one member did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemberSummary {
    /// Files that came from it, wholly or in part.
    pub files: u64,
    /// How often it failed.
    pub troubles: u64,
    /// Its last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_trouble: Option<String>,
    /// Why it is left alone, while it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_alone: Option<String>,
}

/// Why something could not be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// The one word.
    pub cause: Cause,
    /// The whole reason.
    pub reason: String,
}

impl Summary {
    /// Adds what happened.
    pub fn add(&mut self, event: &Event) {
        match event {
            Event::Page { project, how, .. } => {
                self.failures.remove(project);
                match *how {
                    "fetched" => self.pages.fetched += 1,
                    "unchanged" => self.pages.unchanged += 1,
                    "stale" => self.stale_page(project),
                    _ => self.pages.cached += 1,
                }
            }
            Event::FileStarted { file, resumed_at, .. } if *resumed_at > 0 => {
                if self.resumed.len() < MOST {
                    self.resumed.insert(file.clone(), *resumed_at);
                } else {
                    self.left_out += 1;
                }
            }
            Event::FileDone { file, size, origin, transferred, .. } => self.file(file, *size, origin, *transferred),
            Event::Trouble { member, problem, .. } => {
                if let Some(member) = self.member(member) {
                    member.troubles += 1;
                    member.last_trouble = Some(problem.clone());
                }
            }
            Event::Member { member, usable, reason } => {
                if let Some(member) = self.member(member) {
                    member.left_alone = (!usable).then(|| reason.clone());
                }
            }
            Event::Refused { file, reason } => {
                self.left_out += u64::from(!keep(&mut self.refused, file, reason.clone()));
            }
            Event::Failed { wanted, cause, reason } => {
                let failure = Missed { cause: *cause, reason: reason.clone() };
                self.left_out += u64::from(!keep(&mut self.failures, wanted, failure));
            }
            Event::Metadata { .. } | Event::FileStarted { .. } | Event::FileProgress { .. } => {}
        }
    }

    /// Adds what another fetcher did after this one: what it had in the end is no failure any more.
    pub fn absorb(&mut self, later: Self) {
        let Self { pages, files, bytes, members, stale, refused, failures, left_out, resumed: _ } = later;
        self.pages.fetched += pages.fetched;
        self.pages.unchanged += pages.unchanged;
        self.pages.cached += pages.cached;
        self.pages.stale += pages.stale;
        self.files.fetched += files.fetched;
        self.files.stored += files.stored;
        self.files.resumed += files.resumed;
        self.bytes.transferred += bytes.transferred;
        self.bytes.saved_by_cache += bytes.saved_by_cache;
        self.bytes.saved_by_resume += bytes.saved_by_resume;
        self.bytes.repeated += bytes.repeated;
        self.left_out += left_out;
        for (host, other) in members {
            if let Some(member) = self.member(&host) {
                member.files += other.files;
                member.troubles += other.troubles;
                member.last_trouble = other.last_trouble.or(member.last_trouble.take());
                member.left_alone = other.left_alone;
            }
        }
        for project in stale {
            if !self.stale.contains(&project) && self.stale.len() < MOST {
                self.stale.push(project);
            }
        }
        for (file, reason) in refused {
            keep(&mut self.refused, &file, reason);
        }
        for (wanted, missed) in failures {
            keep(&mut self.failures, &wanted, missed);
        }
    }

    /// So many events were missed.
    pub const fn missed(&mut self, events: u64) {
        self.left_out = self.left_out.saturating_add(events);
    }

    /// How often any member failed.
    #[must_use]
    pub fn troubles(&self) -> u64 {
        self.members.values().map(|member| member.troubles).sum()
    }

    /// The cause that explains best why an installer failed, if there is one: damage before refusal before network. What does not
    /// exist explains nothing, because installers ask for many things that do not.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        const ORDER: [Cause; 5] = [Cause::Disk, Cause::Content, Cause::Denied, Cause::Network, Cause::Offline];
        // A file that was refused is not on its page, so that an installer asks for it no more and says that there is none.
        let was_refused = |cause| cause == Cause::Content && !self.refused.is_empty();
        ORDER
            .into_iter()
            .find(|cause| was_refused(*cause) || self.failures.values().any(|failure| failure.cause == *cause))
    }

    fn stale_page(&mut self, project: &String) {
        self.pages.stale += 1;
        if self.stale.contains(project) {
            return;
        }
        if self.stale.len() < MOST {
            self.stale.push(project.clone());
        } else {
            self.left_out += 1;
        }
    }

    fn file(&mut self, file: &str, size: u64, origin: &FileOrigin, transferred: u64) {
        self.failures.remove(file);
        let FileOrigin::Members(hosts) = origin else {
            self.files.stored += 1;
            self.bytes.saved_by_cache += size;
            return;
        };
        self.files.fetched += 1;
        self.bytes.transferred += transferred;
        let resumed = self.resumed.remove(file).unwrap_or(0).min(size);
        self.bytes.saved_by_resume += resumed;
        self.files.resumed += u64::from(resumed > 0);
        self.bytes.repeated += transferred.saturating_sub(size - resumed);
        for host in hosts {
            if let Some(member) = self.member(host) {
                member.files += 1;
            }
        }
    }

    fn member(&mut self, member: &str) -> Option<&mut MemberSummary> {
        let host = host(member);
        if !self.members.contains_key(host) && self.members.len() >= MOST {
            self.left_out += 1;
            return None;
        }
        Some(self.members.entry(host.to_owned()).or_default())
    }
}

fn keep<V>(map: &mut BTreeMap<String, V>, key: &str, value: V) -> bool {
    let room = map.len() < MOST || map.contains_key(key);
    if room {
        map.insert(key.to_owned(), value);
    }
    room
}

/// The host and port of a URL that is safe to show, or of a text that is nothing else.
fn host(member: &str) -> &str {
    let rest = member.split_once("://").map_or(member, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn done(file: &str, size: u64, transferred: u64) -> Event {
        let origin = FileOrigin::Members(vec!["a.example.com".to_owned()]);
        Event::FileDone { file: file.to_owned(), size, origin, transferred, took: Duration::ZERO }
    }

    fn failed(wanted: &str, cause: Cause) -> Event {
        Event::Failed { wanted: wanted.to_owned(), cause, reason: "because".to_owned() }
    }

    #[test]
    fn bytes_add_up() {
        let mut summary = Summary::default();
        summary.add(&Event::FileStarted { file: "a".to_owned(), size: Some(100), resumed_at: 60 });
        summary.add(&done("a", 100, 45));
        summary.add(&done("b", 10, 10));
        let stored = FileOrigin::Store;
        let took = Duration::ZERO;
        summary.add(&Event::FileDone { file: "c".to_owned(), size: 7, origin: stored, transferred: 0, took });
        let bytes = Bytes { transferred: 55, saved_by_cache: 7, saved_by_resume: 60, repeated: 5 };
        assert_eq!(summary.bytes, bytes);
        assert_eq!(summary.files, Files { fetched: 2, stored: 1, resumed: 1 });
        assert_eq!(summary.members["a.example.com"].files, 2);
    }

    #[test]
    fn what_was_had_in_the_end_is_no_cause() {
        let mut summary = Summary::default();
        summary.add(&failed("a", Cause::Network));
        summary.add(&failed("b", Cause::NotFound));
        assert_eq!(summary.cause(), Some(Cause::Network));
        summary.add(&failed("c", Cause::Content));
        assert_eq!(summary.cause(), Some(Cause::Content));
        summary.add(&done("a", 1, 1));
        summary.add(&done("c", 1, 1));
        assert_eq!(summary.cause(), None);
    }

    #[test]
    fn what_was_refused_is_a_cause() {
        let mut summary = Summary::default();
        summary.add(&Event::Refused { file: "six-1.tar.gz".to_owned(), reason: "changed".to_owned() });
        summary.add(&failed("six", Cause::Network));
        assert_eq!(summary.cause(), Some(Cause::Content));
    }

    #[test]
    fn a_member_is_one_whatever_it_is_called() {
        let mut summary = Summary::default();
        summary.add(&done("a", 1, 1));
        let member = "https://***@a.example.com/simple/".to_owned();
        let (wanted, problem, next) = ("b".to_owned(), "answered 503".to_owned(), "another".to_owned());
        summary.add(&Event::Trouble { member: member.clone(), wanted, problem, next });
        summary.add(&Event::Member { member: member.clone(), usable: false, reason: "often".to_owned() });
        let seen = &summary.members["a.example.com"];
        assert_eq!((seen.files, seen.troubles, seen.left_alone.as_deref()), (1, 1, Some("often")));
        summary.add(&Event::Member { member, usable: true, reason: "answers".to_owned() });
        assert_eq!((summary.members.len(), summary.members["a.example.com"].left_alone.clone()), (1, None));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let mut summary = Summary::default();
        for number in 0..10_000 {
            summary.add(&failed(&format!("file-{number}"), Cause::Network));
            summary.add(&Event::FileStarted { file: format!("file-{number}"), size: None, resumed_at: 1 });
        }
        assert_eq!((summary.failures.len(), summary.left_out), (MOST, 2 * (10_000 - MOST as u64)));
    }
}
