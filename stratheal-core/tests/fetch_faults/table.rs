//! Each pattern alone.

use std::fmt::Write as _;
use std::time::Duration;

use futures::StreamExt as _;
use stratheal_core::testing::faulty_index::{Pattern, mirrored, single};

use super::limits::{CHUNK, Limits};
use super::trial::{DEADLINE, Outcome, content, under};

/// How many patterns are tried at once. Most of them wait for something; more would make the machine itself a slow network.
const AT_ONCE: usize = 4;

/// Bytes of all files of the content, about.
const WHOLE: u64 = 2_200_000;

/// What a pattern may cost. The limits are for a debug build on two busy processors; the benchmark measures the speed.
fn limits(pattern: &Pattern) -> Limits {
    let seconds = |seconds| Duration::from_secs(seconds);
    // 7 pages, 7 times metadata, 8 files, and each of them once more, is what a fault of the first request costs.
    let usual = Limits { took: seconds(12), repeated: 8 * CHUNK, requests: 60 };
    let base = match pattern.name {
        // What arrived is whole and wrong, so that all of it is fetched again.
        "flipped" | "wrong-length" | "mirror-flips" | "mirror-other-bytes" => {
            Limits { repeated: WHOLE + 8 * CHUNK, ..usual }
        }
        // Without ranges every cut begins anew.
        "no-ranges" => Limits { repeated: 16 * 20_000 + 8 * CHUNK, requests: 80, ..usual },
        // What continues wrongly cannot be kept.
        "wrong-start" | "other-start" | "wrong-total" | "partial-as-whole" => {
            Limits { repeated: 2 * WHOLE, requests: 90, ..usual }
        }
        "reset-within" => Limits { requests: 90, ..usual },
        "burst-503" | "burst-reset" | "429-above-4" => Limits { took: seconds(20), requests: 400, ..usual },
        _ => usual,
    };
    Limits { took: base.took + pattern.floor, ..base }
}

async fn try_all(mut patterns: Vec<Pattern>) {
    if let Ok(only) = std::env::var("STRATHEAL_CHAOS_ONLY") {
        patterns.retain(|pattern| pattern.name.contains(&only));
    }
    let content = content();
    let outcomes: Vec<Outcome> = futures::stream::iter(&patterns)
        .map(|pattern| under(pattern.name.to_owned(), pattern, &content, DEADLINE))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut table = format!("{:24} {:>6} {:>10} {:>8}\n", "pattern", "s", "repeated", "requests");
    let mut failed = 0;
    for (pattern, outcome) in patterns.iter().zip(&outcomes) {
        let problems = limits(pattern).exceeded(outcome);
        let Outcome { name, took, repeated, requests, .. } = outcome;
        let _ =
            writeln!(table, "{name:24} {:6.1} {repeated:10} {requests:8}  {}", took.as_secs_f64(), problems.join("; "));
        failed += usize::from(!problems.is_empty());
    }
    report(&table);
    assert_eq!(failed, 0, "of {} patterns:\n{table}", patterns.len());
}

#[expect(clippy::print_stdout, reason = "whoever wants the table asks the runner to show it")]
fn report(table: &str) {
    println!("{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_server_is_survived() {
    try_all(single()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_member_is_enough() {
    try_all(mirrored()).await;
}
