//! Whether enough members have answered, as a pure decision.
//!
//! All believed members are asked at once. The first page is not handed on at once, because another member's may be newer, but it
//! waits no longer than it took itself. The primary member is waited for longer: what a mirror has beyond it, or lacks, must not
//! depend on which of them is a few hundred milliseconds faster. "There is no such project" needs all of them. What cannot be known is waited for, as long
//! as that makes sense: shortly when an older page is at hand, longer when nobody is there at all, up to the deadline otherwise.

use std::time::Duration;

use crate::fetch::member::{LATE_AFTER, MemberView};

/// How a member stands in one round of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is being asked.
    Asked {
        /// Attempts that failed so far.
        failures: u32,
        /// Whether the last of them ended before there was a connection.
        is_unreachable: bool,
    },
    /// It sent a page.
    Page,
    /// It says that there is no such project.
    Missing,
    /// It failed in a way that is not tried again.
    Failed,
    /// It is not asked, or only to see whether it is back: it failed too often just before.
    Resting,
}

/// A round of asking at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Round<'a> {
    /// The believed ones, the primary one first.
    pub(super) members: &'a [Standing],
    /// How long the primary one is waited for after the first page.
    pub(super) patience: Duration,
    /// Since the round began.
    pub(super) elapsed: Duration,
    /// Since the round began until the first page came.
    pub(super) first_page: Option<Duration>,
    /// Since something last arrived or the round began.
    pub(super) idle: Duration,
    /// Whether an older page is at hand.
    pub(super) has_old: bool,
    /// How long it may take without anything arriving.
    pub(super) deadline: Duration,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Wait for the next answer, at most this long.
    Wait(Duration),
    /// Use what is there.
    Done,
    /// Nobody answered in time: use the older page, or tell why there is none.
    GiveUp,
}

/// The bounds of how long others are waited for after the first page.
const LEAST_GRACE: Duration = Duration::from_millis(20);
const MOST_GRACE: Duration = Duration::from_millis(500);
/// The least for the primary one. Most pages, also large ones, come within that.
const PRIMARY_GRACE: Duration = Duration::from_millis(500);
/// With an older page at hand: after everybody failed once, and in any case.
const OLD_AFTER_FAILURES: Duration = Duration::from_secs(1);
const OLD_IN_ANY_CASE: Duration = Duration::from_secs(10);
/// How often the deadline may be put off by what arrives.
const MOST_DEADLINES: u32 = 3;
/// Without any connection to anybody, or with only some of the "no" that all would have to say.
const NOBODY_THERE: Duration = Duration::from_secs(30);
const PARTLY_MISSING: Duration = Duration::from_secs(10);

/// How long the primary member is waited for after another one's page: as long as its slow answers take, within bounds.
pub(super) fn patience_with(primary: &MemberView) -> Duration {
    // One that usually takes longer than that would hold up everything and be late all the same.
    if primary.median.is_some_and(|median| median > LATE_AFTER) {
        return Duration::ZERO;
    }
    primary.patience.clamp(PRIMARY_GRACE, LATE_AFTER)
}

