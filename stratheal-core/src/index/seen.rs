//! Which hash each file had when it was first seen, so that a file that changes under its name is noticed.
//!
//! Indexes promise that a file never changes. When one does, either the index was rebuilt, or somebody put other code under a
//! name that people have pinned; only a person can tell.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use super::ProjectPage;
use crate::base::redact::safe_url;
use crate::objects::ContentId;

/// The most files of a project that are remembered; beyond it the longest unseen ones are forgotten.
const MOST_FILES: usize = 200_000;

/// What is remembered about the files of one project of one source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Vec<Sighting>")]
pub struct SeenFiles {
    files: BTreeMap<String, SeenFile>,
}

/// What is remembered about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// Its hash.
    pub sha256: ContentId,
    /// Where it was: the server, as a safe URL. Thousands of files of a page share it.
    pub at: Arc<str>,
    /// When it was seen first with this hash.
    pub when: Timestamp,
}

/// Files that were seen first at the same time and place, as they are kept.
#[derive(Deserialize)]
struct Sighting {
    at: String,
    when: Timestamp,
    files: BTreeMap<String, ContentId>,
}

impl From<Vec<Sighting>> for SeenFiles {
    fn from(sightings: Vec<Sighting>) -> Self {
        let mut files = BTreeMap::new();
        for Sighting { at, when, files: seen } in sightings {
            let at: Arc<str> = at.into();
            let seen = seen.into_iter().map(|(name, sha256)| (name, SeenFile { sha256, at: Arc::clone(&at), when }));
            files.extend(seen);
        }
        Self { files }
    }
}

impl Serialize for SeenFiles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Sighting<'a> {
            at: &'a str,
            when: Timestamp,
            files: BTreeMap<&'a str, &'a ContentId>,
        }
        let mut sightings: BTreeMap<(&str, Timestamp), BTreeMap<&str, &ContentId>> = BTreeMap::new();
        for (name, seen) in &self.files {
            sightings.entry((&seen.at, seen.when)).or_default().insert(name, &seen.sha256);
        }
        serializer.collect_seq(sightings.into_iter().map(|((at, when), files)| Sighting { at, when, files }))
    }
}

/// A file whose hash changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "sha256 {now} at {now_at}, but {} was seen at {} on {}: when you know why, `stratheal index accept {file} {now}`, or set \
     `immutable = false` for this source",
    before.sha256, before.at, before.when
)]
pub struct ChangedHash {
    /// Its name.
    pub file: String,
    /// The hash that is offered now.
    pub now: ContentId,
    /// Where, as a safe URL.
    pub now_at: String,
    /// What was seen before.
    pub before: SeenFile,
}

impl SeenFiles {
    /// What is remembered about a file.
    #[must_use]
    pub fn get(&self, file_name: &str) -> Option<&SeenFile> {
        self.files.get(file_name)
    }

    /// Remembers the hash of a file, such as one that was found by getting it because the page gives none.
    pub fn insert(&mut self, file_name: &str, seen: SeenFile) {
        self.files.insert(file_name.to_owned(), seen);
        self.forget_beyond(MOST_FILES);
    }

    /// The files of a page whose hash is not the one that was seen before.
    #[must_use]
    pub fn changes(&self, page: &ProjectPage) -> Vec<ChangedHash> {
        let changed = page.files.iter().filter_map(|file| {
            let now = file.hashes.sha256?;
            let before = self.files.get(&file.name).filter(|before| before.sha256 != now)?;
            Some(ChangedHash {
                file: file.name.clone(),
                now,
                now_at: safe_url(file.url.as_str()),
                before: before.clone(),
            })
        });
        changed.collect()
    }

    /// The files of a page, by number, that have no hash now but had one before. Leaving a hash out must not be a way around
    /// the comparison.
    #[must_use]
    pub fn missing_hashes(&self, page: &ProjectPage) -> Vec<(usize, ContentId)> {
        let without = page.files.iter().enumerate().filter(|(_, file)| file.hashes.sha256.is_none());
        without.filter_map(|(at, file)| Some((at, self.files.get(&file.name)?.sha256))).collect()
    }

    /// Remembers every file of a page that has a hash. One that is no longer listed stays remembered.
    pub fn remember(&mut self, page: &ProjectPage, now: Timestamp) {
        let mut place: Option<(&Url, Arc<str>)> = None;
        for file in &page.files {
            let Some(sha256) = file.hashes.sha256 else { continue };
            if self.files.get(&file.name).is_none_or(|before| before.sha256 != sha256) {
                let at = match &place {
                    Some((url, at)) if is_same_server(url, &file.url) => Arc::clone(at),
                    _ => server(&file.url),
                };
                place = Some((&file.url, Arc::clone(&at)));
                let seen = SeenFile { sha256, at, when: now };
                self.files.insert(file.name.clone(), seen);
            }
        }
        self.forget_beyond(MOST_FILES);
    }

