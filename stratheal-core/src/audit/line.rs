//! A record as a line: made, and understood.
//!
//! The hash covers the exact bytes of the line without its own field, which stands last: what is verified is what stands in the file,
//! not what a parser makes of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::head::{Head, RecordHash};
use super::record::{Actor, Record};

/// The version of the format that is written.
pub(super) const VERSION: u64 = 1;

/// The longest line that is read. The longest that is written is shorter: texts of a record are at most 15 KiB, and control characters
/// take six bytes.
pub(super) const MAX_LINE: usize = 128 * 1024;

/// A record as it stands in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of the format.
    pub v: u64,
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// Why.
    pub why: String,
    /// The hash of the plan that was carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// More facts.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub detail: Map<String, Value>,
    /// The hash of the record before.
    pub prev: RecordHash,
    /// Its own hash.
    pub hash: RecordHash,
}

impl Entry {
    /// The head of a log that ends with this record.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash }
    }
}

/// The same without the hash, in the order in which it is written.
#[derive(Serialize)]
struct Body<'a> {
    v: u64,
    seq: u64,
    at: Timestamp,
    actor: &'a Actor,
    action: &'a str,
    subject: &'a str,
    why: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    detail: &'a Map<String, Value>,
    prev: RecordHash,
}

const FIELD: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";
/// How many bytes at the end of a line are its hash.
const TAIL: usize = FIELD.len() + RecordHash::LENGTH + END.len();

/// The line of a record that follows `previous`, its line feed included, and the head it makes.
pub(super) fn encode(previous: Head, record: &Record) -> Result<(Vec<u8>, Head), serde_json::Error> {
    let seq = previous.seq.saturating_add(1);
    let mut line = serde_json::to_vec(&Body {
        v: VERSION,
        seq,
        at: record.at,
        actor: &record.actor,
        action: &record.action,
        subject: &record.subject,
        why: &record.why,
        plan_hash: record.plan_hash.as_deref(),
        outcome: record.outcome.as_deref(),
        detail: &record.detail,
        prev: previous.hash,
    })?;
    let hash = RecordHash::chained(previous.hash, &line);
    line.pop();
    line.extend_from_slice(FIELD);
    line.extend_from_slice(hash.to_string().as_bytes());
    line.extend_from_slice(END);
    line.push(b'\n');
    Ok((line, Head { seq, hash }))
}

/// What a line is.
#[derive(Debug)]
pub(super) enum Line {
    /// A record whose hash fits.
    Sound(Box<Entry>),
    /// A record whose hash does not fit.
    Edited(Box<Entry>),
    /// A record of a later version.
    TooNew(u64),
    /// Something else.
    Alien,
}

/// Understands a line without its line feed.
pub(super) fn parse(line: &[u8]) -> Line {
    #[derive(Deserialize)]
    struct Version {
        v: u64,
    }
    if line.len() > MAX_LINE {
        return Line::Alien;
    }
    let Ok(entry) = serde_json::from_slice::<Entry>(line) else {
        return match serde_json::from_slice::<Version>(line) {
            Ok(Version { v }) if v > VERSION => Line::TooNew(v),
            _ => Line::Alien,
        };
    };
    let Some((body, tail)) = line.len().checked_sub(TAIL).map(|at| line.split_at(at)) else { return Line::Alien };
    let Some(hash) = tail.strip_prefix(FIELD).and_then(|tail| tail.strip_suffix(END)) else { return Line::Alien };
    let computed = RecordHash::chained(entry.prev, &[body, b"}"].concat());
    if hash != entry.hash.to_string().as_bytes() || entry.hash != computed {
        return Line::Edited(Box::new(entry));
    }
    if entry.v > VERSION { Line::TooNew(entry.v) } else { Line::Sound(Box::new(entry)) }
}

/// The version of a line, whether or not the rest is understood.
pub(super) fn later_version(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Version {
        v: u64,
    }
    serde_json::from_slice::<Version>(line).ok().map(|line| line.v).filter(|version| *version > VERSION)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::ActorKind;

    fn record(why: &str) -> Record {
        let actor = Actor::new(ActorKind::Person, "me");
        Record::new(Timestamp::UNIX_EPOCH, actor, "done", "a").why(why).detail("k", vec![1, 2]).outcome("well")
    }

    #[test]
    fn the_format_is_this_one() {
        let (line, _) = encode(Head::default(), &record("r")).unwrap();
        let text = String::from_utf8(line).unwrap();
        let zeros = "0".repeat(64);
        let expected = format!(
            r#"{{"v":1,"seq":1,"at":"1970-01-01T00:00:00Z","actor":{{"kind":"person","name":"me"}},"action":"done","subject":"a","why":"r","outcome":"well","detail":{{"k":[1,2]}},"prev":"{zeros}","hash":""#
        );
        assert!(text.starts_with(&expected), "{text}");
    }

    #[test]
    fn the_longest_record_can_be_read() {
        let odd = "\u{1}".repeat(100_000);
        let mut record = record(&odd).outcome(odd.clone()).plan_hash(odd.clone()).detail("d", "\u{1}".repeat(1300));
        record.subject.clone_from(&odd);
        record.actor.name = odd;
        let (line, _) = encode(Head::default(), &record.fit().unwrap()).unwrap();
        assert!(line.len() < MAX_LINE / 2, "{}", line.len());
        assert!(matches!(parse(&line[..line.len() - 1]), Line::Sound(_)));
    }

    #[test]
    fn later_versions_are_told_apart() {
        assert!(matches!(parse(br#"{"v":2,"anything":1}"#), Line::TooNew(2)));
        assert!(matches!(parse(br#"{"v":1,"anything":1}"#), Line::Alien));
        assert_eq!(later_version(br#"{"v":7}"#), Some(7));
    }

    proptest! {
        #[test]
        fn every_record_comes_back(why in "\\PC{0,40}", seq in 0_u64..1 << 60) {
            let previous = Head { seq, hash: RecordHash::of(b"p") };
            let (line, head) = encode(previous, &record(&why)).unwrap();
            let Line::Sound(entry) = parse(&line[..line.len() - 1]) else { panic!("not sound") };
            prop_assert_eq!(entry.head(), head);
            prop_assert_eq!((entry.why, entry.prev), (why, previous.hash));
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..1000, byte: u8) {
            drop(parse(&bytes));
            let (mut line, _) = encode(Head::default(), &record("r")).unwrap();
            line.pop();
            let at = at % line.len();
            let is_changed = line[at] != byte;
            line[at] = byte;
            prop_assert!(!is_changed || !matches!(parse(&line), Line::Sound(_)));
            drop(parse(&line[..at]));
            later_version(&line[..at]);
        }
    }
}
