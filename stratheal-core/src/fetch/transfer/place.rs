//! The places where the file may be had, as one transfer sees them; and who is asked next.

use std::future::pending;
use std::sync::Arc;

use tokio::time::Instant;

use super::lane::Phase;
use super::segments;
use super::state::Transfer;
use crate::fetch::failure::{Failure, FailureKind, Verdict};
use crate::fetch::member::{MemberView, choose};
use crate::fetch::places::MOST_PLACES;
use crate::fetch::shared::Location;
use crate::fetch::{Attempt, FetchError, MemberFailure};

/// A place.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) location: Location,
    /// The name of the member, safe to show.
    pub(super) name: Arc<str>,
    /// How often it failed, and how the last time.
    pub(super) times: u32,
    pub(super) last: Option<Failure>,
    /// It is not asked again.
    pub(super) is_out: bool,
    /// How often its file had another size than the one that is believed now.
    pub(super) other_sizes: u32,
    /// How often a file that came from it alone was wrong.
    pub(super) lied: u32,
}

impl Place {
    pub(super) fn new(location: Location) -> Self {
        let name = location.member.name().into();
        Self { location, name, times: 0, last: None, is_out: false, other_sizes: 0, lied: 0 }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.is_out && !self.has_other_size()
    }

    /// Its file is another one: once may be a broken answer.
    pub(super) fn has_other_size(&self) -> bool {
        self.other_sizes > 1
    }
}

impl Transfer {
    /// Looks for more places, unless that is being done: a page may have come meanwhile, or be on its way.
    pub(super) fn want_places(&mut self) {
        if self.awaits_more || self.places.len() >= MOST_PLACES {
            return;
        }
        let had: Vec<_> = self.places.iter().map(|place| place.location.clone()).collect();
        let places = self.wanted.places.clone();
        self.more = Box::pin(async move { places.more(&had).await });
        self.awaits_more = true;
    }

    /// Takes what was found. Pauses were for those that failed, not for those that are new.
    pub(super) fn take_places(&mut self, found: Vec<Location>, now: Instant) {
        self.more = Box::pin(pending());
        self.awaits_more = false;
        if !found.is_empty() {
            self.places.extend(found.into_iter().map(Place::new));
            self.rest = Box::pin(pending());
            self.not_before = now;
            // Nor need a silent connection be waited for any longer because asking the same member again was in vain.
            for lane in &mut self.lanes {
                (lane.challenges, lane.challenged) = (0, None);
            }
        }
    }

    /// Whether nobody is left who could bring the file, now or once a page has come.
    pub(super) fn is_hopeless(&self) -> bool {
        !self.awaits_more && !self.places.iter().any(Place::is_open)
    }

    /// A validator that may stand in `If-Range`: a strong tag, or a date. A date is taken although it may be weak, as files of an
    /// index do not change twice a second.
    pub(super) fn validator(&self) -> Option<String> {
        let tag = self.validators.etag.clone().filter(|tag| !tag.starts_with("W/"));
        tag.or_else(|| self.validators.last_modified.clone())
    }

    /// Whether this place may bring bytes from here on, without bringing those before them as well.
    pub(super) fn may_continue(&self, place: usize, from: u64) -> bool {
        let candidate = &self.places[place];
        let allowed = candidate.is_open() && self.trial.only.is_none_or(|only| only == place);
        let no_ranges = || self.habits.of(&candidate.name).no_ranges;
        allowed
            && match (self.wanted.expected, self.present.is_empty()) {
                (Some(_), _) => from == 0 || !no_ranges(),
                (None, true) => from == 0,
                // Without a hash only the server that began knows that it is the same file.
                (None, false) => self.is_same_server(place) && self.validator().is_some() && !no_ranges(),
            }
    }

    pub(super) fn is_same_server(&self, place: usize) -> bool {
        self.validators.from.as_deref() == Some(&*self.places[place].name)
    }

