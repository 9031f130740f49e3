//! Rows of what happens, and what is done about it.

use jiff::Timestamp;

use super::super::ending::How;
use super::*;

fn id(text: &str) -> ServiceId {
    ServiceId::new(text).unwrap()
}

fn ending(how: How) -> Ending {
    Ending { how, ..Ending::unseen(Timestamp::UNIX_EPOCH) }
}

fn run(number: u64) -> String {
    format!("a-{number}")
}

fn launched(number: u64) -> Input {
    Input::Launched { run: run(number), pid: Some(7) }
}

fn executed(number: u64) -> Input {
    Input::Executed { run: run(number) }
}

fn ended(number: u64) -> Input {
    Input::Ended { run: run(number), ending: ending(How::Exited(1)) }
}

fn gone(number: u64) -> Input {
    Input::Gone { run: run(number) }
}

/// What is done, in short.
fn short(acts: &[Act]) -> Vec<String> {
    let word = |act: &Act| match act {
        Act::Launch(run) => format!("launch {run}"),
        Act::Stop(run) => format!("stop {run}"),
        Act::Acknowledge(run) => format!("note {run}"),
        Act::Tell(what) => {
            let text = format!("{what:?}");
            text.split([' ', '{']).next().unwrap().to_owned()
        }
    };
    acts.iter().map(word).collect()
}

fn state_word(machine: &Machine) -> String {
    let text = format!("{:?}", machine.state());
    text.split([' ', '{']).next().unwrap().to_owned()
}

/// Plays inputs, and compares what is done after each and the state at the end.
#[track_caller]
fn plays(rows: &[(Input, &[&str], &str)]) -> Machine {
    let mut machine = Machine::new("a".to_owned(), true, None);
    for (number, (input, acts, state)) in rows.iter().enumerate() {
        let done = machine.step(input.clone(), &[]);
        assert_eq!(short(&done), *acts, "row {number}: {input:?}");
        assert_eq!(state_word(&machine), *state, "row {number}: {input:?}");
    }
    machine
}

#[test]
fn a_life() {
    let machine = plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (Input::Start, &[], "Starting"),
        (launched(1), &["Started"], "Starting"),
        (executed(1), &["Ready"], "Ready"),
        (Input::Ready { run: run(1) }, &[], "Ready"),
        (Input::Stop(StoppedBy::Person), &["stop a-1"], "Stopping"),
        (ended(1), &["Ended"], "Stopping"),
        (gone(1), &["note a-1", "Stopped"], "Stopped"),
        (Input::Stop(StoppedBy::Person), &[], "Stopped"),
    ]);
    assert!(machine.is_quiet());
}

#[test]
fn a_restart_waits_until_nothing_is_left() {
    let machine = plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (launched(1), &["Started"], "Starting"),
        (executed(1), &["Ready"], "Ready"),
        (Input::Restart, &["stop a-1"], "Stopping"),
        (Input::Restart, &[], "Stopping"),
        (ended(1), &["Ended"], "Stopping"),
        (gone(1), &["note a-1", "launch a-2"], "Starting"),
        (launched(2), &["Started"], "Starting"),
    ]);
    assert_eq!(machine.restarts(), 1);
}

#[test]
fn what_ends_by_itself_is_not_started_by_itself() {
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (launched(1), &["Started"], "Starting"),
        (executed(1), &["Ready"], "Ready"),
        (ended(1), &["Ended"], "Ended"),
        (ended(1), &[], "Ended"),
        (gone(1), &["note a-1"], "Ended"),
        (Input::Restart, &["launch a-2"], "Starting"),
    ]);
}

#[test]
fn a_restart_before_the_rest_of_the_last_run_is_gone_waits() {
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (launched(1), &["Started"], "Starting"),
        (ended(1), &["Ended"], "Ended"),
        (Input::Restart, &["stop a-1"], "Stopping"),
        (gone(1), &["note a-1", "launch a-2"], "Starting"),
    ]);
}

#[test]
fn news_may_overtake_the_answer() {
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (ended(1), &["Ended"], "Ended"),
        (gone(1), &["note a-1"], "Ended"),
        (launched(1), &[], "Ended"),
        (executed(1), &[], "Ended"),
    ]);
}

