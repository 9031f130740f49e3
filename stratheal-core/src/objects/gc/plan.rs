//! Which objects go.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::objects::{ContentId, Kind};

/// What may stay in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcPolicy {
    /// The most bytes of all objects together; `None` for any number. What was not used for the longest goes first.
    pub max_bytes: Option<u64>,
    /// How long something may lie unused; `None` for ever. A use is noted once a day.
    pub max_age: Option<SignedDuration>,
    /// What was stored or used less than this ago always stays: somebody may be about to use it. One hour by default.
    pub grace: SignedDuration,
    /// How long a download that was begun is kept. 14 days by default.
    pub partials: SignedDuration,
}

impl Default for GcPolicy {
    fn default() -> Self {
        Self {
            max_bytes: None,
            max_age: None,
            grace: SignedDuration::from_hours(1),
            partials: SignedDuration::from_hours(14 * 24),
        }
    }
}

/// Why something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It was not used for too long.
    Unused,
    /// There is too much, and this was not used for the longest.
    TooMuch,
}

/// An object as far as the plan needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) id: ContentId,
    pub(super) bytes: u64,
    pub(super) used: Timestamp,
}

/// What goes, in the order in which it goes.
///
/// `kept` are the ids that must stay. They keep packs; a tree can always be unpacked again.
pub(super) fn plan(
    mut items: Vec<Item>,
    kept: &HashSet<ContentId>,
    policy: &GcPolicy,
    now: Timestamp,
) -> Vec<(Item, Reason)> {
    let mut total: u64 = items.iter().map(|item| item.bytes).sum();
    // Who uses a tree uses its pack: that repairs it.
    let trees: HashMap<_, _> =
        items.iter().filter(|item| item.kind == Kind::Tree).map(|item| (item.id, item.used)).collect();
    for pack in items.iter_mut().filter(|item| item.kind == Kind::Pack) {
        pack.used = trees.get(&pack.id).map_or(pack.used, |tree| pack.used.max(*tree));
    }
    // Oldest first; of the same age a tree before its pack, because it can be had without a network.
    items.sort_by_key(|item| (item.used, item.kind != Kind::Tree, item.kind, item.id));
    let mut going: Vec<(Item, Reason)> = Vec::new();
    let age = |item: &Item| now.duration_since(item.used);
    for item in items {
        // A time in the future comes from a clock that was set back: it was used just now, as far as anybody knows.
        let is_fresh = age(&item) < policy.grace;
        let must_stay = item.kind != Kind::Tree && kept.contains(&item.id);
        if is_fresh || must_stay {
            continue;
        }
        let too_old = policy.max_age.is_some_and(|most| age(&item) > most);
        let too_much = policy.max_bytes.is_some_and(|most| total > most);
        let reason = match (too_old, too_much) {
            (true, _) => Reason::Unused,
            (false, true) => Reason::TooMuch,
            (false, false) => continue,
        };
        total -= item.bytes;
        going.push((item, reason));
    }
    going
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    /// An object of 10 bytes, used so many days ago.
    fn item(kind: Kind, name: &str, days: i64) -> Item {
        let used = now() - SignedDuration::from_hours(24 * days);
        Item { kind, id: ContentId::of(name.as_bytes()), bytes: 10, used }
    }

    #[test]
    fn what_goes() {
        let days = |days: i64| Some(SignedDuration::from_hours(24 * days));
        let policy = |max_bytes, max_age| GcPolicy { max_bytes, max_age, ..GcPolicy::default() };
        let items = vec![
            item(Kind::Pack, "old", 40),
            item(Kind::Tree, "old", 50),
            item(Kind::Pack, "middle", 20),
            item(Kind::Pack, "kept", 90),
            item(Kind::Pack, "new", 0),
            item(Kind::Pack, "from the future", -5),
        ];
        let kept = HashSet::from([ContentId::of(b"kept")]);
        for (policy, expected) in [
            (policy(None, None), vec![]),
            (policy(None, days(60)), vec![]),
            (policy(None, days(45)), vec![("old", Kind::Tree, Reason::Unused)]),
            (policy(None, days(30)), vec![("old", Kind::Tree, Reason::Unused), ("old", Kind::Pack, Reason::Unused)]),
            (policy(Some(60), None), vec![]),
            (policy(Some(55), None), vec![("old", Kind::Tree, Reason::TooMuch)]),
            (
                policy(Some(0), None),
                vec![
                    ("old", Kind::Tree, Reason::TooMuch),
                    ("old", Kind::Pack, Reason::TooMuch),
                    ("middle", Kind::Pack, Reason::TooMuch),
                ],
            ),
        ] {
            let going = plan(items.clone(), &kept, &policy, now());
            let going: Vec<_> = going.into_iter().map(|(item, reason)| (item.id, item.kind, reason)).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(name, kind, reason)| (ContentId::of(name.as_bytes()), kind, reason))
                .collect();
            assert_eq!(going, expected, "{policy:?}");
        }
    }

    #[test]
    fn a_pack_stays_as_long_as_its_tree() {
        for (pack, tree, expected) in [(40, 0, &[][..]), (40, 2, &[Kind::Tree]), (2, 40, &[Kind::Tree])] {
            let items = vec![item(Kind::Pack, "a", pack), item(Kind::Tree, "a", tree)];
            let policy = GcPolicy { max_bytes: Some(15), ..GcPolicy::default() };
            let going = plan(items, &HashSet::new(), &policy, now());
            assert_eq!(going.into_iter().map(|(item, _)| item.kind).collect::<Vec<_>>(), expected, "{pack} {tree}");
        }
    }

    proptest! {
        #[test]
        fn no_more_than_needed_and_never_what_must_stay(
            ages in proptest::collection::vec((0..2_u8, 0..6_u8, 0..200_i64), 0..30),
            most in 0..400_u64,
            stays in 0..6_u8,
        ) {
            let mut items: Vec<_> = ages.iter().map(|(kind, name, days)| {
                let kind = [Kind::Pack, Kind::Tree][usize::from(*kind)];
                item(kind, &name.to_string(), *days)
            }).collect();
            items.sort_by_key(|item| (item.kind, item.id));
            items.dedup_by_key(|item| (item.kind, item.id));
            let kept = HashSet::from([ContentId::of(stays.to_string().as_bytes())]);
            let policy = GcPolicy { max_bytes: Some(most), ..GcPolicy::default() };
            let going = plan(items.clone(), &kept, &policy, now());
            let each: HashSet<_> = going.iter().map(|(item, _)| (item.kind, item.id)).collect();
            prop_assert_eq!(each.len(), going.len(), "nothing goes twice");
            prop_assert!(going.iter().all(|(item, _)| item.kind == Kind::Tree || !kept.contains(&item.id)));
            prop_assert!(going.iter().all(|(item, _)| now().duration_since(item.used) >= policy.grace));
            let left = 10 * (items.len() - going.len()) as u64;
            let is_fresh_tree_of = |tree: &Item, pack: &Item| {
                let fresh = now().duration_since(tree.used) < policy.grace;
                tree.kind == Kind::Tree && tree.id == pack.id && fresh
            };
            let could_go = |item: &&Item| {
                !each.contains(&(item.kind, item.id))
                    && now().duration_since(item.used) >= policy.grace
                    && (item.kind == Kind::Tree || !kept.contains(&item.id))
                    && !(item.kind == Kind::Pack && items.iter().any(|tree| is_fresh_tree_of(tree, item)))
            };
            prop_assert!(left <= most || items.iter().find(could_go).is_none());
            let leaves_a_tree = |pack: &Item| {
                let tree = items.iter().find(|item| item.kind == Kind::Tree && item.id == pack.id);
                pack.kind == Kind::Pack && tree.is_some_and(|tree| !each.contains(&(tree.kind, tree.id)))
            };
            prop_assert!(!going.iter().any(|(item, _)| leaves_a_tree(item)), "a tree without its pack");
            prop_assert!(going.is_empty() || left + 10 > most, "the last step was needed");
        }
    }
}
