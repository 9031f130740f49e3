//! More connections for a file that is worth them.

use tokio::time::Instant;

use super::lane::{Lane, Phase};
use super::segments::{self, Going, Plan};
use super::state::Transfer;

/// What is known about the number of connections.
#[derive(Debug)]
pub(super) struct Growth {
    /// So many there shall be as long as there is enough to do.
    pub(super) target: usize,
    /// More did not help.
    enough: bool,
    /// How many there were and how fast they were together, before some were added.
    before: Option<(usize, f64)>,
    /// Since when, and from how many bytes on, the current number is measured.
    since: Instant,
    bytes: u64,
    /// More than one were worth it.
    helped: bool,
    /// What an earlier file taught was used.
    recalled: bool,
}

impl Growth {
    pub(super) fn new(now: Instant) -> Self {
        Self { target: 1, enough: false, before: None, since: now, bytes: 0, helped: false, recalled: false }
    }
}

impl Transfer {
    /// Bytes that nobody has brought yet.
    pub(super) fn remaining(&self) -> u64 {
        self.size().map_or(0, |size| size.saturating_sub(self.present.total()))
    }

    /// Whether parts of the file may come on connections of their own, from the members that are used now.
    fn may_split(&self) -> bool {
        // A reader of a file from a server that cuts connections would wait for parts that are not there.
        let at = self.present.prefix().max(1);
        self.size().is_some() && (0..self.places.len()).any(|place| self.may_continue(place, at))
    }

    /// How many connections there may be: what the members have left, and those that are there.
    fn allowed(&self, now: Instant) -> usize {
        let open = (0..self.places.len()).filter(|&place| self.may_continue(place, 1));
        let free: usize = open
            .map(|place| {
                let (busy, limit) = self.places[place].location.member.view(now).load;
                limit.saturating_sub(busy)
            })
            .sum();
        free + self.lanes.len()
    }

    /// The first answer is there. Where more connections helped before, they are made without measuring again.
    pub(super) fn grow_at_once(&mut self, now: Instant) {
        if self.growth.recalled {
            return;
        }
        self.growth.recalled = true;
        (self.growth.since, self.growth.bytes) = (now, self.network);
        let Some(lane) = self.lanes.first() else { return };
        let place = &self.places[lane.place];
        let Some(connections) = self.habits.of(&place.name).connections else { return };
        let rate = place.location.member.view(now).rate.unwrap_or_default();
        if self.may_split() {
            let wanted = segments::worth(self.remaining(), rate, self.allowed(now).min(connections));
            self.growth.target = wanted.max(self.growth.target);
            self.growth.helped |= wanted > 1;
        }
    }

    /// The disk is behind: how fast it goes says nothing about connections.
    pub(super) fn measure_later(&mut self, now: Instant) {
        (self.growth.since, self.growth.bytes) = (now, self.network);
    }

    /// Looks at how fast it goes, a few times a second.
    pub(super) fn grow(&mut self, now: Instant) {
        let measured = now.saturating_duration_since(self.growth.since);
        let is_silent = |lane: &Lane| lane.challenged.is_some_and(|then| lane.since <= then);
        let all_deliver = self.lanes.iter().all(|lane| lane.phase == Phase::Body && !is_silent(lane));
        if self.lanes.is_empty() || !all_deliver {
            // Those that were added have not begun, or one went silent: nothing can be measured yet.
            (self.growth.since, self.growth.bytes) = (now, self.network);
            return;
        }
        // Whether it is slow or will be silent is not known at this moment.
        let hesitates = self.lanes.iter().any(|lane| now.saturating_duration_since(lane.since) > segments::HESITATES);
        if hesitates || self.growth.enough || measured < segments::MEASURE || !self.may_split() {
            return;
        }
        let rate = self.network.saturating_sub(self.growth.bytes) as f64 / measured.as_secs_f64();
        let connections = self.lanes.len();
        let before = self.growth.before.take();
        let going = Going { remaining: self.remaining(), rate, connections, allowed: self.allowed(now), before };
        match segments::plan_segments(&going) {
            Plan::Keep => self.growth.helped |= before.is_some_and(|(before, _)| connections > before),
            Plan::Enough => (self.growth.enough, self.growth.target) = (true, connections),
            Plan::Grow(wanted) => {
                self.growth.helped |= before.is_some_and(|(before, _)| connections > before);
                self.growth.before = Some((connections, rate));
                self.growth.target = wanted;
            }
        }
        (self.growth.since, self.growth.bytes) = (now, self.network);
    }

    /// The file is there: what it taught is for the next one.
    pub(super) fn remember_growth(&self) {
        let Some(place) =
            self.places.iter().find(|place| self.sent.first().is_some_and(|sent| sent.from == place.name))
        else {
            return;
        };
        let (helped, enough, target) = (self.growth.helped, self.growth.enough, self.growth.target);
        if helped || enough {
            self.habits.learn(&place.name, |habit| habit.connections = helped.then_some(target));
        }
    }
}
