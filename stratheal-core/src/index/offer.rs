//! What members answered, and what a source offers after it was made into one.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::Trust;
use super::page::ProjectPage;
use super::seen::{ChangedHash, SeenFiles};
use crate::objects::ContentId;

/// What one member said, in the order in which the source lists its members.
#[derive(Debug, Clone)]
pub struct MemberAnswer {
    /// Its base URL.
    pub url: Url,
    /// What it is believed about.
    pub trust: Trust,
    /// Its answer.
    pub answer: Answer,
}

/// The answer of a member.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A page.
    Page(Arc<ProjectPage>),
    /// There is no such project: 404.
    Missing,
    /// None, or none that can be believed; why, for people.
    Failed(String),
}

/// What a source offers.
#[derive(Debug, Clone)]
pub enum Merged {
    /// These files.
    Offer(Offer),
    /// There is no such project: everybody who is believed says so.
    Missing,
    /// It cannot be told: no page arrived, and not everybody says that there is none. Holds the members that failed, as safe
    /// URLs, with what they said.
    Unknown(Vec<(String, String)>),
}

/// The files of a project, and where each of them is.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The page, without what is refused. The URL of each file is that of the believed member that is listed first and has it.
    pub page: Arc<ProjectPage>,
    /// What is refused.
    pub refused: Vec<RefusedFile>,
    answers: Vec<MemberAnswer>,
    /// For each file of the page its places. Empty when there is but one answer, which is the page itself.
    places: Vec<Vec<Place>>,
    only: usize,
}

/// A file of an answer's page, both by number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) answer: usize,
    pub(super) file: usize,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The number of the member, counted from 0 as in the answers.
    pub member: usize,
    /// The URL. May hold credentials: show it by `safe_url` only.
    pub url: Url,
}

/// A file that is not offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedFile {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: RefusedReason,
}

/// Why a file is not offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedReason {
    /// Members give different hashes for it.
    #[error("its members disagree: sha256 {}", Seen(.0))]
    Disagreement(Vec<(ContentId, String)>),
    /// Its content changed under the same name.
    #[error(transparent)]
    Changed(Box<ChangedHash>),
    /// A page that is not older no longer has it.
    #[error("{0} no longer lists it, and its page is not older")]
    Withdrawn(String),
}

struct Seen<'a>(&'a [(ContentId, String)]);

impl std::fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (hash, at)) in self.0.iter().enumerate() {
            let separator = if index > 0 { ", but " } else { "" };
            write!(f, "{separator}{hash} at {at}")?;
        }
        Ok(())
    }
}

impl Offer {
    /// The page of one answer, as it is.
    pub(super) const fn of_one(page: Arc<ProjectPage>, answers: Vec<MemberAnswer>, only: usize) -> Self {
        Self { page, refused: Vec::new(), answers, places: Vec::new(), only }
    }

    /// A page that was merged, with the places of each of its files.
    pub(super) fn of_several(
        page: ProjectPage,
        refused: Vec<RefusedFile>,
        answers: Vec<MemberAnswer>,
        places: Vec<Vec<Place>>,
    ) -> Self {
        Self { page: Arc::new(page), refused, answers, places, only: 0 }
    }

    /// Where a file of the page is, best known first: the newest page's place, then those with the same hash, then those of
    /// trusted members that give no hash. Empty for a file that is not offered.
    #[must_use]
    pub fn locations(&self, file_name: &str) -> Vec<Location> {
        let Some(number) = self.page.files.iter().position(|file| file.name == file_name) else { return Vec::new() };
        let location = |place: &Place| match &self.answers[place.answer].answer {
            Answer::Page(page) => Some(Location { member: place.answer, url: page.files[place.file].url.clone() }),
            Answer::Missing | Answer::Failed(_) => None,
        };
        let single = [Place { answer: self.only, file: number }];
        self.places.get(number).map_or(&single[..], Vec::as_slice).iter().filter_map(location).collect()
    }
}

impl Offer {
    /// Compares the offer with what is remembered. A file that changed its hash is refused, unless `accepted` says that a person
    /// accepted this very change; a hash that is no longer given is put back. Then the offer is remembered.
    ///
    /// Not for a source that says `immutable = false`: what it offers is taken as it is, and [`SeenFiles::remember`]ed.
    pub fn compare(&mut self, seen: &mut SeenFiles, now: Timestamp, accepted: impl Fn(&str, &ContentId) -> bool) {
        let changed: Vec<ChangedHash> =
            seen.changes(&self.page).into_iter().filter(|change| !accepted(&change.file, &change.now)).collect();
        let missing = seen.missing_hashes(&self.page);
        if !changed.is_empty() || !missing.is_empty() {
            self.number_places();
            let page = Arc::make_mut(&mut self.page);
            for (at, hash) in missing {
                page.files[at].hashes.sha256 = Some(hash);
            }
            let names: HashSet<&str> = changed.iter().map(|change| change.file.as_str()).collect();
            let keep: Vec<bool> = page.files.iter().map(|file| !names.contains(file.name.as_str())).collect();
            retain(&mut page.files, &keep);
            retain(&mut self.places, &keep);
            self.refused.extend(changed.into_iter().map(|change| RefusedFile {
                name: change.file.clone(),
                reason: RefusedReason::Changed(Box::new(change)),
            }));
        }
        seen.remember(&self.page, now);
    }

    /// Writes down the places that are otherwise given by the order of the only page.
    fn number_places(&mut self) {
        if self.places.is_empty() {
            let place = |file| vec![Place { answer: self.only, file }];
            self.places = (0..self.page.files.len()).map(place).collect();
        }
    }
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    items.retain(|_| keep.next().is_none_or(|&keep| keep));
}
