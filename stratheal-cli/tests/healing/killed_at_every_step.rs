//! The monitor is killed at every moment at which a remedy or a check is at work, one moment in each round, and once more at the next
//! moment, while it finds out how far it was.

use std::time::Duration;

use super::json;
use crate::playground::{Playground, pause};

/// `act.sh NAME do|probe|undo|check FILES`: what remedies and checks run. At each `moment` it may kill who started it. It then goes on, as
/// a program does that nobody has told.
const ACT: &str = r#"
name=$1 what=$2
moment() {
    # A check may run beside a remedy.
    count=$(flock counting sh -c 'count=$(($(cat count 2>/dev/null || echo 0) + 1)); echo $count | tee count')
    for at in $(cat kill); do
        if [ $count = $at ]; then
            echo "$name $what $1" >>killed
            kill -9 $PPID
            sleep 0.2
        fi
    done
}
alone() {
    exec 9>"busy-$name"
    flock -n 9 || { echo "$name $what" >>twice; exit 9; }
}
case $what in
do) alone; moment before; echo half >"$name.half"; moment middle; mv "$name.half" "$name"; moment after ;;
undo) alone; moment before; rm -f "$name" "$name.half"; moment after ;;
probe) moment look; test -e "$name" ;;
check) moment run; shift 2; for file; do [ -e "$file" ] || { echo "$file is missing"; exit 2; }; done; echo "all there" ;;
esac
"#;

/// Remedies `a`, `b` and `c`, of which each makes the file of its name, and `a-and-b`; a check that wants files.
fn playground(wanted: &str, ladder: &str, kill: u32) -> Playground {
    let remedy = |name: &str| {
        let command = |what: &str| format!("[\"sh\", \"act.sh\", \"{name}\", \"{what}\"]");
        format!(
            "[remedies.{name}]\nrun = {}\nprobe = {}\nundo = {}\n",
            command("do"),
            command("probe"),
            command("undo")
        )
    };
    let play = Playground::new(&format!(
        r#"
[checks.files]
command = ["sh", "act.sh", "files", "check", {wanted}]
interval = "1h"
fail_after = 1
[heal.files]
ladder = {ladder}
verify_timeout = "300ms"
probation = "200ms"
first_pause = "10ms"
longest_pause = "50ms"
[remedies.a-and-b]
sequence = ["a", "b"]
{}{}{}"#,
        remedy("a"),
        remedy("b"),
        remedy("c")
    ));
    std::fs::write(play.path("act.sh"), ACT).unwrap();
    std::fs::write(play.path("kill"), format!("{kill} {}", kill + 1)).unwrap();
    play
}

/// Kills at every moment there is; which those were.
fn killed_at_every_moment(wanted: &str, ladder: &str, at_the_end: impl Fn(&Playground)) -> Vec<String> {
    let mut moments = Vec::new();
    for kill in 1..200 {
        let play = playground(wanted, ladder, kill);
        let killed = || std::fs::read_to_string(play.path("killed")).unwrap_or_default();
        let mut told = Vec::new();
        let last = loop {
            let before = killed().lines().count();
            let done = play.run(&["heal", "--timeout", "30s"]);
            if killed().lines().count() == before {
                break done;
            }
            assert!(before < 2, "killed once too often");
            told.push(done);
            // What was killed in the middle goes on for a while.
            pause(Duration::from_millis(50));
        };
        let Some(moment) = killed().lines().next().map(str::to_owned) else {
            assert_eq!(last.code, 0, "{last:?}");
            return moments;
        };
        let context = || format!("killed at {:?}: {last:?} after {told:?}", killed());
        assert_eq!(last.code, 0, "{}", context());
        assert!(!play.path("twice").exists(), "two were at work at once, {}", context());
        at_the_end(&play);
        let incidents = json(&play, &["incidents", "list"]);
        let states: Vec<&str> = incidents.as_array().unwrap().iter().filter_map(|one| one["state"].as_str()).collect();
        assert!(states.iter().all(|state| *state == "resolved"), "{states:?}, {}", context());
        let audit = play.run(&["audit", "verify"]);
        assert_eq!(audit.code, 0, "{audit:?}, {}", context());
        moments.push(moment);
    }
    panic!("there is no end to the moments: {moments:?}");
}

#[test]
fn killed_at_every_step_of_what_helps_it_is_done_once_and_to_the_end() {
    let moments = killed_at_every_moment("\"a\", \"b\"", "[\"a-and-b\"]", |play| {
        assert!(play.path("a").exists() && play.path("b").exists());
        assert!(!play.path("a.half").exists() && !play.path("b.half").exists());
    });
    for moment in ["a do before", "a do middle", "a do after", "b do before", "b do middle", "b do after"] {
        assert!(moments.iter().any(|known| known == moment), "{moment} is not among {moments:?}");
    }
    assert!(moments.iter().filter(|moment| *moment == "files check run").count() >= 3, "{moments:?}");
}

#[test]
fn killed_at_every_step_of_what_does_not_help_it_is_taken_back_and_the_next_is_tried() {
    let moments = killed_at_every_moment("\"c\"", "[\"a-and-b\", \"c\"]", |play| {
        assert!(play.path("c").exists());
        let left = ["a", "b", "a.half", "b.half"].into_iter().filter(|file| play.path(file).exists());
        assert_eq!(left.collect::<Vec<_>>(), Vec::<&str>::new(), "not taken back");
    });
    for name in ["a", "b"] {
        for moment in ["do before", "do middle", "do after", "undo before", "undo after", "probe look"] {
            let wanted = format!("{name} {moment}");
            assert!(moments.contains(&wanted), "{wanted} is not among {moments:?}");
        }
    }
}