/// Decides.
pub(super) fn decide(round: &Round<'_>) -> Step {
    let waiting = || {
        round.members.iter().filter_map(|member| match member {
            Standing::Asked { failures, is_unreachable } => Some((*failures, *is_unreachable)),
            _ => None,
        })
    };
    let wait_until = |at: Duration, then: Step| match at.checked_sub(round.elapsed) {
        Some(left) if !left.is_zero() => Step::Wait(left),
        _ => then,
    };
    if let Some(first) = round.first_page {
        // Whoever failed already is not waited for; its later answer is for the next time.
        let grace = first.clamp(LEAST_GRACE, MOST_GRACE);
        let is_new = |member: &Standing| matches!(member, Standing::Asked { failures: 0, .. });
        let grace = match round.members.first() {
            Some(primary) if is_new(primary) => grace.max(round.patience),
            _ => grace,
        };
        let is_awaited = round.members.iter().any(is_new);
        return if is_awaited { wait_until(first + grace, Step::Done) } else { Step::Done };
    }
    if waiting().next().is_none() {
        return if round.members.iter().all(|member| *member == Standing::Missing) { Step::Done } else { Step::GiveUp };
    }
    let all_failed = waiting().all(|(failures, _)| failures > 0);
    let nobody_there = waiting().all(|(failures, is_unreachable)| failures > 0 && is_unreachable);
    let some_missing = round.members.contains(&Standing::Missing);
    let left = round.deadline.saturating_sub(round.idle);
    // Pages that always break off in the middle are no progress, though something arrives all the time.
    let mut until = (round.elapsed + left).min(round.deadline.saturating_mul(MOST_DEADLINES));
    if round.has_old {
        until = until.min(if all_failed { OLD_AFTER_FAILURES } else { OLD_IN_ANY_CASE });
    }
    if nobody_there {
        until = until.min(NOBODY_THERE);
    }
    if all_failed && some_missing {
        until = until.min(PARTLY_MISSING);
    }
    wait_until(until, Step::GiveUp)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NEW: Standing = Standing::Asked { failures: 0, is_unreachable: false };
    const TRIED: Standing = Standing::Asked { failures: 2, is_unreachable: false };
    const DEAD: Standing = Standing::Asked { failures: 2, is_unreachable: true };

    fn round(members: &[Standing], elapsed: u64, first_page: Option<u64>, has_old: bool) -> Step {
        let elapsed = Duration::from_millis(elapsed);
        let first_page = first_page.map(Duration::from_millis);
        let (patience, deadline) = (Duration::from_millis(700), Duration::from_mins(2));
        decide(&Round { members, patience, elapsed, first_page, idle: elapsed, has_old, deadline })
    }

    fn wait(millis: u64) -> Step {
        Step::Wait(Duration::from_millis(millis))
    }

    #[test]
    fn who_is_waited_for() {
        use Standing::{Failed, Missing, Page, Resting};
        for (what, members, elapsed, first, has_old, expected) in [
            ("the only page", &[Page][..], 5, Some(5), false, Step::Done),
            ("the others get as long again", &[Page, NEW], 40, Some(40), false, wait(40)),
            ("but not for ever", &[Page, NEW], 90, Some(40), false, Step::Done),
            ("a slow first page does not mean a slow second one", &[Page, NEW], 5000, Some(5000), false, wait(500)),
            ("a quick one waits a little", &[Page, NEW], 1, Some(1), false, wait(20)),
            ("the primary one gets longer", &[NEW, Page], 40, Some(40), false, wait(700)),
            ("but not for ever either", &[NEW, Page], 740, Some(40), false, Step::Done),
            ("nor when it failed", &[TRIED, Page, NEW], 5, Some(5), false, wait(20)),
            ("nor when it rests", &[Resting, Page], 5, Some(5), false, Step::Done),
            ("one that failed is not waited for", &[Page, TRIED], 5, Some(5), false, Step::Done),
            ("one that rests is not waited for", &[Page, Resting], 5, Some(5), false, Step::Done),
            ("all say no", &[Missing, Missing], 5, None, false, Step::Done),
            ("one says no", &[Missing, NEW], 5, None, false, wait(119_995)),
            ("one says no, one is broken", &[Missing, TRIED], 5, None, false, wait(9_995)),
            ("one says no, one was left alone", &[Missing, Resting], 5, None, false, Step::GiveUp),
            ("one says no, one refuses", &[Missing, Failed], 5, None, false, Step::GiveUp),
            ("a page beside a no", &[Missing, Page], 5, Some(5), false, Step::Done),
            ("in trouble", &[TRIED], 60_000, None, false, wait(60_000)),
            ("until the deadline", &[TRIED], 120_000, None, false, Step::GiveUp),
            ("nobody there", &[DEAD, DEAD], 29_000, None, false, wait(1_000)),
            ("somebody there", &[DEAD, TRIED], 31_000, None, false, wait(89_000)),
            ("an older page", &[TRIED, DEAD], 400, None, true, wait(600)),
            ("an older page instead", &[TRIED, DEAD], 1_000, None, true, Step::GiveUp),
            ("an older page, a slow member", &[NEW], 1_000, None, true, wait(9_000)),
        ] {
            assert_eq!(round(members, elapsed, first, has_old), expected, "{what}");
        }
    }

    #[test]
    fn how_long_the_primary_is_waited_for() {
        for (median, patience, expected) in [
            (None, 500, 500),
            (Some(2), 100, 500),
            (Some(150), 750, 750),
            (Some(300), 1500, 1000),
            (Some(1200), 5000, 0),
        ] {
            let view = MemberView {
                score: 0.0,
                median: median.map(Duration::from_millis),
                p95: None,
                patience: Duration::from_millis(patience),
                rate: None,
                permission: crate::base::breaker::Permission::Yes,
                hold_until: None,
                load: (0, 1),
            };
            assert_eq!(patience_with(&view), Duration::from_millis(expected), "{median:?} {patience}");
        }
    }

    fn standing() -> impl Strategy<Value = Standing> {
        prop_oneof![
            (0_u32..4, any::<bool>())
                .prop_map(|(failures, is_unreachable)| Standing::Asked { failures, is_unreachable }),
            Just(Standing::Page),
            Just(Standing::Missing),
            Just(Standing::Failed),
            Just(Standing::Resting),
        ]
    }

    proptest! {
        #[test]
        fn it_ends_and_never_says_no_for_others(
            members in prop::collection::vec(standing(), 0..5), elapsed in 0_u64..200_000, has_old: bool,
        ) {
            let has_page = members.contains(&Standing::Page);
            match round(&members, elapsed, has_page.then_some(elapsed.min(3000)), has_old) {
                Step::Wait(time) => prop_assert!(!time.is_zero() && elapsed < 120_000),
                Step::Done => prop_assert!(has_page || members.iter().all(|member| *member == Standing::Missing)),
                Step::GiveUp => prop_assert!(!has_page),
            }
        }
    }
}
