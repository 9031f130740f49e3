//! What follows from failures: who is asked next and when, and who is to blame for a file that is wrong.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::digest::OtherDigest;
use super::lane::{Lane, Phase};
use super::state::{SizeFrom, Transfer};
use crate::fetch::failure::{Failure, FailureKind, Verdict};
use crate::fetch::pause::{Pause, rest};
use crate::fetch::{FetchError, WrongDigest};
use crate::objects::ContentId;

/// With so many new bytes a connection was worth it, however it ended.
const WORTH: u64 = 16 * 1024;

/// So often a file may be wrong that came whole from a single member, before it is refused.
const WRONG_MOST: u32 = 2;

/// After so long without a byte a body is not expected to go on.
const STUCK: Duration = Duration::from_millis(1500);

/// What is wrong with a whole file; to be read after its name.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    #[error("has the wrong sha256")]
    Sha256(ContentId),
    #[error("has the wrong {}", .0.algorithm)]
    Digest(OtherDigest),
    /// As far as can be told without a hash.
    #[error("{0}")]
    NotWhole(String),
}

/// What is known about who sends wrong bytes.
#[derive(Debug, Default)]
pub(super) struct Trial {
    /// After a file was wrong, the next one comes from one member only, so that it is clear who sent it.
    pub(super) only: Option<usize>,
    /// It was asked whether the file goes on behind its supposed end.
    pub(super) tail_asked: bool,
    /// Who failed last, and should not be the next one.
    pub(super) avoid: Option<usize>,
    /// Those who sent parts of a file that was wrong.
    suspects: Vec<Arc<str>>,
    /// How often a file from a single member was wrong.
    clean: u32,
    wrong: u32,
}

impl Transfer {
    /// A connection failed.
    pub(super) fn fail(&mut self, index: usize, failure: &Failure, now: Instant) -> Result<(), FetchError> {
        let mut lane = self.lanes.remove(index);
        self.flush(&mut lane);
        self.want_places();
        self.forget_challenge(&lane, failure, now);
        // The next process continues here, whatever comes.
        self.landing.record();
        let place = &mut self.places[lane.place];
        place.location.member.received(lane.received);
        place.times += 1;
        place.last = Some(failure.clone());
        let verdict = failure.verdict();
        if matches!(verdict, Verdict::NextMember | Verdict::Gone | Verdict::Denied | Verdict::Fatal) {
            place.is_out = true;
        }
        let member = place.location.member.clone();
        if lane.useful == 0 && lane.received > 0 && self.habits.of(&place.name).no_ranges {
            // All of it in one go breaks off where it broke off before: ranges get another chance, however badly they went.
            self.habits.learn(&place.name, |habit| habit.no_ranges = false);
        }
        if lane.useful < WORTH {
            // A few bytes are a reason to go on, not to go on at once.
            self.fruitless += 1;
        }
        let others = (0..self.places.len()).any(|other| other != lane.place && self.places[other].is_open());
        let only_failed = self.trial.only == Some(lane.place) && (self.places[lane.place].is_out || self.fruitless > 1);
        if only_failed && others {
            // It cannot be put on trial. What came from it must not be mixed with what comes from the next one.
            self.trial.only = self.next_on_trial(Some(lane.place));
            self.start_over();
        }
        let next = self.next_step(lane.place, others);
        self.shared.failed(&member, &self.wanted.file, failure, next);
        if verdict == Verdict::Fatal || self.is_hopeless() {
            return Err(self.nobody_left());
        }
        if lane.useful < WORTH {
            // Somebody else is asked at once; the same one again after a pause.
            if !others || self.fruitless >= self.places.len() as u32 {
                let failures = self.fruitless.saturating_sub(1);
                let pause = self.shared.pause(failures, now.saturating_duration_since(self.progressed));
                let open = self.places.iter().filter(|place| place.is_open()).map(|place| &place.location.member);
                self.not_before = self.not_before.max(now + pause.most);
                self.rest = Box::pin(rest(Pause { most: self.not_before - now, ..pause }, open));
            }
        }
        self.trial.avoid = Some(lane.place);
        Ok(())
    }