#[test]
fn a_stop_during_the_start_is_not_lost() {
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (Input::Stop(StoppedBy::Engine), &[], "Stopping"),
        (launched(1), &["stop a-1"], "Stopping"),
        (executed(1), &[], "Stopping"),
        (gone(1), &["note a-1", "Stopped"], "Stopped"),
    ]);
    let not_launched = Input::NotLaunched { run: run(1), what: What::NotStarted { why: "x".into() }, why: "x".into() };
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (Input::Stop(StoppedBy::Engine), &[], "Stopping"),
        (not_launched.clone(), &["Stopped"], "Stopped"),
    ]);
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (not_launched, &["NotStarted"], "Failed"),
        (Input::Start, &["launch a-2"], "Starting"),
    ]);
}

#[test]
fn the_last_word_counts_while_it_stops() {
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (launched(1), &["Started"], "Starting"),
        (Input::Stop(StoppedBy::Person), &["stop a-1"], "Stopping"),
        (Input::Start, &[], "Stopping"),
        (gone(1), &["note a-1", "launch a-2"], "Starting"),
        (launched(2), &["Started"], "Starting"),
        (Input::Restart, &["stop a-2"], "Stopping"),
        (Input::Stop(StoppedBy::Person), &[], "Stopping"),
        (gone(2), &["note a-2", "Stopped"], "Stopped"),
    ]);
}

#[test]
fn a_lost_run_is_started_anew_unless_it_was_being_stopped() {
    let lost = |number| Input::Lost { run: run(number), ending: ending(How::Unseen) };
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (launched(1), &["Started"], "Starting"),
        (executed(1), &["Ready"], "Ready"),
        (lost(1), &["Ended", "launch a-2"], "Starting"),
        (launched(2), &["Started"], "Starting"),
        (Input::Stop(StoppedBy::Person), &["stop a-2"], "Stopping"),
        (lost(2), &["Ended", "Stopped"], "Stopped"),
    ]);
    plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (launched(1), &["Started"], "Starting"),
        (ended(1), &["Ended"], "Ended"),
        (lost(1), &[], "Ended"),
        (Input::Restart, &["launch a-2"], "Starting"),
    ]);
}

#[test]
fn a_program_that_was_not_begun_has_failed() {
    let refused = Ending { not_started: Some("there is no program".to_owned()), ..ending(How::Exited(127)) };
    let machine = plays(&[
        (Input::Start, &["launch a-1"], "Starting"),
        (launched(1), &["Started"], "Starting"),
        (Input::Ended { run: run(1), ending: refused }, &["Ended"], "Failed"),
        (gone(1), &["note a-1"], "Failed"),
    ]);
    assert_eq!(*machine.state(), ServiceState::Failed { why: "there is no program".to_owned() });
}

#[test]
fn what_was_found_goes_on() {
    let found = |ready, ended: Option<Ending>, stopping| Input::Found {
        run: "old".into(),
        pid: Some(3),
        ready,
        ended,
        stopping,
    };
    let gone = Input::Gone { run: "old".into() };
    plays(&[(found(true, None, false), &["Found", "Ready"], "Ready")]);
    plays(&[(found(false, None, false), &["Found"], "Starting")]);
    plays(&[
        (found(false, Some(ending(How::Signalled(9))), false), &["Ended"], "Ended"),
        (gone.clone(), &["note old"], "Ended"),
    ]);
    plays(&[(found(true, None, true), &[], "Stopping"), (gone, &["note old", "launch a-2"], "Starting")]);
}

#[test]
fn it_waits_for_others() {
    let mut machine = Machine::new("a".to_owned(), true, None);
    let missing = [id("db")];
    assert_eq!(short(&machine.step(Input::Start, &missing)), ["Waiting"]);
    assert!(machine.step(Input::Look, &missing).is_empty());
    assert!(!machine.is_quiet());
    assert_eq!(short(&machine.step(Input::Look, &[])), ["launch a-1"]);
    let mut machine = Machine::new("a".to_owned(), true, None);
    machine.step(Input::Start, &missing);
    assert_eq!(short(&machine.step(Input::Stop(StoppedBy::Person), &missing)), ["Stopped"]);
    assert!(machine.step(Input::Look, &[]).is_empty(), "a person's word stands");
}

#[test]
fn a_late_start_is_told_once_and_may_still_succeed() {
    let late = Input::TimedOut { run: run(1) };
    let mut machine = Machine::new("a".to_owned(), false, None);
    machine.step(Input::Start, &[]);
    machine.step(launched(1), &[]);
    assert!(machine.step(executed(1), &[]).is_empty(), "running is not enough");
    assert_eq!(short(&machine.step(late.clone(), &[])), ["StartTimedOut"]);
    assert!(machine.step(late.clone(), &[]).is_empty());
    assert_eq!(short(&machine.step(Input::Ready { run: run(1) }, &[])), ["Ready"]);
    assert!(machine.step(late, &[]).is_empty());
}