    /// The places that may continue from this byte, the best one first. One that is to be avoided comes last.
    pub(super) fn order(&self, from: u64, bytes: u64, avoid: Option<usize>, now: Instant) -> Vec<usize> {
        let eligible: Vec<_> = (0..self.places.len()).filter(|&place| self.may_continue(place, from)).collect();
        let view = |place: &usize| {
            let view = self.places[*place].location.member.view(now);
            MemberView { rate: view.rate.or_else(|| self.rate_so_far(*place, now)), ..view }
        };
        let views: Vec<_> = eligible.iter().map(view).collect();
        let mut order: Vec<_> = choose(&views, bytes, now).into_iter().map(|index| eligible[index]).collect();
        if let Some(place) = avoid.and_then(|avoid| order.iter().position(|&place| place == avoid)) {
            // But one that rests is no better.
            let usable = |place: &usize| self.places[*place].location.member.view(now).usable_at(now).is_none();
            let better = order[place + 1..].iter().filter(|place| usable(place)).count();
            order[place..=place + better].rotate_left(1);
        }
        order
    }

    /// The best rate of the connections to a place that has not delivered anything yet. Without it, one that answers at once and then
    /// is slow would get all the work.
    fn rate_so_far(&self, place: usize, now: Instant) -> Option<f64> {
        let lanes = self.lanes.iter().filter(|lane| lane.place == place && lane.phase == Phase::Body);
        let measured = lanes.filter(|lane| now.saturating_duration_since(lane.body_since) >= segments::MEASURE);
        measured.map(|lane| lane.window.rate(lane.received, now)).max_by(f64::total_cmp)
    }

    /// The hosts the file came from, most bytes first.
    pub(super) fn hosts(&self) -> Vec<String> {
        let mut bytes: Vec<(String, u64)> = Vec::new();
        for sent in &self.sent {
            let host = self.host(&sent.from);
            let length = sent.range.end - sent.range.start;
            match bytes.iter_mut().find(|(known, _)| *known == host) {
                Some((_, sum)) => *sum += length,
                None => bytes.push((host, length)),
            }
        }
        bytes.sort_by_key(|(_, length)| std::cmp::Reverse(*length));
        bytes.into_iter().map(|(host, _)| host).collect()
    }

    fn host(&self, member: &str) -> String {
        let place = self.places.iter().find(|place| *place.name == *member);
        let url = place.map_or_else(|| member.parse().ok(), |place| Some(place.location.url.clone()));
        let host = url.as_ref().and_then(|url: &url::Url| {
            let host = url.host_str()?;
            Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
        });
        host.unwrap_or_else(|| member.to_owned())
    }

    /// What each place did, for people.
    pub(super) fn attempts(&self) -> Vec<Attempt> {
        let tried = self.places.iter().filter_map(|place| {
            let failure = place.last.as_ref()?.to_public();
            Some(Attempt { member: place.name.to_string(), times: place.times, failure })
        });
        let mut attempts: Vec<_> = tried.collect();
        // One that never came to its turn is worth a word only when nobody else said anything.
        if attempts.is_empty() {
            let silent = |place: &Place| Attempt {
                member: place.name.to_string(),
                times: 1,
                failure: MemberFailure::Slow("did not answer".to_owned()),
            };
            attempts.extend(self.places.iter().map(silent));
        }
        attempts
    }

    /// Nobody is left to ask.
    pub(super) fn nobody_left(&self) -> FetchError {
        let wanted = self.wanted.file.clone();
        let verdict = |place: &Place| place.last.as_ref().map(Failure::verdict);
        let denied = self.places.iter().find_map(|place| match place.last.as_ref()?.kind {
            FailureKind::Status(status) if verdict(place) == Some(Verdict::Denied) => Some((place, status)),
            _ => None,
        });
        if let Some((place, status)) = denied {
            return FetchError::Denied { member: place.name.to_string(), wanted, status };
        }
        if !self.places.is_empty() && self.places.iter().all(|place| verdict(place) == Some(Verdict::Gone)) {
            let names: Vec<_> = self.places.iter().map(|place| &*place.name).collect();
            let reason = "it is listed, and every member says that it is gone".to_owned();
            return FetchError::NoSuchFile { file: wanted, source_name: names.join(", "), reason };
        }
        FetchError::Unavailable { wanted, attempts: self.attempts(), retry_after: None }
    }
}
