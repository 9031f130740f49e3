//! What the members of one source say about a project, made into one offer.
//!
//! Members hold the same content, but not at the same time, and not always honestly. The rules:
//! - Only members with [`Trust::Pages`] say which files there are. One with [`Trust::Files`] adds places for known hashes.
//! - There is no such project only when every member that is believed says so. One that cannot be asked leaves it open.
//! - A page takes a file away that it lacks if it is surely not older than each page that has the file: both serials are known
//!   and its own is not smaller; or its own is known, the other's is not, and it is listed earlier. Without serials no page
//!   takes anything away, so that a stale mirror never hides a new version. What a lying trusted member adds cannot be told
//!   from a new version; that is what trust means.
//! - One name with two hashes is refused, with both of them.
//! - The URL that is shown for a file is that of the member that is listed first and has it, whichever page is newest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use url::Url;

use super::offer::{Answer, MemberAnswer, Merged, Offer, Place, RefusedFile, RefusedReason};
use super::page::{IndexFile, ProjectPage};
use super::{Hashes, Trust};
use crate::base::redact::safe_url;
use crate::objects::ContentId;

/// Merges the answers of the members of one source.
#[must_use]
pub fn merge(answers: Vec<MemberAnswer>) -> Merged {
    let believed = || answers.iter().filter(|answer| answer.trust == Trust::Pages);
    let listings: Vec<Listing<'_>> = answers.iter().enumerate().filter_map(Listing::new).collect();
    let Some(newest) = newest(&listings) else {
        let mut members = believed().peekable();
        if members.peek().is_some() && members.all(|member| matches!(member.answer, Answer::Missing)) {
            return Merged::Missing;
        }
        let failed = believed().filter_map(|member| match &member.answer {
            Answer::Failed(why) => Some((safe_url(member.url.as_str()), why.clone())),
            Answer::Missing | Answer::Page(_) => None,
        });
        return Merged::Unknown(failed.collect());
    };
    if let [only] = listings.as_slice() {
        let (page, only) = (Arc::clone(only.page), only.answer);
        return Merged::Offer(Offer::of_one(page, answers, only));
    }
    let (page, places, refused) = Merging { newest, listings: &listings }.run();
    Merged::Offer(Offer::of_several(page, refused, answers, places))
}

/// A page of a member.
#[derive(Debug)]
struct Listing<'a> {
    answer: usize,
    url: &'a Url,
    is_believed: bool,
    page: &'a Arc<ProjectPage>,
    /// Where in the page each name stands.
    names: HashMap<&'a str, usize>,
}

impl<'a> Listing<'a> {
    fn new((answer, member): (usize, &'a MemberAnswer)) -> Option<Self> {
        let Answer::Page(page) = &member.answer else { return None };
        let names = page.files.iter().enumerate().map(|(at, file)| (file.name.as_str(), at)).collect();
        Some(Self { answer, url: &member.url, is_believed: member.trust == Trust::Pages, page, names })
    }

    /// Whether this page's silence about a file outweighs the other page, which has it.
    fn takes_away(&self, other: &Self) -> bool {
        match (self.page.meta.last_serial, other.page.meta.last_serial) {
            (Some(own), Some(others)) => own >= others,
            (Some(_), None) => self.answer < other.answer,
            (None, _) => false,
        }
    }
}

/// The believed page with the largest serial; where one of two has none, the one that is listed first.
fn newest<'l, 'a>(listings: impl IntoIterator<Item = &'l Listing<'a>>) -> Option<&'l Listing<'a>> {
    listings.into_iter().filter(|listing| listing.is_believed).reduce(|best, next| {
        let serials = best.page.meta.last_serial.zip(next.page.meta.last_serial);
        if serials.is_some_and(|(best, next)| next > best) { next } else { best }
    })
}

/// A file as one page has it.
#[derive(Clone, Copy)]
struct Entry<'l, 'a> {
    listing: &'l Listing<'a>,
    at: usize,
}

impl<'l> Entry<'l, '_> {
    fn file(self) -> &'l IndexFile {
        &self.listing.page.files[self.at]
    }

    const fn place(self) -> Place {
        Place { answer: self.listing.answer, file: self.at }
    }
}

struct Merging<'l, 'a> {
    newest: &'l Listing<'a>,
    listings: &'l [Listing<'a>],
}

impl<'l, 'a> Merging<'l, 'a> {
    fn run(&self) -> (ProjectPage, Vec<Vec<Place>>, Vec<RefusedFile>) {
        let mut merged = self.head();
        let (mut places, mut refused) = (Vec::new(), Vec::new());
        let mut done: HashSet<&str> = HashSet::new();
        // The order of the newest page first, then what only others have.
        for file in std::iter::once(self.newest).chain(self.others()).flat_map(|listing| &listing.page.files) {
            if !done.insert(&file.name) {
                continue;
            }
            match self.file(&file.name) {
                Ok((file, found)) => {
                    merged.files.push(file);
                    places.push(found);
                }
                Err(reason) => refused.push(RefusedFile { name: file.name.clone(), reason }),
            }
        }
        (merged, places, refused)
    }

