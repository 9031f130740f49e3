//! Hours of failures, played in an instant.

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

const HOUR: Intensity = Intensity { most: 60, per: Duration::from_hours(1) };

fn at(seconds: f64) -> Stamp {
    let since_boot = Duration::from_secs_f64(seconds);
    let wall = Timestamp::from_second(1_000_000).unwrap().checked_add(since_boot).unwrap();
    Stamp { boot: 1, since_boot, wall }
}

/// Plays a service that dies `life` seconds after each start, for four hours; counts starts by the healer. The failed attempts of one
/// that lives longer than the probation count as healed.
fn attempts_in_four_hours(life: f64) -> (u32, f64) {
    let back_off = AttemptBackOff::default();
    let probation = 30.0;
    let mut limits = TargetLimits::default();
    let (mut now, mut attempts, mut longest_gap, mut last): (f64, u32, f64, f64) = (0.0, 0, 0.0, 0.0);
    while now < 4.0 * 3600.0 {
        let holds = limits.holds("restart-service", HOUR, &at(now));
        if let Some(hold) = holds.first() {
            now += hold.wait.as_secs_f64();
            continue;
        }
        longest_gap = longest_gap.max(now - last);
        last = now;
        attempts += 1;
        limits.began(&back_off, "restart-service", f64::from(attempts % 7) / 6.0, &at(now));
        if life <= probation {
            now += life.max(0.01);
            limits.ended("restart-service", false, &at(now));
        } else {
            limits.ended("restart-service", true, &at(now + probation));
            now += life;
            limits.healthy(&back_off, &at(now));
        }
    }
    (attempts, longest_gap)
}

#[test]
fn what_always_dies_is_tried_at_most_65_times_in_4_hours_and_goes_on_being_tried() {
    for life in [0.0, 0.1, 1.0, 5.0, 20.0, 30.0] {
        let (attempts, longest_gap) = attempts_in_four_hours(life);
        assert!((30..=65).contains(&attempts), "{attempts} attempts with a life of {life} s");
        assert!(longest_gap < 400.0, "{longest_gap} s without an attempt");
    }
}

#[test]
fn what_leaks_is_restarted_as_often_as_it_needs() {
    for life in [120.0, 300.0, 600.0, 1800.0] {
        let (attempts, _) = attempts_in_four_hours(life);
        let needed = (4.0 * 3600.0 / life) as u32;
        assert!((needed..=needed + 1).contains(&attempts), "{attempts} restarts, {needed} were needed, life {life} s");
    }
}

#[test]
fn the_first_attempt_waits_for_nothing_and_pauses_double() {
    let back_off = AttemptBackOff::default();
    let mut limits = TargetLimits::default();
    let mut now = at(1_000.0);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let wait = limits.holds("a", HOUR, &now).first().map_or(Duration::ZERO, |hold| hold.wait);
        pauses.push(wait.as_secs_f64().round() as u64);
        now = now.after(wait);
        limits.began(&back_off, "a", 0.5, &now);
    }
    assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256]);
}

#[test]
fn a_person_or_a_change_cuts_a_pause_short_and_the_next_one_is_as_long_as_it_was() {
    let back_off = AttemptBackOff::default();
    let mut limits = TargetLimits { level: 6, ..TargetLimits::default() };
    limits.began(&back_off, "a", 0.5, &at(0.0));
    assert!(!limits.holds("a", HOUR, &at(1.0)).is_empty());
    limits.cut_short();
    assert!(limits.holds("a", HOUR, &at(1.0)).is_empty());
    limits.began(&back_off, "a", 0.5, &at(1.0));
    assert_eq!(limits.holds("a", HOUR, &at(1.0))[0].wait, Duration::from_secs(128));
}

#[test]
fn a_remedy_that_fails_five_times_is_left_alone_and_others_are_not() {
    let back_off = AttemptBackOff { first: Duration::ZERO, ..AttemptBackOff::default() };
    let mut limits = TargetLimits::default();
    for second in 0..5 {
        let now = at(f64::from(second));
        assert!(limits.holds("a", HOUR, &now).is_empty());
        limits.began(&back_off, "a", 0.5, &now);
        limits.ended("a", false, &now);
    }
    let hold = &limits.holds("a", HOUR, &at(5.0))[0];
    assert_eq!((hold.rule, hold.wait), ("breaker", Duration::from_secs(59)));
    assert!(limits.holds("b", HOUR, &at(5.0)).is_empty());
    assert!(limits.holds("a", HOUR, &at(64.0)).is_empty(), "one may try");
    limits.ended("a", false, &at(64.0));
    assert_eq!(limits.holds("a", HOUR, &at(64.0))[0].wait, Duration::from_mins(2));
    limits.ended("b", true, &at(300.0));
    assert!(limits.holds("a", HOUR, &at(300.0)).is_empty(), "what another one healed is over");
}

#[test]
fn clock_steps_change_nothing_while_the_machine_runs_and_a_stamp_from_the_future_counts_as_now() {
    let back_off = AttemptBackOff::default();
    let mut limits = TargetLimits { level: 9, ..TargetLimits::default() };
    limits.began(&back_off, "a", 0.5, &at(0.0));
    let wait =
        |limits: &TargetLimits, now: &Stamp| limits.holds("a", HOUR, now).first().map_or(0, |h| h.wait.as_secs());
    for step in [-100_000, 100_000] {
        let wall = at(10.0).wall.checked_add(jiff::SignedDuration::from_secs(step)).unwrap();
        assert_eq!(wait(&limits, &Stamp { wall, ..at(10.0) }), 290, "{step}");
    }
    // After a reboot with a clock that went back a year, the wait is long but the intensity is not used up for ever.
    let rebooted = Stamp {
        boot: 2,
        since_boot: Duration::ZERO,
        wall: at(0.0).wall.checked_sub(jiff::SignedDuration::from_hours(9_000)).unwrap(),
    };
    assert_eq!(limits.recent[0].age(&rebooted), Duration::ZERO);
    assert_eq!(wait(&limits, &rebooted), 300, "what comes from the future counts as now");
}

proptest! {
    #[test]
    fn never_more_than_the_intensity_and_never_for_ever(
        steps in prop::collection::vec((0_u64..4_000, any::<bool>(), 0.0_f64..1.0), 1..200),
    ) {
        let intensity = Intensity { most: 5, per: Duration::from_mins(10) };
        let back_off = AttemptBackOff::default();
        let mut limits = TargetLimits::default();
        let mut now = at(0.0);
        let mut begun: Vec<Stamp> = Vec::new();
        for (passed, healed, random) in steps {
            now = now.after(Duration::from_secs(passed));
            let holds = limits.holds("a", intensity, &now);
            prop_assert!(holds.iter().all(|hold| hold.wait <= Duration::from_mins(10)), "{holds:?}");
            if holds.is_empty() {
                limits.began(&back_off, "a", random, &now);
                begun.push(now);
                limits.ended("a", healed, &now);
            }
            prop_assert!(begun.iter().filter(|stamp| stamp.age(&now) < intensity.per).count() <= 5);
        }
        let text = serde_json::to_string(&limits).unwrap();
        prop_assert_eq!(serde_json::from_str::<TargetLimits>(&text).unwrap(), limits);
    }
}
