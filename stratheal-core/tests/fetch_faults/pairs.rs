//! Two patterns at once.
//!
//! A seed chooses some in the usual run; the rest is `make chaos`. `STRATHEAL_CHAOS_SEED`, `STRATHEAL_CHAOS_PAIRS` (how many) and
//! `STRATHEAL_CHAOS_ONLY` (a part of the name) choose others.

use std::fmt::Write as _;
use std::time::Duration;

use futures::StreamExt as _;
use stratheal_core::testing::faulty_index::{Pattern, single};

use super::trial::{content, under};

/// How many pairs are tried at once.
const AT_ONCE: usize = 12;

/// How long without progress: half of what a fetcher has by default, as two faults may take turns.
const PATIENCE: Duration = Duration::from_mins(1);

/// All pairs of patterns whose faults can be had together.
fn pairs() -> Vec<(String, Pattern)> {
    let patterns = single();
    let both = patterns.iter().enumerate().flat_map(|(index, first)| {
        let second = patterns[index + 1..].iter();
        second.filter_map(move |second| Some((format!("{} + {}", first.name, second.name), first.and(second)?)))
    });
    both.collect()
}

/// Mixes the pairs in an order that the seed decides.
fn mixed(mut pairs: Vec<(String, Pattern)>, seed: u64) -> Vec<(String, Pattern)> {
    let mut state = seed;
    for last in (1..pairs.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        pairs.swap(last, (state >> 33) as usize % (last + 1));
    }
    pairs
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

async fn try_pairs(count: usize, seed: u64) {
    let content = content();
    let mut pairs = mixed(pairs(), seed);
    if let Ok(only) = std::env::var("STRATHEAL_CHAOS_ONLY") {
        pairs.retain(|(name, _)| name.contains(&only));
    }
    pairs.truncate(count);
    let outcomes: Vec<_> = futures::stream::iter(&pairs)
        .map(|(name, pattern)| under(name.clone(), pattern, &content, PATIENCE))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut failed = String::new();
    for outcome in outcomes {
        if let Some(problem) = outcome.problem {
            let _ = writeln!(failed, "{}: {problem}", outcome.name);
        }
    }
    assert!(failed.is_empty(), "of {} pairs, with seed {seed}:\n{failed}", pairs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn some_pairs_are_survived() {
    try_pairs(24, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "chaos: takes minutes"]
async fn chaos_all_pairs_are_survived() {
    let count = number("STRATHEAL_CHAOS_PAIRS", 10_000) as usize;
    try_pairs(count, number("STRATHEAL_CHAOS_SEED", 1)).await;
}