    /// The believed pages except the newest one.
    fn others(&self) -> impl Iterator<Item = &'l Listing<'a>> {
        let newest = self.newest.answer;
        self.listings.iter().filter(move |listing| listing.is_believed && listing.answer != newest)
    }

    /// Everything of the merged page but its files. It promises only what all believed pages promise.
    fn head(&self) -> ProjectPage {
        let page = self.newest.page;
        let mut head = ProjectPage {
            name: page.name.clone(),
            meta: page.meta.clone(),
            files: Vec::with_capacity(page.files.len()),
            versions: page.versions.clone(),
            status: page.status.clone(),
            alternate_locations: page.alternate_locations.clone(),
            unknown: page.unknown.clone(),
        };
        for other in self.others() {
            head.meta.api_version = head.meta.api_version.min(other.page.meta.api_version);
            head.versions = head.versions.zip(other.page.versions.as_ref()).map(|(mut all, more)| {
                let known: HashSet<String> = all.iter().cloned().collect();
                all.extend(more.iter().filter(|version| !known.contains(*version)).cloned());
                all
            });
        }
        head
    }

    /// One file: what is said about it, and where it is.
    fn file(&self, name: &str) -> Result<(IndexFile, Vec<Place>), RefusedReason> {
        let entries = || {
            let entry = |listing: &'l Listing<'a>| Some(Entry { listing, at: *listing.names.get(name)? });
            self.listings.iter().filter_map(entry)
        };
        let believed = || entries().filter(|entry| entry.listing.is_believed);
        let lacks = |listing: &&Listing<'_>| listing.is_believed && !listing.names.contains_key(name);
        let withdrawn = |listing: &Listing<'_>| RefusedReason::Withdrawn(safe_url(listing.url.as_str()));
        let outweighs = |listing: &&Listing<'_>| believed().all(|entry| listing.takes_away(entry.listing));
        if let Some(listing) = self.listings.iter().filter(lacks).find(outweighs) {
            return Err(withdrawn(listing));
        }
        let hash = agreed_hash(believed())?;
        let source = newest(believed().map(|entry| entry.listing)).ok_or_else(|| withdrawn(self.newest))?;
        let (mut first, mut agreeing, mut open) = (Vec::new(), Vec::new(), Vec::new());
        let mut file = source.page.files[source.names[name]].clone();
        for entry in entries() {
            if entry.listing.answer == source.answer {
                first.push(entry.place());
            } else if hash.is_some() && entry.file().hashes.sha256 == hash {
                agreeing.push(entry.place());
            } else if entry.listing.is_believed && may_be_same(&entry.file().hashes, &file.hashes) {
                // A trusted member that gives no SHA-256. With one known from elsewhere its bytes are checked all the same.
                open.push(entry.place());
            }
        }
        // The newest page may give no hash where another one does: then what arrives can be checked after all.
        file.hashes.sha256 = hash;
        first.append(&mut agreeing);
        first.append(&mut open);
        // Clients write it into their locks: it must not change with whose page is newer, or there at all.
        let has_place = |entry: &Entry<'_, '_>| first.iter().any(|place| place.answer == entry.listing.answer);
        if let Some(listed_first) = believed().find(has_place).filter(|entry| entry.listing.answer != source.answer) {
            file.url.clone_from(&listed_first.file().url);
        }
        Ok((file, first))
    }
}

/// The one hash that pages give for a file, if any gives one.
fn agreed_hash<'l, 'a: 'l>(entries: impl Iterator<Item = Entry<'l, 'a>>) -> Result<Option<ContentId>, RefusedReason> {
    let mut seen: Vec<(ContentId, String)> = Vec::new();
    for entry in entries {
        if let Some(hash) = entry.file().hashes.sha256
            && seen.iter().all(|(known, _)| *known != hash)
        {
            seen.push((hash, safe_url(entry.listing.url.as_str())));
        }
    }
    match seen.as_slice() {
        [] => Ok(None),
        [(hash, _)] => Ok(Some(*hash)),
        _ => Err(RefusedReason::Disagreement(seen)),
    }
}

/// Whether nothing that both give says that the contents differ.
fn may_be_same(a: &Hashes, b: &Hashes) -> bool {
    let differs = |(algorithm, digest)| b.others.get(algorithm).is_some_and(|other: &String| other != digest);
    !a.others.iter().any(differs)
}

#[cfg(test)]
mod tests;
