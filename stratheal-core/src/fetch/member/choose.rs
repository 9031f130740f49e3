//! Which member is asked first.

use std::time::Duration;

use tokio::time::Instant;

use super::view::MemberView;
use crate::base::breaker::Permission;

/// What is assumed of a member that has not answered yet when no other one has either.
const UNKNOWN_LATENCY: Duration = Duration::from_millis(50);
/// How much each failure of late makes a member look slower.
const FAILURE_FACTOR: f64 = 4.0;

/// The members in the order in which to ask them for about `bytes` bytes; each one appears once.
///
/// Those that may be used come first, the ones with the least expected time first and the order of the source between equals. Those
/// that rest come after them, the one that is usable soonest first: whether to wait for one is up to the caller. A member whose
/// breaker wants a probe ranks behind all that are well; with nothing else left it is real work.
pub(crate) fn choose(views: &[MemberView], bytes: u64, now: Instant) -> Vec<usize> {
    let known = || views.iter().filter_map(|view| view.median);
    let latency = known().min().unwrap_or(UNKNOWN_LATENCY);
    let rate = views.iter().filter_map(|view| view.rate).fold(f64::NAN, f64::max);
    let cost = |view: &MemberView| {
        // What is not known is assumed to be as good as the best, so that it gets its chance and becomes known.
        let wait = view.median.unwrap_or(latency).as_secs_f64();
        let rate = view.rate.unwrap_or(rate);
        let transfer = if rate.is_nan() || rate <= 0.0 { 0.0 } else { bytes as f64 / rate };
        let (busy, limit) = view.load;
        let load = busy as f64 / limit.max(1) as f64;
        (wait + transfer) * (1.0 + FAILURE_FACTOR * view.score) * (1.0 + load)
    };
    let rank = |view: &MemberView| match (view.usable_at(now), view.permission) {
        (Some(until), _) => (2, until, 0.0),
        (None, Permission::Probe) => (1, now, cost(view)),
        (None, _) => (0, now, cost(view)),
    };
    let mut order: Vec<_> = views.iter().map(rank).enumerate().collect();
    order.sort_by(|(a_index, a), (b_index, b)| {
        a.0.cmp(&b.0).then(a.1.cmp(&b.1)).then(a.2.total_cmp(&b.2)).then(a_index.cmp(b_index))
    });
    order.into_iter().map(|(index, _)| index).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn well() -> MemberView {
        MemberView {
            score: 0.0,
            median: None,
            p95: None,
            patience: Duration::from_secs(1),
            rate: None,
            permission: Permission::Yes,
            hold_until: None,
            load: (0, 16),
        }
    }

    fn takes(millis: u64) -> MemberView {
        MemberView { median: Some(Duration::from_millis(millis)), ..well() }
    }

    #[test]
    fn the_best_comes_first() {
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let no = |seconds| MemberView { permission: Permission::No(later(seconds)), ..well() };
        let held = |seconds| MemberView { hold_until: Some(later(seconds)), ..well() };
        let failed = |score| MemberView { score, ..well() };
        let probe = MemberView { permission: Permission::Probe, ..takes(1) };
        let rate = |rate: f64| MemberView { rate: Some(rate), ..takes(10) };
        let busy = MemberView { load: (16, 16), ..takes(10) };
        for (what, views, bytes, expected) in [
            ("the order of the source between equals", vec![well(), well(), well()], 0, vec![0, 1, 2]),
            ("the quicker one", vec![takes(50), takes(5)], 0, vec![1, 0]),
            ("an unknown one gets its chance", vec![well(), takes(5)], 0, vec![0, 1]),
            ("one that failed", vec![failed(1.0), well()], 0, vec![1, 0]),
            ("an open breaker", vec![no(9), no(3), well()], 0, vec![2, 1, 0]),
            ("one that is held", vec![held(5), well()], 0, vec![1, 0]),
            ("a hold that is over", vec![MemberView { hold_until: Some(now), ..well() }, well()], 0, vec![0, 1]),
            ("a probe behind what is well", vec![probe, takes(500)], 0, vec![1, 0]),
            ("a probe before what rests", vec![no(1), probe], 0, vec![1, 0]),
            ("rate counts for large files", vec![takes(5), rate(1e6), rate(9e6)], 10_000_000, vec![0, 2, 1]),
            ("a busy one", vec![busy, takes(12)], 0, vec![1, 0]),
            ("nobody", vec![], 0, vec![]),
        ] {
            assert_eq!(choose(&views, bytes, now), expected, "{what}");
        }
    }

    proptest! {
        #[test]
        fn everybody_once_and_the_well_before_the_resting(
            members in prop::collection::vec((0_u8..4, any::<f64>(), 0_u64..10_000, any::<f64>()), 0..8),
            bytes: u64,
        ) {
            let now = Instant::now();
            let views: Vec<_> = members.iter().map(|&(kind, score, millis, rate)| MemberView {
                score,
                median: (kind != 1).then(|| Duration::from_millis(millis)),
                rate: (kind != 1).then_some(rate),
                permission: if kind == 3 { Permission::No(now + Duration::from_millis(millis + 1)) } else { Permission::Yes },
                ..well()
            }).collect();
            let order = choose(&views, bytes, now);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..views.len()).collect::<Vec<_>>());
            let resting: Vec<_> = order.iter().map(|&index| views[index].usable_at(now).is_some()).collect();
            prop_assert!(resting.is_sorted());
        }
    }
}
