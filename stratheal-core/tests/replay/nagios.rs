//! The rules of Nagios Core 4 for a service.
//!
//! Written from the manual ("State Types", "Detection and Handling of State Flapping", "Predictive Dependency Checks", "Host and
//! Service Dependencies") and checked against what `checks.c` and `flapping.c` do. Shipped settings: flapping begins at 20 % and
//! ends at 5 %, dependencies look at hard states, predictive checks are on. Notifications are not repeated
//! (`notification_interval 0`), and go out for warning, unknown, critical, recovery and flapping.

use stratheal_core::model::Status;

use crate::rule::{Rule, Settings, Told};

const RESULTS: usize = 21;
const LOW: f64 = 5.0;
const HIGH: f64 = 20.0;

#[expect(clippy::struct_excessive_bools, reason = "as many as Nagios keeps")]
pub(crate) struct Nagios {
    most_attempts: u32,
    detects_flapping: bool,
    attempt: u32,
    hard: bool,
    state: Status,
    last_hard: Status,
    /// Oldest first.
    history: [Status; RESULTS],
    flapping: bool,
    /// Whether somebody was told of the present state.
    notified: bool,
    /// Whether somebody was told of this problem at all.
    problem_told: bool,
    /// Whether the end of a problem told before the flapping is still to be told.
    owes_recovery: bool,
}

impl Nagios {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            most_attempts: settings.window.map_or(settings.fail, |(bad, _)| u32::from(bad)),
            detects_flapping: true,
            attempt: 1,
            hard: true,
            state: Status::Healthy,
            last_hard: Status::Healthy,
            history: [Status::Healthy; RESULTS],
            flapping: false,
            notified: false,
            problem_told: false,
            owes_recovery: false,
        }
    }

    pub(crate) fn without_flapping(settings: Settings) -> Self {
        Self { detects_flapping: false, ..Self::new(settings) }
    }

    /// Weighted changes among the last 21 recorded states: 0.75 for the oldest to 1.25 for the newest.
    fn flap_percent(&self) -> f64 {
        let changes = self.history.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]);
        let sum: f64 = changes.map(|(place, _)| 0.75 + 0.5 * place as f64 / 19.0).sum();
        sum * 100.0 / 20.0
    }

    /// Records a hard state or a recovery, and says whether flapping began or ended.
    fn look_for_flapping(&mut self) -> Option<bool> {
        self.history.rotate_left(1);
        self.history[RESULTS - 1] = self.state;
        if !self.detects_flapping {
            return None;
        }
        let percent = self.flap_percent();
        let flapping = if percent >= HIGH {
            true
        } else if percent <= LOW {
            false
        } else {
            self.flapping
        };
        (flapping != std::mem::replace(&mut self.flapping, flapping)).then_some(flapping)
    }

    fn good(&mut self, hard_change: bool) -> Option<Told> {
        let flapping = self.look_for_flapping();
        let mut told = (hard_change && self.problem_told && !self.flapping).then_some(Told::Over);
        match flapping {
            Some(true) => {
                self.owes_recovery = false;
                told = Some(Told::Flapping);
            }
            Some(false) => {
                self.owes_recovery = false;
                told = Some(Told::Over);
            }
            None => {}
        }
        self.attempt = 1;
        self.hard = true;
        self.last_hard = Status::Healthy;
        (self.notified, self.problem_told) = (false, false);
        told
    }

    fn bad(&mut self, parent_is_down: bool) -> Option<Told> {
        if self.attempt < self.most_attempts {
            self.hard = false;
            return None;
        }
        self.hard = true;
        self.last_hard = self.state;
        if self.look_for_flapping() == Some(true) {
            self.owes_recovery = self.problem_told;
            return Some(Told::Flapping);
        }
        // Asked again at every hard result, so what was silenced is told once nothing silences it any more.
        if self.flapping || self.notified || parent_is_down {
            return None;
        }
        (self.notified, self.problem_told) = (true, true);
        Some(Told::Problem)
    }
}

impl Rule for Nagios {
    fn take(&mut self, result: Status, parent_is_down: bool) -> Option<Told> {
        let before = std::mem::replace(&mut self.state, result);
        if !self.hard && self.attempt < self.most_attempts {
            self.attempt += 1;
        }
        let hard_change = self.attempt >= self.most_attempts && result != self.last_hard;
        if result != before || hard_change {
            self.notified = false;
        }
        if result == Status::Healthy { self.good(hard_change) } else { self.bad(parent_is_down) }
    }

    fn retries(&self) -> bool {
        !self.hard
    }

    fn asks_parents(&self) -> bool {
        !self.hard && self.attempt + 1 == self.most_attempts
    }

    fn silences(&self, soft: bool) -> bool {
        let state = if soft { self.state } else { self.last_hard };
        state == Status::Critical
    }
}

#[test]
fn follows_the_manual() {
    use crate::recording::results;
    use crate::rule::replay;
    let told = |attempts, text| {
        let settings = Settings { fail: attempts, recover: 1, window: None };
        replay(&mut Nagios::without_flapping(settings), &results(text))
    };
    // "State Types", the example: soft until the last attempt, a soft recovery tells nothing, a hard one does.
    assert_eq!(told(3, "h1 c3 w1 w1 h1"), [(3, Told::Problem), (4, Told::Problem), (6, Told::Over)]);
    assert_eq!(told(3, "h1 c2 h1 u1 h1"), []);
    // A problem of any kind counts towards the last attempt, and is told as what it is then.
    assert_eq!(told(3, "h1 c1 w1 u1"), [(3, Told::Problem)]);
    assert_eq!(told(1, "c1 h1 c1"), [(0, Told::Problem), (1, Told::Over), (2, Told::Problem)]);
}

#[test]
fn newer_changes_weigh_more() {
    // "Detection and Handling of State Flapping": a change a result is 100 %, and the weights are symmetrical round 1.
    let mut nagios = Nagios::new(Settings::DEFAULT);
    for place in 0..RESULTS {
        nagios.history[place] = if place % 2 == 0 { Status::Healthy } else { Status::Critical };
    }
    assert!((nagios.flap_percent() - 100.0).abs() < 1e-9, "{}", nagios.flap_percent());
    nagios.history = [Status::Healthy; RESULTS];
    nagios.history[RESULTS - 1] = Status::Critical;
    assert!((nagios.flap_percent() - 6.25).abs() < 1e-9, "the newest change weighs 1.25 of 20");
}

#[test]
fn a_parent_silences_until_it_is_over() {
    let mut child = Nagios::new(Settings::DEFAULT);
    let told = |child: &mut Nagios, parent_is_down| child.take(Status::Critical, parent_is_down);
    assert_eq!(told(&mut child, true), None);
    assert!(child.asks_parents() && child.retries());
    assert_eq!((told(&mut child, true), told(&mut child, true)), (None, None));
    assert_eq!((told(&mut child, false), told(&mut child, false)), (Some(Told::Problem), None));
}
