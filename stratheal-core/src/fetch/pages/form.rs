//! The form of a record on disk: a line of JSON about its members, then the pages as they were sent, one after the other.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::record::{MemberRecord, Record, Said};
use super::sent::Sent;
use crate::index::ProjectName;

/// The version of the form. A file of another version is as good as none.
const FORMAT: u32 = 2;

#[derive(Deserialize)]
struct Version {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    members: Vec<Member>,
}

#[derive(Serialize, Deserialize)]
struct Member {
    url: Url,
    is_believed: bool,
    /// Without one it said that there is no such project.
    page: Option<Page>,
    etag: Option<String>,
    last_modified: Option<String>,
    at: Timestamp,
    fresh_for: Duration,
}

#[derive(Serialize, Deserialize)]
struct Page {
    /// The length of its body.
    bytes: usize,
    content_type: Option<String>,
    base: Url,
    serial: Option<u64>,
}

/// Writes a record.
///
/// # Errors
/// None that is known: a head is plain JSON.
pub(super) fn write(record: &Record) -> io::Result<Vec<u8>> {
    let head = Head { format: FORMAT, members: record.members.iter().map(Member::of).collect() };
    let mut text = serde_json::to_vec(&head).map_err(io::Error::other)?;
    text.push(b'\n');
    let bodies = record.members.iter().filter_map(|member| match &member.said {
        Said::Page(_, sent) => Some(&sent.body),
        Said::Missing => None,
    });
    text.reserve_exact(bodies.clone().map(Bytes::len).sum());
    bodies.for_each(|body| text.extend_from_slice(body));
    Ok(text)
}

/// Reads a record of a project. One of another version is an empty one.
///
/// # Errors
/// What is damaged, for people.
pub(super) fn read(text: &Bytes, project: &ProjectName) -> Result<Record, String> {
    let Some((head, mut bodies)) = head(text)? else { return Ok(Record::default()) };
    let mut members = Vec::with_capacity(head.members.len());
    for member in head.members {
        let said = match &member.page {
            None => Said::Missing,
            Some(page) if page.bytes > bodies.len() => return Err("it is cut off".to_owned()),
            Some(page) => {
                let (content_type, base) = (page.content_type.clone(), page.base.clone());
                let sent = Sent { body: bodies.split_to(page.bytes), content_type, base, serial: page.serial };
                Said::Page(sent.read(project)?.0, sent)
            }
        };
        let Member { url: member, is_believed, etag, last_modified, at, fresh_for, .. } = member;
        members.push(MemberRecord { member, is_believed, said, etag, last_modified, at, fresh_for });
    }
    Ok(Record { members })
}

/// When something was said last. `None` for what cannot be read.
pub(super) fn newest(text: &Bytes) -> Option<Timestamp> {
    let (head, _) = head(text).ok()??;
    head.members.iter().map(|member| member.at).max()
}

/// The head, and what comes behind it. `None` when it is of another version.
fn head(text: &Bytes) -> Result<Option<(Head, Bytes)>, String> {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let read = |error: serde_json::Error| error.to_string();
    let version: Version = serde_json::from_slice(&text[..end]).map_err(read)?;
    if version.format != FORMAT {
        return Ok(None);
    }
    let head = serde_json::from_slice(&text[..end]).map_err(read)?;
    Ok(Some((head, text.slice((end + 1).min(text.len())..))))
}

impl Member {
    fn of(record: &MemberRecord) -> Self {
        let page = match &record.said {
            Said::Page(_, sent) => Some(Page {
                bytes: sent.body.len(),
                content_type: sent.content_type.clone(),
                base: sent.base.clone(),
                serial: sent.serial,
            }),
            Said::Missing => None,
        };
        Self {
            url: record.member.clone(),
            is_believed: record.is_believed,
            page,
            etag: record.etag.clone(),
            last_modified: record.last_modified.clone(),
            at: record.at,
            fresh_for: record.fresh_for,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn project() -> ProjectName {
        "demo".parse().unwrap()
    }

    fn record() -> Record {
        let page = |host: &str, content_type: &str, body: &'static str, serial| {
            let base: Url = format!("http://{host}/simple/demo/").parse().unwrap();
            let body = Bytes::from_static(body.as_bytes());
            let sent = Sent { body, content_type: Some(content_type.to_owned()), base: base.clone(), serial };
            MemberRecord {
                member: base,
                is_believed: true,
                said: Said::Page(sent.read(&project()).unwrap().0, sent),
                etag: Some("\"1\"".to_owned()),
                last_modified: None,
                at: Timestamp::from_second(5).unwrap(),
                fresh_for: Duration::from_secs(9),
            }
        };
        let json = r#"{"meta":{"api-version":"1.0"},"name":"demo","files":[{"filename":"demo-1.tar.gz","url":"x","hashes":{}}]}"#;
        let html = "<!DOCTYPE html>\n<a href=\"../y\">demo-2.tar.gz</a>\n";
        let mut missing = page("c.test", "text/html", html, None);
        missing.said = Said::Missing;
        let members = vec![
            page("a.test", "application/vnd.pypi.simple.v1+json", json, Some(7)),
            missing,
            page("b.test", "text/html", html, None),
        ];
        Record { members }
    }

    #[test]
    fn comes_back_as_it_was() {
        let record = record();
        let text = Bytes::from(write(&record).unwrap());
        let found = read(&text, &project()).unwrap();
        assert_eq!(found, record);
        let Said::Page(page, _) = &found.members[2].said else { panic!("a page") };
        assert_eq!(page.files[0].url.as_str(), "http://b.test/simple/y");
        assert_eq!(newest(&text), Timestamp::from_second(5).ok());
    }

    #[test]
    fn another_version_is_none() {
        for text in [r#"{"format":1,"members":[{"said":"Missing"}]}"#, "{\"format\":99}\n"] {
            assert_eq!(read(&Bytes::from(text), &project()), Ok(Record::default()), "{text}");
        }
    }

    proptest! {
        /// Whatever is on the disk is read or refused.
        #[test]
        fn never_panics(cut in 0_usize..2_000, at in 0_usize..2_000, byte: u8, noise in "\\PC{0,60}") {
            let mut text = write(&record()).unwrap();
            text.truncate(cut.min(text.len()));
            if let Some(place) = text.get_mut(at) {
                *place = byte;
            }
            for text in [Bytes::from(text), Bytes::from(noise)] {
                let _ = (read(&text, &project()), newest(&text));
            }
        }
    }
}
