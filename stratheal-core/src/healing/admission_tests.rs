//! Each gate by itself, and all of them together.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::healing::ledger::{HealingPause, PendingApproval};
use crate::healing::limits::TargetLimits;
use crate::model::plan::{Step, Target};
use crate::model::view::{Execution, Outcome, Phase};
use crate::model::{CheckId, CheckSpec, RemedyId, Report};

fn stamp(seconds: u64) -> Stamp {
    let wall = Timestamp::from_second(1_000_000 + seconds.cast_signed()).unwrap();
    Stamp { boot: 1, since_boot: Duration::from_secs(seconds), wall }
}

fn view() -> CheckView {
    let last = Execution {
        started: Timestamp::UNIX_EPOCH,
        duration: Duration::ZERO,
        late_by: Duration::ZERO,
        outcome: Outcome::Done,
        report: Report::critical("refused"),
    };
    CheckView {
        id: CheckId::new("failing").unwrap(),
        status: Status::Critical,
        hard: Status::Critical,
        phase: Phase::Hard,
        since: Timestamp::UNIX_EPOCH,
        flapping: false,
        stale: false,
        proven: true,
        muted: None,
        spec: Arc::new(CheckSpec::every(Duration::from_secs(10))),
        last: Some(Arc::new(last)),
        runs: 5,
        skipped: 0,
        next: None,
    }
}

/// Still Critical, as its newest result has to be confirmed.
fn healthy_now() -> CheckView {
    let last = Execution { report: Report::healthy("fine"), ..Execution::clone(&view().last.unwrap()) };
    CheckView { last: Some(Arc::new(last)), ..view() }
}

/// Everything a request needs, to be changed by one row of a table.
struct Case {
    view: Option<CheckView>,
    fresh: u64,
    running_for: Duration,
    policy: HealPolicy,
    risk: Risk,
    ledger: Ledger,
    busy: Vec<String>,
    under_way: usize,
    trouble: Option<&'static str>,
    held: Option<&'static str>,
    by: Actor,
    remedy: &'static str,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            view: Some(view()),
            fresh: 5,
            running_for: Duration::from_secs(100),
            policy: HealPolicy::default(),
            risk: Risk::Disruptive,
            ledger: Ledger::default(),
            busy: Vec::new(),
            under_way: 0,
            trouble: None,
            held: None,
            by: Actor::Engine,
            remedy: "fix",
        }
    }
}

fn plan() -> Plan {
    Plan::new("fix").target(Target::new("service", "web")).step(Step::new("fix", "fix it")).resource("service/web")
}

impl Case {
    fn gates(&self) -> Vec<Gate> {
        let (plan, rung) = (plan(), Rung::new(RemedyId::new(self.remedy).unwrap()));
        gates(&Request {
            view: self.view.as_ref(),
            fresh: self.fresh,
            running_for: self.running_for,
            policy: &self.policy,
            rung: &rung,
            risk: self.risk,
            plan: Some((&plan, "hash")),
            ledger: &self.ledger,
            global: &GlobalLimits::default(),
            busy: &self.busy,
            under_way: self.under_way,
            trouble: self.trouble,
            held: self.held,
            by: &self.by,
            now: &stamp(1_000),
        })
    }
}

fn approved(by: Option<&str>, hash: &str, asked: u64) -> Ledger {
    let mut ledger = Ledger::default();
    let approval = PendingApproval {
        token: "1-hash".into(),
        incident: 1,
        check: CheckId::new("failing").unwrap(),
        remedy: RemedyId::new("fix").unwrap(),
        plan: plan(),
        plan_hash: hash.into(),
        asked: stamp(asked),
        approved_by: by.map(str::to_owned),
    };
    ledger.approvals.insert(approval.token.clone(), approval);
    ledger
}

/// The remedy has failed until its breaker opened.
fn failed_often() -> Ledger {
    let mut limits = TargetLimits::default();
    for _ in 0..5 {
        limits.ended("fix", false, &stamp(1_000));
    }
    let mut ledger = Ledger::default();
    ledger.limits.insert("failing".to_owned(), limits);
    ledger
}

