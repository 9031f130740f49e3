//! When a second member is asked as well, because the first one is late.

use std::time::Duration;

use super::view::MemberView;

/// Never earlier than this: a hedge that is not needed is load on somebody else.
const FLOOR: Duration = Duration::from_millis(100);
/// Never later than this: a dead member costs at most this, once.
pub(crate) const LATE_AFTER: Duration = Duration::from_secs(1);
/// For a member that has not answered yet.
const UNKNOWN: Duration = Duration::from_millis(500);

/// How long to wait for the head of an answer of `asked` before `next` is asked as well. `None` when there is nobody else.
///
/// It is the time that one in twenty of its answers exceeds. When the other one is known to take longer than that, it is given more
/// time: an answer that is nearly there beats a question that is just put.
pub(crate) fn hedge_after(asked: &MemberView, next: Option<&MemberView>) -> Option<Duration> {
    let next = next?;
    let own = asked.p95.unwrap_or(UNKNOWN);
    let other = next.median.unwrap_or_default() / 2;
    Some(own.max(other).clamp(FLOOR, LATE_AFTER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::breaker::Permission;

    fn view(median: Option<u64>, p95: Option<u64>) -> MemberView {
        MemberView {
            score: 0.0,
            median: median.map(Duration::from_millis),
            p95: p95.map(Duration::from_millis),
            patience: Duration::from_secs(1),
            rate: None,
            permission: Permission::Yes,
            hold_until: None,
            load: (0, 1),
        }
    }

    #[test]
    fn when_to_hedge() {
        for (p95, other, expected) in [
            (None, None, 500),
            (Some(20), Some(20), 100),
            (Some(300), Some(20), 300),
            (Some(5000), Some(20), 1000),
            (Some(200), Some(1000), 500),
        ] {
            let after = hedge_after(&view(p95, p95), Some(&view(other, other)));
            assert_eq!(after, Some(Duration::from_millis(expected)), "{p95:?} {other:?}");
        }
        assert_eq!(hedge_after(&view(None, None), None), None, "nobody else");
    }

    proptest! {
        #[test]
        fn a_dead_member_costs_at_most_a_second(p95: Option<u64>, other: Option<u64>) {
            let after = hedge_after(&view(None, p95), Some(&view(other, other))).unwrap();
            prop_assert!(after >= FLOOR && after <= LATE_AFTER);
        }
    }
}
