//! Remedies that say what was asked of them.

use std::sync::Mutex;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::plan::Target;
use crate::testing::remedy_context;

type Log = Arc<Mutex<Vec<String>>>;

#[derive(Debug)]
struct Part {
    id: RemedyId,
    risk: Risk,
    plan: Option<Plan>,
    log: Log,
}

impl Part {
    fn say(&self, cx: &RemedyContext, what: &str, step: &Step) {
        let seen: Vec<_> = cx.plan.steps.iter().map(|step| step.name.as_str()).collect();
        self.log.lock().unwrap().push(format!("{}: {what} {} of {}", self.id, step.name, seen.join(",")));
    }
}

#[async_trait]
impl Remedy for Part {
    fn id(&self) -> &RemedyId {
        &self.id
    }
    fn risk(&self) -> Risk {
        self.risk
    }
    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        self.plan.clone().ok_or_else(|| RemedyError::NotApplicable { why: "not here".to_owned() })
    }
    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        self.say(cx, "step", step);
        Ok(Receipt::new(step.name.clone()))
    }
    async fn probe(&self, cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError> {
        self.say(cx, "probe", step);
        Ok(StepState::Done)
    }
    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        self.say(cx, "undo", step);
        Err(RemedyError::CannotUndo { step: step.name.clone() })
    }
}

fn plan(steps: &[&str]) -> Plan {
    let plan = Plan::new(steps.join("+")).target(Target::new("file", steps.concat())).resource("shared");
    steps.iter().fold(plan, |plan, step| plan.step(Step::new(*step, "do it").undoable()))
}

fn sequence(parts: Vec<(Risk, Option<Plan>)>) -> (Sequence, Log) {
    let log = Log::default();
    let part = |(place, (risk, plan)): (usize, (Risk, Option<Plan>))| -> Arc<dyn Remedy> {
        let id = RemedyId::new(&format!("p{}", place + 1)).unwrap();
        Arc::new(Part { id, risk, plan, log: log.clone() })
    };
    let parts = parts.into_iter().enumerate().map(part).collect();
    (Sequence::new(RemedyId::new("all").unwrap(), parts).unwrap(), log)
}

fn cx() -> RemedyContext {
    remedy_context(Duration::from_secs(5))
}

#[tokio::test]
async fn steps_go_to_the_part_they_belong_to() {
    let empty = Plan::new("no target").step(Step::new("stray", "do it"));
    let parts = vec![
        (Risk::Local, Some(plan(&["a", "b"]))),
        (Risk::Observe, None),
        (Risk::Local, Some(empty)),
        (Risk::Disruptive, Some(plan(&["a"]))),
    ];
    let (sequence, log) = sequence(parts);
    assert_eq!(sequence.risk(), Risk::Disruptive);
    let joined = sequence.plan(&cx()).await.unwrap();
    let all: Vec<_> = joined.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!((all, joined.summary.as_str()), (vec!["1/a", "1/b", "4/a"], "a+b, then a"));
    assert_eq!((joined.targets.len(), joined.resources.len()), (2, 1));
    let cx = cx().with_plan(Arc::new(joined.clone()));
    for step in &joined.steps {
        sequence.step(&cx, step).await.unwrap();
    }
    for step in joined.steps.iter().rev() {
        let error = sequence.undo(&cx, step).await.unwrap_err();
        assert!(matches!(error, RemedyError::CannotUndo { step: named } if named == step.name));
    }
    sequence.probe(&cx, &joined.steps[1]).await.unwrap();
    let log = log.lock().unwrap().clone();
    assert_eq!(
        log,
        [
            "p1: step a of a,b",
            "p1: step b of a,b",
            "p4: step a of a",
            "p4: undo a of a",
            "p1: undo b of a,b",
            "p1: undo a of a,b",
            "p1: probe b of a,b"
        ]
    );
    for name in ["a", "0/a", "5/a", "01/a", "+1/a", "/a", "x/a"] {
        let answer = sequence.step(&cx, &Step::new(name, "")).await;
        assert!(matches!(answer, Err(RemedyError::Outdated { .. })), "{name}");
    }
}

#[tokio::test]
async fn nothing_to_do_is_told_apart_from_not_applicable() {
    let (none, _) = sequence(vec![(Risk::Local, None), (Risk::Local, None)]);
    let refused = none.plan(&cx()).await.unwrap_err();
    assert!(refused.to_string().contains("p1: not here; p2: not here"), "{refused}");
    let (idle, _) = sequence(vec![(Risk::Local, None), (Risk::Local, Some(Plan::new("idle")))]);
    assert!(idle.plan(&cx()).await.unwrap().is_empty());
    assert!(Sequence::new(RemedyId::new("x").unwrap(), Vec::new()).is_err());
    let long: Vec<_> = (0..60).map(|n| n.to_string()).collect();
    let long: Vec<_> = long.iter().map(String::as_str).collect();
    let (long, _) = sequence(vec![(Risk::Local, Some(plan(&long))), (Risk::Local, Some(plan(&long)))]);
    assert!(matches!(long.plan(&cx()).await, Err(RemedyError::NotApplicable { .. })));
}

proptest! {
    #[test]
    fn never_panics(name in "([0-9]{0,25}/?)?\\PC{0,10}") {
        if let Some((number, own)) = parse_name(&name) {
            prop_assert_eq!(format!("{number}/{own}"), name);
        }
    }
}