#[test]
fn each_gate_stands_in_the_way_of_what_it_should() {
    let muted = |muted| CheckView { muted: Some(muted), ..view() };
    let wait = |seconds| Answer::Wait { time: Duration::from_secs(seconds) };
    let paused = || HealingPause {
        by: "me".into(),
        reason: "at work".into(),
        since: stamp(990),
        lasting: Duration::from_mins(1),
    };
    let confirm = || HealPolicy { approval: Approval::Confirm, ..HealPolicy::default() };
    let root = CheckId::new("database").unwrap();
    let cases: Vec<(&str, Case, Answer)> = vec![
        ("", Case::default(), Answer::Pass),
        ("failing", Case { view: None, ..Case::default() }, Answer::Refuse),
        (
            "failing",
            Case { view: Some(CheckView { status: Status::Unknown, ..view() }), ..Case::default() },
            Answer::Refuse,
        ),
        (
            "failing",
            Case { view: Some(CheckView { hard: Status::Warning, ..view() }), ..Case::default() },
            Answer::Refuse,
        ),
        ("failing", Case { view: Some(healthy_now()), ..Case::default() }, Answer::Refuse),
        ("failing", Case { view: Some(CheckView { stale: true, ..view() }), ..Case::default() }, Answer::Refuse),
        ("failing", Case { view: Some(muted(Muted::Cause { root })), ..Case::default() }, Answer::Refuse),
        ("failing", Case { view: Some(muted(Muted::Maintenance)), ..Case::default() }, Answer::Refuse),
        ("fresh", Case { fresh: 1, running_for: Duration::from_secs(5), ..Case::default() }, wait(1)),
        ("", Case { fresh: 1, ..Case::default() }, Answer::Pass),
        ("held", Case { held: Some("starting"), ..Case::default() }, Answer::Wait { time: Duration::from_millis(100) }),
        ("fresh", Case { fresh: 0, ..Case::default() }, wait(1)),
        ("pause", Case { ledger: Ledger { pause: Some(paused()), ..Ledger::default() }, ..Case::default() }, wait(50)),
        (
            "window",
            Case {
                policy: HealPolicy {
                    windows: vec!["2000-01-01T00:00Z/2000-01-02T00:00Z".parse().unwrap()],
                    ..HealPolicy::default()
                },
                ..Case::default()
            },
            wait(30),
        ),
        ("risk", Case { risk: Risk::Destructive, ..Case::default() }, Answer::Refuse),
        (
            "",
            Case { risk: Risk::Destructive, ledger: approved(Some("me"), "hash", 500), ..Case::default() },
            Answer::Pass,
        ),
        ("approval", Case { policy: confirm(), ..Case::default() }, Answer::Ask),
        ("approval", Case { policy: confirm(), ledger: approved(None, "hash", 500), ..Case::default() }, Answer::Ask),
        (
            "approval",
            Case { policy: confirm(), ledger: approved(Some("me"), "other", 500), ..Case::default() },
            Answer::Ask,
        ),
        ("", Case { policy: confirm(), ledger: approved(Some("me"), "hash", 500), ..Case::default() }, Answer::Pass),
        (
            "approval",
            Case { policy: HealPolicy { approval: Approval::Manual, ..HealPolicy::default() }, ..Case::default() },
            Answer::Refuse,
        ),
        ("breaker", Case { ledger: failed_often(), ..Case::default() }, wait(60)),
        ("all limits", Case { under_way: 4, ..Case::default() }, wait(1)),
        ("journal", Case { trouble: Some("no space"), ..Case::default() }, wait(1)),
        ("", Case { trouble: Some("no space"), remedy: "restart-service/web", ..Case::default() }, Answer::Pass),
        ("", Case { trouble: Some("no space"), remedy: "free-disk", ..Case::default() }, Answer::Pass),
        ("journal", Case { trouble: Some("no space"), remedy: "free-diskette", ..Case::default() }, wait(1)),
        ("resources", Case { busy: vec!["service/web".into()], ..Case::default() }, wait(1)),
        ("resources", Case { busy: vec!["check/failing".into()], ..Case::default() }, wait(1)),
        ("", Case { busy: vec!["service/webb".into()], ..Case::default() }, Answer::Pass),
    ];
    for (name, case, expected) in cases {
        let gates = case.gates();
        let standing: Vec<&Gate> = gates.iter().filter(|gate| gate.answer != Answer::Pass).collect();
        assert_eq!(verdict(&gates), expected, "{name}: {gates:?}");
        let names: Vec<&str> = standing.iter().map(|gate| gate.name.as_str()).collect();
        assert_eq!(names.join(" "), name, "{standing:?}");
    }
}

#[test]
fn a_person_is_held_back_by_others_only() {
    let case = || Case {
        by: Actor::Person("me".into()),
        view: Some(CheckView { hard: Status::Healthy, ..view() }),
        risk: Risk::Destructive,
        ..Case::default()
    };
    assert_eq!(verdict(&case().gates()), Answer::Pass);
    let busy = Case { busy: vec!["service/web".into()], ..case() };
    assert!(matches!(verdict(&busy.gates()), Answer::Wait { .. }));
}

#[test]
fn a_refusal_is_stronger_than_waiting_and_nobody_is_asked_about_what_cannot_begin() {
    let gate = |answer| Gate { name: String::new(), answer, why: String::new() };
    let wait = Answer::Wait { time: Duration::from_secs(1) };
    let longer = Answer::Wait { time: Duration::from_secs(2) };
    for (answers, expected) in [
        (vec![], Answer::Pass),
        (vec![wait, longer], longer),
        (vec![Answer::Ask, wait], wait),
        (vec![wait, Answer::Refuse, Answer::Ask], Answer::Refuse),
        (vec![Answer::Pass, Answer::Ask], Answer::Ask),
    ] {
        let gates: Vec<Gate> = answers.into_iter().map(gate).collect();
        assert_eq!(verdict(&gates), expected);
    }
}