    /// A challenger that failed says nothing about whom it challenged: the next one need not wait longer for that.
    fn forget_challenge(&mut self, failed: &Lane, failure: &Failure, now: Instant) {
        let range = failed.start..failed.rest().end;
        if matches!(failure.kind, FailureKind::Status(429)) {
            // Too many for the server, which counts the slow one as well. That one is in its way, and ours. But what cannot be
            // continued, or not soon, is given up only when it is silent.
            let is_replaced =
                failure.retry_after.is_none() && self.places.iter().all(|place| !self.habits.of(&place.name).no_ranges);
            let stuck = |lane: &&Lane| lane.challenges > 0 && lane.phase == Phase::Body && range.contains(&lane.at);
            let hopeless = |lane: &&Lane| is_replaced || now.saturating_duration_since(lane.since) > STUCK;
            let stuck: Vec<_> = self.lanes.iter().filter(stuck).filter(hopeless).map(|lane| lane.id).collect();
            for id in stuck {
                self.part(id, now);
            }
        }
        for lane in self.lanes.iter_mut().filter(|lane| lane.challenges > 0 && range.contains(&lane.at)) {
            lane.challenges -= 1;
            lane.challenged = None;
        }
    }

    fn next_step(&self, place: usize, others: bool) -> &'static str {
        match (self.places[place].is_open(), others) {
            (_, true) => "another member is asked",
            (true, false) => "it is asked again",
            (false, false) => "nobody else is left to ask",
        }
    }

    /// The whole is wrong.
    pub(super) fn wrong(&mut self, wrong: &Wrong) -> Result<(), FetchError> {
        let now = Instant::now();
        if let Some((total, SizeFrom::Head | SizeFrom::End)) = self.total
            && !self.trial.tail_asked
            && (0..self.places.len()).any(|place| self.may_continue(place, total))
        {
            // Perhaps it was only cut where it looked whole: who says what stands behind it?
            self.trial.tail_asked = true;
            self.total = None;
            self.not_before = now;
            return Ok(());
        }
        self.trial.wrong += 1;
        let mut senders: Vec<_> = self.sent.iter().map(|sent| sent.from.clone()).collect();
        senders.sort_unstable();
        senders.dedup();
        let names = senders.join(" and ");
        let alone = match &senders[..] {
            [one] if self.resumed == 0 => self.places.iter().position(|place| place.name == *one),
            _ => None,
        };
        let failure = Failure::new(FailureKind::Content, format!("sent {} that {wrong}", self.wanted.file));
        if let Some(place) = alone {
            self.trial.clean += 1;
            let place = &mut self.places[place];
            place.lied += 1;
            place.times += 1;
            place.last = Some(failure.clone());
            let member = place.location.member.clone();
            self.shared.failed(&member, &self.wanted.file, &failure, "all of it is had again");
        } else {
            self.trial.suspects = senders;
        }
        let untried = (0..self.places.len()).any(|place| self.places[place].is_open() && self.places[place].lied == 0);
        let enough = self.trial.clean >= WRONG_MOST && !untried;
        if enough || self.trial.wrong > WRONG_MOST + self.places.len() as u32 {
            let file = self.wanted.file.clone();
            return Err(match (self.wanted.expected, wrong) {
                (Some(expected), Wrong::Sha256(got)) => {
                    FetchError::HashMismatch { file, expected, got: *got, member: names }
                }
                (_, Wrong::Digest(other)) => {
                    let OtherDigest { algorithm, expected, got } = other.clone();
                    FetchError::DigestMismatch(Box::new(WrongDigest { file, algorithm, expected, got, member: names }))
                }
                _ => self.nobody_left(),
            });
        }
        self.start_over();
        (self.most, self.replayed) = (0, 0);
        self.trial.only = self.next_on_trial(None);
        self.not_before = now;
        Ok(())
    }

    /// Who is asked alone next: an open place that has lied least.
    fn next_on_trial(&self, but: Option<usize>) -> Option<usize> {
        let open = |place: &usize| Some(*place) != but && self.places[*place].is_open();
        (0..self.places.len()).filter(open).min_by_key(|&place| self.places[place].lied)
    }

    /// The file is right, and came from one member alone after a mixture was wrong: then it was the others' doing.
    pub(super) fn blame_others(&mut self) {
        let Some(honest) = self.trial.only.map(|place| self.places[place].name.clone()) else { return };
        if !self.trial.suspects.contains(&honest) {
            return;
        }
        let failure = Failure::new(FailureKind::Content, format!("sent wrong parts of {}", self.wanted.file));
        for place in &self.places {
            if place.name != honest && self.trial.suspects.contains(&place.name) {
                self.shared.failed(&place.location.member, &self.wanted.file, &failure, "the right file is there");
            }
        }
    }
}
