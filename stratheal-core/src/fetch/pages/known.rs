//! What is known of a project at one source, merged and ready to be handed out.

use std::sync::Arc;

use jiff::Timestamp;
use url::Url;

use super::record::Record;
use super::seen::Memory;
use crate::fetch::{ChangedFile, Freshness, Page};
use crate::index::{Merged, Offer, RefusedReason, Source, merge};
use crate::objects::ContentId;

/// A record with what follows from it.
#[derive(Debug)]
pub(in crate::fetch) struct Known {
    pub(super) record: Record,
    pub(super) state: State,
    /// What is remembered about its files, this page included.
    pub(super) memory: Memory,
    /// The members by number, as the locations of the offer count them.
    members: Vec<Url>,
}

/// What the members say together.
#[derive(Debug)]
pub(super) enum State {
    Page(Box<Offer>, Page),
    Missing,
    /// Not enough of them have said anything.
    Unknown,
}

impl Known {
    /// Merges what the members said, and compares it with what is remembered.
    pub(super) fn new(record: Record, mut memory: Memory, source: &Source, now: Timestamp) -> Self {
        let answers = record.answers(source);
        let members = answers.iter().map(|answer| answer.url.clone()).collect();
        let state = match merge(answers) {
            Merged::Missing => State::Missing,
            Merged::Unknown(_) => State::Unknown,
            Merged::Offer(mut offer) => {
                if source.immutable {
                    let accepted = memory.accepted.clone();
                    offer.compare(&mut memory.seen, now, |file, hash| accepted.get(file) == Some(hash));
                } else {
                    memory.seen.remember(&offer.page, now);
                }
                let refused = offer.refused.iter().map(|file| (file.name.clone(), file.reason.to_string())).collect();
                let page = Page {
                    source: source.name.as_str().into(),
                    page: offer.page.clone(),
                    freshness: Freshness::Fresh,
                    refused,
                };
                State::Page(Box::new(offer), page)
            }
        };
        Self { record, state, memory, members }
    }

    pub(super) fn is_fresh(&self, source: &Source, now: Timestamp) -> bool {
        !matches!(self.state, State::Unknown) && self.record.is_fresh(source, now)
    }

    /// The page as it is now, if there is one.
    pub(super) fn page(&self) -> Option<Page> {
        match &self.state {
            State::Page(_, page) => Some(page.clone()),
            State::Missing | State::Unknown => None,
        }
    }

    /// The page although it could not be had again.
    pub(super) fn old_page(&self, why: &str) -> Option<Page> {
        let since = self.record.since().unwrap_or(Timestamp::UNIX_EPOCH);
        Some(Page { freshness: Freshness::Stale { since, why: why.to_owned() }, ..self.page()? })
    }

    /// The change for which a file with this hash is refused, if it is.
    pub(in crate::fetch) fn change(&self, file_name: &str, hash: &ContentId) -> Option<ChangedFile> {
        let State::Page(offer, _) = &self.state else { return None };
        let change = offer.refused.iter().find_map(|file| match &file.reason {
            RefusedReason::Changed(change) if file.name == file_name && change.now == *hash => Some(change),
            _ => None,
        })?;
        Some(ChangedFile {
            file: change.file.clone(),
            now: change.now,
            now_at: change.now_at.clone(),
            before: change.before.sha256,
            before_at: change.before.at.to_string(),
            before_when: change.before.when,
        })
    }

    /// Where a file of the page is: the base URL of a member, and the URL there.
    pub(in crate::fetch) fn locations(&self, file_name: &str) -> Vec<(Url, Url)> {
        let State::Page(offer, _) = &self.state else { return Vec::new() };
        let place = |location: crate::index::Location| Some((self.members.get(location.member)?.clone(), location.url));
        offer.locations(file_name).into_iter().filter_map(place).collect()
    }

    /// About how much memory it takes.
    pub(super) fn size(&self) -> usize {
        // Measured: a file of a page takes 0.6 to 1.1 KiB, and a merged page repeats those of its members.
        let files = match &self.state {
            State::Page(offer, _) => offer.page.files.len(),
            State::Missing | State::Unknown => 0,
        };
        let sent: usize = self.record.members.iter().map(|member| member.said.bytes()).sum();
        1024 + files * 1024 * (self.members.len() + 1) + sent
    }
}

/// Shared by everybody who reads it.
pub(in crate::fetch) type SharedKnown = Arc<Known>;
