//! Alert quality, replayed: recorded series and worlds go through the real engine and through the rules of Nagios, Monit and
//! Kubernetes, and what each would have told is set against what was really the matter.
//!
//! The outcome is the table in `docs/alert-quality.md`. `UPDATE_DOCS=1 cargo test -p stratheal-core --test replay` writes it anew;
//! otherwise the file is compared.

mod engine;
mod kubernetes;
mod monit;
mod nagios;
mod properties;
mod recording;
mod references;
mod rule;
mod score;
mod stratheal;
mod table;
mod world;

use std::io::Write;

use recording::{Recording, recordings};
use references::Dependencies;
use rule::Contender;
use score::Score;
use stratheal_core::model::Status;
use table::Table;
use world::{Scene, TIMES, WorldScore, scenes};

/// Here flap detection speaks up although nothing is wrong; docs/alert-quality.md says why that is accepted.
const SPEAKS_UP: &[&str] = &["dense blips"];

struct Replayed {
    recording: Recording,
    ours: Score,
    others: [Score; 3],
}

impl Replayed {
    fn new(recording: Recording) -> Self {
        let ours = recording.score(Contender::Stratheal);
        let others = Contender::OTHERS.map(|contender| recording.score(contender));
        Self { recording, ours, others }
    }
}

fn replayed(name: &str) -> Replayed {
    Replayed::new(recordings().into_iter().find(|recording| recording.name == name).expect("there is such a recording"))
}

#[test]
fn nobody_is_blamed_more_often_than_by_the_others() {
    for Replayed { recording, ours, others } in recordings().into_iter().map(Replayed::new) {
        if SPEAKS_UP.contains(&recording.name) {
            continue;
        }
        for (other, contender) in others.iter().zip(Contender::OTHERS) {
            assert!(ours.false_alerts <= other.false_alerts, "{}: {ours} / {contender:?} {other}", recording.name);
        }
    }
}

#[test]
fn what_the_others_find_is_found() {
    for Replayed { recording, ours, others } in recordings().into_iter().map(Replayed::new) {
        for (other, contender) in others.iter().zip(Contender::OTHERS) {
            assert!(ours.missed <= other.missed, "{}: {ours} / {contender:?} {other}", recording.name);
        }
    }
}

/// At equal thresholds the first word comes as early as from the fastest of the others, or later by one result at most, plus one
/// for each result in which the monitor could not measure: those accuse nobody here.
#[test]
fn the_first_word_comes_in_time() {
    for Replayed { recording, ours, others } in recordings().into_iter().map(Replayed::new) {
        for (place, incident) in recording.incidents.iter().enumerate() {
            let Some(fastest) = others.iter().filter_map(|other| other.delays[place]).min() else { continue };
            let blind = recording.results[incident.clone()].iter().filter(|status| **status == Status::Unknown).count();
            let delay = ours.delays[place].expect("what the others find is found");
            assert!(delay <= fastest + 1 + blind, "{}: {delay} > {fastest} + 1 + {blind}", recording.name);
        }
    }
}

#[test]
fn a_slow_drift_is_told_once() {
    let drift = replayed("slow drift");
    assert_eq!(drift.ours.alerts, 1);
    assert!(drift.others.iter().all(|other| other.alerts > 3), "{:?}", drift.others);
    let single = replayed("slow drift, one threshold");
    assert!(single.ours.alerts > 1, "hysteresis makes the difference: {}", single.ours);
}

#[test]
fn what_cannot_be_measured_accuses_nobody() {
    let blind = replayed("blind spots");
    assert_eq!(blind.ours.alerts, 0);
    assert!(blind.others[..2].iter().all(|other| other.false_alerts > 0), "{:?}", blind.others);
}

