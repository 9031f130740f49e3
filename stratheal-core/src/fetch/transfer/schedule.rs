//! Which connections there shall be now.

use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use super::lane::{Lane, Phase};
use super::pace::{self, Pace, Slow};
use super::place::Place;
use super::segments;
use super::state::{TICK, Transfer};
use crate::fetch::failure::{Failure, FailureKind};
use crate::fetch::member::hedge_after;
use crate::fetch::totals::Count;
use crate::fetch::{Event, FetchError};
use crate::objects::Ranges;

/// Bytes wait at most this long for others before they are handed to the disk.
const HELD_MOST: Duration = TICK;

/// The most connections, challengers included.
const MOST_LANES: usize = segments::MOST + 2;

impl Transfer {
    /// Sees to it that somebody works on everything that is missing.
    pub(super) fn fill(&mut self, now: Instant) -> Result<(), FetchError> {
        if now < self.not_before {
            return Ok(());
        }
        for gap in self.unattended() {
            // After a failure one connection finds out whether it works again.
            if self.lanes.len() >= segments::MOST || (self.fruitless > 0 && !self.lanes.is_empty()) {
                return Ok(());
            }
            if !self.start(gap.clone(), self.trial.avoid, now) {
                if self.lanes.is_empty() {
                    self.begin_from_zero(gap, now)?;
                }
                return Ok(());
            }
        }
        while self.fruitless == 0 && self.lanes.len() < self.growth.target && self.split(now) {}
        Ok(())
    }

    /// What is missing and nobody brings.
    fn unattended(&self) -> Vec<Range<u64>> {
        let end = self.size().unwrap_or(u64::MAX);
        let mut attended = self.present.clone();
        attended.extend(self.lanes.iter().map(Lane::rest));
        if self.size().is_none() {
            // Without a size there is one connection, from the first byte that is missing on.
            return self.lanes.is_empty().then(|| self.present.prefix()..end).into_iter().collect();
        }
        Ranges::gaps(&attended, &(0..end)).collect()
    }

    /// Asks the best place for a range. `false` when nobody may bring just that.
    fn start(&mut self, range: Range<u64>, avoid: Option<usize>, now: Instant) -> bool {
        let bytes = range.end.saturating_sub(range.start).min(self.wanted.size.unwrap_or(1 << 20));
        let Some(&place) = self.order(range.start, bytes, avoid, now).first() else { return false };
        self.start_at(place, range, now);
        true
    }

    fn start_at(&mut self, place: usize, range: Range<u64>, now: Instant) {
        let member = &self.places[place].location.member;
        // With nobody else left, trying it is real work and no probe.
        let _ = member.begin_probe(now);
        self.next_lane += 1;
        self.lanes.push(Lane::new(self.next_lane, place, member, range, now));
    }

    /// Nobody may continue: all of it comes again. Where the content is known, what is there stays and is skipped.
    fn begin_from_zero(&mut self, gap: Range<u64>, now: Instant) -> Result<(), FetchError> {
        let open = self.places.iter().any(Place::is_open);
        if self.is_hopeless() {
            return Err(self.nobody_left());
        }
        if !open {
            // What is on its way decides.
            return Ok(());
        }
        if let Some(only) = self.trial.only.filter(|&only| !self.places[only].is_open()) {
            self.trial.only = (0..self.places.len()).find(|&place| place != only && self.places[place].is_open());
            self.start_over();
        }
        if self.wanted.expected.is_none() {
            self.start_over();
        }
        let end = self.size().unwrap_or(u64::MAX).max(gap.end);
        if self.start(0..end, self.trial.avoid, now) { Ok(()) } else { Err(self.nobody_left()) }
    }

    /// Gives some of the largest part to one more connection.
    fn split(&mut self, now: Instant) -> bool {
        // Of connections that race for the same part, the one in front stands for all of them.
        let in_front = |lane: &&Lane| {
            let ahead = |other: &Lane| other.end == lane.end && (other.at, other.id) > (lane.at, lane.id);
            lane.end.is_some() && !self.lanes.iter().any(ahead)
        };
        let parts: Vec<_> = self.lanes.iter().filter(in_front).map(Lane::rest).collect();
        let Some((part, at)) = segments::split_at(&parts, self.growth.target) else { return false };
        self.hand_over(at, parts[part].end, None, now)
    }