    fn forget_beyond(&mut self, most: usize) {
        if self.files.len() <= most {
            return;
        }
        let mut times: Vec<Timestamp> = self.files.values().map(|seen| seen.when).collect();
        times.sort_unstable();
        let surplus = self.files.len() - most;
        let last = times[surplus - 1];
        let mut left = surplus;
        self.files.retain(|_, seen| {
            let goes = left > 0 && seen.when <= last;
            left -= usize::from(goes);
            !goes
        });
    }
}

fn server(url: &Url) -> Arc<str> {
    safe_url(&url[..url::Position::BeforePath]).into()
}

fn is_same_server(one: &Url, other: &Url) -> bool {
    one[..url::Position::BeforePath] == other[..url::Position::BeforePath]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Answer, MemberAnswer, Merged, PageContext, PageLimits, RefusedReason, Trust, merge};

    fn time(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// An offer of these files, each with the text that stands for its content; an empty one for a file without a hash.
    fn offer(files: &[(&str, &str)]) -> crate::index::Offer {
        let url = url::Url::parse("https://me:pw@index.example/simple/").unwrap();
        let context = PageContext { project: "six".parse().unwrap(), base: url.clone(), limits: PageLimits::default() };
        let files = files.iter().map(|(name, content)| {
            let hashes = if content.is_empty() {
                serde_json::json!({})
            } else {
                serde_json::json!({"sha256": ContentId::of(content.as_bytes())})
            };
            serde_json::json!({"filename": name, "url": name, "hashes": hashes})
        });
        let body = serde_json::json!({"files": files.collect::<Vec<_>>()}).to_string();
        let page = ProjectPage::from_json(body.as_bytes(), &context).unwrap().page;
        let answer = Answer::Page(page.into());
        match merge(vec![MemberAnswer { url, trust: Trust::Pages, answer }]) {
            Merged::Offer(offer) => offer,
            other => panic!("{other:?}"),
        }
    }

    fn names(offer: &crate::index::Offer) -> Vec<&str> {
        offer.page.files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn a_changed_file_is_refused_until_it_is_accepted() {
        let mut seen = SeenFiles::default();
        offer(&[("a.whl", "1"), ("b.whl", "2")]).compare(&mut seen, time(1), |_, _| false);
        let mut second = offer(&[("a.whl", "x"), ("b.whl", "2"), ("c.whl", "3")]);
        second.compare(&mut seen, time(2), |_, _| false);
        assert_eq!(names(&second), ["b.whl", "c.whl"]);
        assert_eq!(second.locations("c.whl")[0].url.path(), "/simple/c.whl");
        let RefusedReason::Changed(change) = &second.refused[0].reason else { panic!("changed") };
        assert_eq!((change.before.when, change.now), (time(1), ContentId::of(b"x")));
        let text = second.refused[0].reason.to_string();
        assert!(text.contains(&ContentId::of(b"1").to_string()) && !text.contains("pw"), "{text}");
        // It stays refused, also where it vanished meanwhile, and another change than the accepted one is none.
        offer(&[]).compare(&mut seen, time(3), |_, _| false);
        let mut third = offer(&[("a.whl", "x")]);
        third.compare(&mut seen, time(4), |name, hash| name == "a.whl" && *hash == ContentId::of(b"y"));
        assert_eq!(names(&third), [""; 0]);
        let mut accepted = offer(&[("a.whl", "x")]);
        accepted.compare(&mut seen, time(5), |name, hash| name == "a.whl" && *hash == ContentId::of(b"x"));
        assert_eq!(names(&accepted), ["a.whl"]);
        // From now on the new one is the known one.
        let mut back = offer(&[("a.whl", "1")]);
        back.compare(&mut seen, time(6), |_, _| false);
        assert_eq!(names(&back), [""; 0]);
    }

    #[test]
    fn a_hash_that_is_left_out_is_put_back() {
        let mut seen = SeenFiles::default();
        offer(&[("a.whl", "1")]).compare(&mut seen, time(1), |_, _| false);
        let mut second = offer(&[("a.whl", ""), ("b.whl", "")]);
        second.compare(&mut seen, time(2), |_, _| false);
        let hashes: Vec<_> = second.page.files.iter().map(|file| file.hashes.sha256).collect();
        assert_eq!(hashes, [Some(ContentId::of(b"1")), None]);
        assert_eq!(second.locations("b.whl").len(), 1);
    }

    #[test]
    fn kept_as_json_and_bounded() {
        let mut seen = SeenFiles::default();
        for second in 0..5 {
            let file = SeenFile { sha256: ContentId::of(b"1"), at: "https://index.example".into(), when: time(second) };
            seen.insert(&format!("{second}.whl"), file);
        }
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<SeenFiles>(&text).unwrap(), seen);
        seen.forget_beyond(2);
        assert_eq!(seen.files.keys().collect::<Vec<_>>(), ["3.whl", "4.whl"]);
    }
}
