//! The demo, as people run it: everything that it breaks comes back, and nothing is left of it.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

mod packages_playground;

use packages_playground::{Done, Place};
use serde_json::Value;
use stratheal_core::testing::skipped;

/// Codes of what has to do with the index, which is not what is tested here.
const NO_PACKAGE: [i32; 3] = [66, 75, 77];

/// Runs it. The one package that it needs is fetched, so that a machine without an index has to do without this test.
fn demo(place: &Place, arguments: &[&str]) -> Option<Done> {
    let done = place.run(&[&["demo", "--folder", "demo", "--format", "json"], arguments].concat());
    if NO_PACKAGE.contains(&done.code) {
        skipped("demo", done.err.trim());
        return None;
    }
    Some(done)
}

fn log(place: &Place) -> String {
    std::fs::read_to_string(place.path("demo/monitor.log")).unwrap_or_default()
}

/// What the command printed before its answer is about the installation.
fn answer(done: &Done) -> Value {
    let begin = done.out.find("\n{").map_or(0, |place| place + 1);
    serde_json::from_str(&done.out[begin..]).unwrap_or_else(|error| panic!("{error}: {done:?}"))
}

#[test]
fn everything_that_the_demo_breaks_ends_as_it_should() {
    let place = Place::new();
    let Some(done) = demo(&place, &[]) else { return };
    assert_eq!(done.code, 0, "{}\n{}", done.out, log(&place));
    let answer = answer(&done);
    let breakages = answer["breakages"].as_array().unwrap();
    assert_eq!(breakages.len(), 8);
    for breakage in breakages {
        match breakage["ended"].as_str().unwrap() {
            "well" => {}
            "skipped" => skipped("demo: full disk", breakage["why"].as_str().unwrap()),
            other => panic!("{other}: {breakage}"),
        }
    }
}

/// Also with its monitor and its keeper killed in between. Twenty minutes of it are `make soak`.
#[test]
fn a_minute_of_random_breakages_ends_with_everything_well_and_nothing_left() {
    let place = Place::new();
    let Some(done) = demo(&place, &["--random", "60s", "--seed", "11"]) else { return };
    assert_eq!(done.code, 0, "{}\n{}", done.out, log(&place));
    let answer = answer(&done);
    assert!(answer["troubles"].as_array().is_some_and(|troubles| troubles.len() >= 2), "{answer}");
    assert!(answer["availability"].as_f64().is_some_and(|percent| percent > 20.0), "{answer}");
}