    /// From `at` on, another connection takes over from all that are on their way to `end`.
    fn hand_over(&mut self, at: u64, end: u64, avoid: Option<usize>, now: Instant) -> bool {
        let started = self.start(at..end, avoid, now);
        if started {
            let added = self.next_lane;
            for lane in self.lanes.iter_mut().filter(|lane| lane.id != added && lane.end == Some(end) && lane.at < at) {
                lane.end = Some(at);
            }
        }
        started
    }

    /// What is done a few times a second.
    pub(super) fn look_around(&mut self, now: Instant) {
        for index in 0..self.lanes.len() {
            let lane = &mut self.lanes[index];
            lane.window.mark(lane.received, now);
            if lane.held.since.is_some_and(|since| now.saturating_duration_since(since) >= HELD_MOST) {
                self.flush_lane(index);
                self.landing.record();
            }
        }
        self.window.mark(self.network, now);
        let received = self.present.total();
        if !self.lanes.is_empty() && received > 0 {
            self.shared.tell(Event::FileProgress { file: self.wanted.file.clone(), received });
        }
        self.grow(now);
        self.challenge_slow_ones(now);
    }

    fn challenge_slow_ones(&mut self, now: Instant) {
        // After a failure a challenge is one more attempt, and pauses like one.
        if now < self.not_before {
            return;
        }
        let ids: Vec<_> = self.lanes.iter().map(|lane| lane.id).collect();
        for id in ids {
            let Some(index) = self.lanes.iter().position(|lane| lane.id == id) else { continue };
            if let Some(slow) = pace::judge(&self.pace_of(index, now)) {
                self.challenge(index, slow, now);
            }
        }
    }

    pub(super) fn pace_of(&self, index: usize, now: Instant) -> Pace {
        let lane = &self.lanes[index];
        let view = self.places[lane.place].location.member.view(now);
        let expected = self.expected_rate(index, now);
        let (window, received) = lane.window.last(pace::window_bound(view.p95, expected), lane.received, now);
        let queued = lane.phase == Phase::Queued;
        let bytes = lane.rest().end.saturating_sub(lane.at);
        let other = self.order(lane.at, bytes, Some(lane.place), now).into_iter().find(|&other| other != lane.place);
        let other = other.map(|other| self.places[other].location.member.view(now));
        Pace {
            hedge: other.and_then(|other| hedge_after(&view, Some(&other))),
            answered: lane.phase == Phase::Body,
            // One that waits for its turn is not slow, it is polite.
            silent: if queued { Duration::ZERO } else { now.saturating_duration_since(lane.since) },
            window,
            received,
            remaining: lane.end.map(|end| end.saturating_sub(lane.at)),
            patience: view.patience,
            latency: view.p95,
            expected,
            challenges: lane.challenges,
            since_challenge: lane.challenged.map(|then| now.saturating_duration_since(then)),
        }
    }

    /// What a connection should bring: the best that any place gave or gives that may do this work.
    fn expected_rate(&self, index: usize, now: Instant) -> Option<f64> {
        let at = self.lanes[index].at;
        let learned = (0..self.places.len())
            .filter(|&place| self.may_continue(place, at))
            .filter_map(|place| self.places[place].location.member.view(now).rate);
        let beside = self.lanes.iter().enumerate().filter(|(other, lane)| *other != index && lane.phase == Phase::Body);
        let beside = beside.map(|(_, lane)| lane.window.rate(lane.received, now)).filter(|rate| *rate > 0.0);
        learned.chain(beside).max_by(f64::total_cmp)
    }

