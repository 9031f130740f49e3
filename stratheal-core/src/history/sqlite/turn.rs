//! What the writer does next: a pure decision.

use std::time::Duration;

use tokio::time::Instant;

/// How long an entry waits for others to be written with.
pub(super) const GATHER: Duration = Duration::from_millis(500);

/// How the writer stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// Since when there is something to write.
    pub(super) since: Option<Instant>,
    /// There is as much as one transaction takes, or somebody waits for it.
    pub(super) urgent: bool,
    /// After trouble: nothing is tried before.
    pub(super) retry_at: Option<Instant>,
    /// When old rows are looked for next.
    pub(super) upkeep_at: Instant,
    /// A notice is shown until then.
    pub(super) notice_until: Option<Instant>,
    /// The end was asked for; nothing is tried later than this.
    pub(super) ends_at: Option<Instant>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Write what there is.
    Write,
    /// Delete what is too old, and look after the file.
    Upkeep,
    /// Take the notice down.
    ClearNotice,
    /// Wait so long for something new.
    Wait(Duration),
    /// Leave.
    End,
}

/// What to do next.
pub(super) fn next_turn(situation: &Situation, now: Instant) -> Turn {
    let Situation { since, urgent, retry_at, upkeep_at, notice_until, ends_at } = *situation;
    if let Some(ends_at) = ends_at {
        // The end of trouble is not waited for: the writer clears `retry_at` once, for a last try.
        return if since.is_none() || retry_at.is_some() || now >= ends_at { Turn::End } else { Turn::Write };
    }
    if notice_until.is_some_and(|until| now >= until) {
        return Turn::ClearNotice;
    }
    let write_at = since.map(|since| if urgent { now } else { since + GATHER });
    let (turn, at) = match write_at {
        Some(at) if at <= upkeep_at || retry_at.is_some() => (Turn::Write, at),
        _ => (Turn::Upkeep, upkeep_at),
    };
    let at = retry_at.map_or(at, |retry_at| at.max(retry_at));
    if now >= at {
        return turn;
    }
    Turn::Wait(notice_until.map_or(at, |until| at.min(until)) - now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quiet(now: Instant) -> Situation {
        Situation {
            since: None,
            urgent: false,
            retry_at: None,
            upkeep_at: now + Duration::from_mins(10),
            notice_until: None,
            ends_at: None,
        }
    }

    #[test]
    fn each_situation_has_its_turn() {
        let now = Instant::now();
        let (quiet, second) = (quiet(now), Duration::from_secs(1));
        let past = now - second;
        let soon = Some(now + second);
        for (situation, expected) in [
            (quiet, Turn::Wait(Duration::from_mins(10))),
            (Situation { since: Some(now), ..quiet }, Turn::Wait(GATHER)),
            (Situation { since: Some(past), ..quiet }, Turn::Write),
            (Situation { since: Some(now), urgent: true, ..quiet }, Turn::Write),
            (Situation { since: Some(past), urgent: true, retry_at: soon, ..quiet }, Turn::Wait(second)),
            (Situation { since: Some(past), retry_at: Some(now), ..quiet }, Turn::Write),
            (Situation { upkeep_at: now, ..quiet }, Turn::Upkeep),
            (Situation { upkeep_at: now, retry_at: soon, ..quiet }, Turn::Wait(second)),
            (Situation { upkeep_at: past, since: Some(now), ..quiet }, Turn::Upkeep),
            (Situation { notice_until: Some(past), ..quiet }, Turn::ClearNotice),
            (Situation { notice_until: soon, ..quiet }, Turn::Wait(second)),
            (Situation { ends_at: soon, ..quiet }, Turn::End),
            (Situation { ends_at: soon, since: Some(now), ..quiet }, Turn::Write),
            (Situation { ends_at: soon, since: Some(now), retry_at: Some(past), ..quiet }, Turn::End),
            (Situation { ends_at: Some(past), since: Some(now), ..quiet }, Turn::End),
        ] {
            assert_eq!(next_turn(&situation, now), expected, "{situation:?}");
        }
    }

    proptest! {
        #[test]
        fn never_waits_for_nothing_and_never_tries_too_early(
            since in prop::option::of(-5000_i64..5000), urgent: bool, retry in prop::option::of(-5000_i64..5000),
            upkeep in -5000_i64..5000, notice in prop::option::of(-5000_i64..5000),
        ) {
            let base = Instant::now() + Duration::from_mins(1);
            let at = |offset: i64| base + Duration::from_millis((offset + 5000).unsigned_abs());
            let now = at(0);
            let situation = Situation {
                since: since.map(|since| at(since.min(0))), urgent, retry_at: retry.map(at), upkeep_at: at(upkeep),
                notice_until: notice.map(at), ends_at: None,
            };
            match next_turn(&situation, now) {
                Turn::Wait(time) => {
                    prop_assert!(time > Duration::ZERO);
                    // Nothing that can be written waits longer than entries wait for each other.
                    prop_assert!(situation.since.is_none() || situation.retry_at.is_some() || time <= GATHER);
                }
                Turn::Write | Turn::Upkeep => prop_assert!(situation.retry_at.is_none_or(|retry| now >= retry)),
                Turn::ClearNotice => prop_assert!(situation.notice_until.is_some_and(|until| now >= until)),
                Turn::End => prop_assert!(false, "nobody asked for the end"),
            }
        }
    }
}