struct Watched {
    scene: Scene,
    ours: WorldScore,
    ours_without: WorldScore,
    others: Vec<(&'static str, WorldScore)>,
}

/// The rules of others that a world is watched by, with their names.
const WATCHERS: [(&str, Contender, Dependencies); 5] = [
    ("Nagios", Contender::Nagios, Dependencies::Hard),
    ("Nagios, soft", Contender::Nagios, Dependencies::Soft),
    ("Nagios, none", Contender::Nagios, Dependencies::Ignored),
    ("Monit", Contender::Monit, Dependencies::Ignored),
    ("Kubernetes", Contender::Kubernetes, Dependencies::Ignored),
];

async fn watch(scene: Scene) -> Watched {
    let (mut ours, mut ours_without) = (WorldScore::default(), WorldScore::default());
    let mut others: Vec<_> = WATCHERS.iter().map(|(name, ..)| (*name, WorldScore::default())).collect();
    for world in &scene.worlds {
        let of_ours = world.score(&engine::watch(world, true).await);
        // Without a parent there is nothing to leave out.
        let alone = world.targets.iter().all(|target| target.parent.is_none());
        let without = if alone { of_ours.clone() } else { world.score(&engine::watch(world, false).await) };
        ours.add(of_ours);
        ours_without.add(without);
        for ((_, sum), (_, contender, dependencies)) in others.iter_mut().zip(WATCHERS) {
            sum.add(world.score(&references::watch(world, contender, dependencies)));
        }
    }
    Watched { scene, ours, ours_without, others }
}

fn assert_promises(watched: &Watched) {
    let Watched { scene, ours, ours_without, others } = watched;
    let name = scene.name;
    for (other, score) in others {
        assert!(ours.false_alerts <= score.false_alerts, "{name}: {ours} / {other} {score}");
        assert!(ours.missed <= score.missed, "{name}: {ours} / {other} {score}");
        if let (Some(ours), Some(fastest)) = (ours.worst_delay(), score.worst_delay()) {
            // A child asks its parent first, which costs one look at it.
            assert!(ours.as_secs_f64() <= fastest.as_secs_f64() + 2.0, "{name}: {ours:?} / {other} {fastest:?}");
        }
    }
    if name.starts_with("cascade") {
        assert_eq!(ours.alerts, TIMES, "{name}: each cascade is told once");
        assert_eq!(ours_without.alerts, 31 * TIMES, "{name}: that is the work of dependencies");
    }
    if name == "blind monitor" {
        assert_eq!((ours.alerts, ours.false_alerts), (TIMES, 0), "{name}: told of the monitor itself");
    }
}

/// All promises about worlds, and the page. One test, because watching takes seconds.
#[tokio::test(start_paused = true)]
async fn worlds_keep_the_promises_and_the_page_is_up_to_date() {
    let all: Vec<Replayed> = recordings().into_iter().map(Replayed::new).collect();
    let mut series = Table::new(["series", "stratheal", "Nagios", "Monit", "Kubernetes"]);
    for Replayed { recording, ours, others } in &all {
        let cells = std::iter::once(ours).chain(others).map(ToString::to_string);
        series.row(std::iter::once(format!("**{}**: {}", recording.name, recording.about)).chain(cells));
    }
    let head = ["scene", "stratheal", "stratheal, none"].into_iter().chain(WATCHERS.map(|(name, ..)| name));
    let mut in_time = Table::new(head);
    for scene in scenes() {
        let watched = watch(scene).await;
        assert_promises(&watched);
        let Watched { scene, ours, ours_without, others } = &watched;
        let scores = [ours, ours_without].into_iter().chain(others.iter().map(|(_, score)| score));
        let cells = scores.map(ToString::to_string);
        in_time.row(std::iter::once(format!("**{}**: {}", scene.name, scene.about)).chain(cells));
    }
    // Past the capturing of tests: this is what the test is for.
    write!(std::io::stdout(), "\n{series}\n{in_time}").expect("standard output is there");
    table::in_page(&[("series", &series), ("worlds", &in_time)]);
}