    /// Opens a second connection for what a slow one is to bring. Who is first wins.
    fn challenge(&mut self, index: usize, slow: Slow, now: Instant) {
        let lane = &self.lanes[index];
        let (id, place, at, end) = (lane.id, lane.place, lane.at, lane.rest().end);
        // A challenger that is as slow makes room for the next one; the one that was first may be the only one that ever comes.
        let rival = |other: &&Lane| {
            other.id != id && other.phase != Phase::Body && other.start >= at && other.rest().end == end
        };
        if let Some(old) = self.lanes.iter().find(rival).map(|other| other.id) {
            if id > old {
                return;
            }
            self.part(old, now);
        }
        if slow != Slow::Trickling {
            self.want_places();
        }
        let Some(index) = self.lanes.iter().position(|lane| lane.id == id) else { return };
        let lane = &mut self.lanes[index];
        lane.challenges += 1;
        lane.challenged = Some(now);
        if self.lanes.len() >= MOST_LANES {
            return;
        }
        let measured = self.pace_of(index, now);
        let shared = || pace::challenge_from(at, end, measured.rate(), measured.expected);
        let from = if slow == Slow::Trickling { shared() } else { at };
        let known_end = self.lanes[index].end.is_some();
        let started = if from > at && known_end {
            self.hand_over(from, end, Some(place), now)
        } else {
            self.start(at..end, Some(place), now) || self.start_beside(slow, end, place, now)
        };
        if let Some(challenger) = self.lanes.last_mut().filter(|_| started) {
            challenger.is_challenger = true;
            if slow != Slow::Trickling || measured.is_crawling() {
                self.lanes[index].give_way();
            }
            self.shared.counters.add(Count::Hedges, 1);
            let what = match slow {
                Slow::Unanswered => "does not answer",
                Slow::Silent => "went silent",
                Slow::Trickling => "is slow",
            };
            tracing::debug!(file = self.wanted.file, member = %self.places[place].name, at, "{what}: another connection");
        }
    }

    /// Nobody may continue a connection that says nothing any more: all of it comes again, and what is there is skipped.
    fn start_beside(&mut self, slow: Slow, end: u64, place: usize, now: Instant) -> bool {
        let known = self.wanted.expected.is_some() && slow != Slow::Trickling;
        known && self.start(0..end, Some(place), now)
    }

    /// Whether others passed where this one is, and brought more since than chance explains.
    pub(super) fn is_beaten(&self, lane: &Lane, now: Instant) -> bool {
        /// Less of a lead may be chance.
        const LEAD: u64 = 64 * 1024;
        let rest = lane.rest();
        let quiet = |lane: &Lane| now.saturating_duration_since(lane.since) > Duration::from_millis(500);
        // One that has gone silent itself is no reason to give up another.
        let moves = |other: &Lane| other.phase == Phase::Body && !quiet(other);
        let passed =
            |other: &&Lane| other.id != lane.id && other.start <= lane.at && lane.at < other.at && moves(other);
        let mut passed = self.lanes.iter().filter(passed).peekable();
        if passed.peek().is_none() {
            return false;
        }
        let lead = self.present.gaps(&rest).next().map_or(rest.end, |gap| gap.start) - lane.at;
        let is_quiet = lane.phase != Phase::Queued && quiet(lane);
        // What it leaves is brought by the others, or can be asked for.
        let is_covered = passed.any(|other| rest.end <= other.rest().end);
        let is_left = || (0..self.places.len()).any(|place| self.may_continue(place, lane.at + lead));
        (lead >= LEAD || (lead > 0 && is_quiet)) && (is_covered || is_left())
    }

    /// A connection was overtaken by another one.
    pub(super) fn lose(&mut self, id: u32, now: Instant) {
        let Some(index) = self.lanes.iter().position(|lane| lane.id == id) else { return };
        let lane = &self.lanes[index];
        let winner_is_other = self.lanes.iter().any(|other| other.place != lane.place && other.at > lane.at);
        // One that was only asked to be quicker than the other, and was not, did nothing wrong.
        if lane.challenges > 0 && winner_is_other {
            let silent = now.saturating_duration_since(lane.since).as_secs_f64();
            let (kind, text) = match lane.phase {
                Phase::Body => (FailureKind::Stalled, format!("stalled after byte {}", lane.at)),
                _ => (FailureKind::Silent, format!("did not answer within {silent:.1} s")),
            };
            let failure = Failure::new(kind, text);
            let place = &mut self.places[lane.place];
            place.times += 1;
            place.last = Some(failure.clone());
            let member = place.location.member.clone();
            self.shared.failed(&member, &self.wanted.file, &failure, "another connection was faster");
        }
        self.learn_patience(lane);
        self.part(id, now);
    }

    /// A connection that is given up without an answer tells whether asking again was needed, if it was its own place that was asked.
    pub(super) fn learn_patience(&self, lane: &Lane) {
        let place = &self.places[lane.place];
        let is_from_there = self.sent.last().is_some_and(|sent| sent.from == place.name);
        if lane.phase == Phase::Asked && is_from_there && (lane.challenges > 0 || lane.is_challenger) {
            place.location.member.asked_again(lane.challenges > 0);
        }
    }
}
