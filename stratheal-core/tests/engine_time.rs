//! The engine under a paused clock: hours pass in milliseconds, and nothing depends on the machine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use stratheal_core::base::clock::Clock;
use stratheal_core::contract::{CheckContext, CheckError, HealthCheck};
use stratheal_core::engine::{Engine, EngineHandle, Registration};
use stratheal_core::model::event::{EventKind, Transition};
use stratheal_core::model::view::{Muted, Outcome, Phase};
use stratheal_core::model::{CheckId, CheckSpec, Dependency, Report, Status};
use stratheal_core::testing::ManualClock;
use tokio::time::Instant;

fn id(text: &str) -> CheckId {
    CheckId::new(text).unwrap()
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Answers what the test says, after as long as the test says, and notes when it ran.
#[derive(Debug)]
struct Scripted {
    id: CheckId,
    script: Mutex<VecDeque<Status>>,
    then: Mutex<Status>,
    takes: Mutex<Duration>,
    starts: Mutex<Vec<Instant>>,
    running: AtomicUsize,
    overlaps: AtomicUsize,
}

impl Scripted {
    fn new(name: &str, then: Status) -> Arc<Self> {
        Arc::new(Self {
            id: id(name),
            script: Mutex::default(),
            then: Mutex::new(then),
            takes: Mutex::default(),
            starts: Mutex::default(),
            running: AtomicUsize::new(0),
            overlaps: AtomicUsize::new(0),
        })
    }

    fn set(&self, status: Status) {
        *self.then.lock().unwrap() = status;
    }

    fn take(&self, duration: Duration) {
        *self.takes.lock().unwrap() = duration;
    }

    fn starts(&self) -> Vec<Instant> {
        self.starts.lock().unwrap().clone()
    }
}

#[async_trait]
impl HealthCheck for Scripted {
    fn id(&self) -> &CheckId {
        &self.id
    }

    async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
        self.starts.lock().unwrap().push(Instant::now());
        if self.running.fetch_add(1, Ordering::SeqCst) > 0 {
            self.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        let takes = *self.takes.lock().unwrap();
        // Counts down also when the run is dropped at its deadline.
        let _done = Down(&self.running);
        tokio::time::sleep(takes).await;
        let status = self.script.lock().unwrap().pop_front().unwrap_or(*self.then.lock().unwrap());
        Ok(Report::new(status, format!("scripted {status}")))
    }
}

struct Down<'a>(&'a AtomicUsize);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn start(checks: Vec<(&Arc<Scripted>, CheckSpec)>) -> EngineHandle {
    let registrations = checks.into_iter().map(|(check, spec)| Registration::new(check.clone(), spec));
    Engine::builder().register_all(registrations).without_self_check().build().unwrap().start_here()
}

fn transitions(
    receiver: &mut tokio::sync::broadcast::Receiver<Arc<stratheal_core::model::event::Event>>,
) -> Vec<Transition> {
    let mut found = Vec::new();
    while let Ok(event) = receiver.try_recv() {
        if let EventKind::Changed(transition) = &event.kind {
            found.push(transition.clone());
        }
    }
    found
}

#[tokio::test(start_paused = true)]
async fn runs_on_a_grid_that_does_not_drift() {
    let check = Scripted::new("grid", Status::Healthy);
    check.take(Duration::from_millis(700));
    let engine = start(vec![(&check, CheckSpec::every(seconds(10)))]);
    tokio::time::sleep(seconds(1000)).await;
    let starts = check.starts();
    assert!((99..=101).contains(&starts.len()), "{}", starts.len());
    for pair in starts[1..].windows(2) {
        let gap = pair[1] - pair[0];
        assert!(gap.abs_diff(seconds(10)) <= Duration::from_millis(2), "{gap:?}");
    }
    engine.shutdown(seconds(1)).await;
}

#[tokio::test(start_paused = true)]
async fn never_overlaps_itself_and_counts_what_is_left_out() {
    let check = Scripted::new("slow", Status::Healthy);
    check.take(seconds(25));
    let spec = CheckSpec::every(seconds(10)).timeout(seconds(30));
    let engine = start(vec![(&check, spec)]);
    tokio::time::sleep(seconds(300)).await;
    assert_eq!(check.overlaps.load(Ordering::SeqCst), 0);
    let view = engine.check("slow").unwrap();
    assert!((9..=11).contains(&view.runs), "{}", view.runs);
    assert!((18..=21).contains(&view.skipped), "{}", view.skipped);
}

#[tokio::test(start_paused = true)]
async fn a_hung_check_times_out_and_is_critical_after_confirmation() {
    let check = Scripted::new("hung", Status::Healthy);
    let engine = start(vec![(&check, CheckSpec::every(seconds(10)))]);
    tokio::time::sleep(seconds(11)).await;
    assert_eq!(engine.check("hung").unwrap().status, Status::Healthy);
    check.take(seconds(3600));
    tokio::time::sleep(seconds(40)).await;
    let view = engine.check("hung").unwrap();
    assert_eq!((view.status, view.phase), (Status::Critical, Phase::Hard));
    let last = view.last.as_ref().unwrap();
    assert_eq!(last.outcome, Outcome::TimedOut);
    assert_eq!(last.report.summary, "no answer within 5.0s");
    assert_eq!(check.running.load(Ordering::SeqCst), usize::from(check.starts().len() as u64 > view.runs));
}

#[tokio::test(start_paused = true)]
async fn a_suspicion_is_confirmed_at_the_retry_interval() {
    let check = Scripted::new("blip", Status::Healthy);
    let engine = start(vec![(&check, CheckSpec::every(seconds(30)))]);
    let mut events = engine.subscribe();
    tokio::time::sleep(seconds(65)).await;
    check.script.lock().unwrap().extend([Status::Critical, Status::Healthy]);
    tokio::time::sleep(seconds(120)).await;
    assert!(transitions(&mut events).iter().all(|t| t.to == Status::Healthy), "a blip told nobody");
    check.set(Status::Critical);
    tokio::time::sleep(seconds(42)).await;
    let told = transitions(&mut events);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].from, told[0].to), (Status::Healthy, Status::Critical));
    let starts = check.starts();
    assert!(starts.windows(2).any(|pair| pair[1] - pair[0] == seconds(10)), "retried after a third of the interval");
}

#[tokio::test(start_paused = true)]
async fn an_error_or_a_panic_is_unknown_and_staleness_flips_the_state() {
    #[derive(Debug)]
    struct Broken(CheckId, AtomicUsize);
    #[async_trait]
    impl HealthCheck for Broken {
        fn id(&self) -> &CheckId {
            &self.0
        }
        async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
            match self.1.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(Report::healthy("fine")),
                run if run % 2 == 0 => Err(CheckError::other("no sensor")),
                _ => panic!("sensor on fire"),
            }
        }
    }
    let check = Broken(id("broken"), AtomicUsize::new(0));
    let engine = Engine::builder().register(Registration::new(check, CheckSpec::every(seconds(10)))).build().unwrap();
    let engine = engine.start_here();
    tokio::time::sleep(seconds(18)).await;
    let view = engine.check("broken").unwrap();
    assert_eq!(view.status, Status::Healthy, "one unmeasured run proves nothing: {view:?}");
    tokio::time::sleep(seconds(60)).await;
    let view = engine.check("broken").unwrap();
    assert_eq!((view.status, view.stale, view.hard), (Status::Unknown, true, Status::Healthy));
    let own = engine.check("stratheal.self").unwrap();
    assert_eq!(own.status, Status::Critical, "{}", own.summary());
    assert!(own.summary().contains("broken"), "{}", own.summary());
}

#[tokio::test(start_paused = true)]
async fn a_cascade_is_told_once() {
    let database = Scripted::new("database", Status::Healthy);
    let services: Vec<_> = (0..30).map(|n| Scripted::new(&format!("service-{n}"), Status::Healthy)).collect();
    let mut checks = vec![(&database, CheckSpec::every(seconds(30)))];
    for service in &services {
        checks.push((service, CheckSpec::every(seconds(10)).depends_on(id("database"))));
    }
    let engine = start(checks);
    tokio::time::sleep(seconds(100)).await;
    let mut events = engine.subscribe();
    database.set(Status::Critical);
    for service in &services {
        service.set(Status::Critical);
    }
    tokio::time::sleep(seconds(120)).await;
    let told = transitions(&mut events);
    let alarms: Vec<_> = told.iter().filter(|t| t.muted.is_none()).collect();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    assert_eq!(alarms[0].id.as_str(), "database");
    for n in 0..30 {
        let view = engine.check(&format!("service-{n}")).unwrap();
        assert_eq!(view.muted, Some(Muted::Cause { root: id("database") }));
    }
}

#[tokio::test(start_paused = true)]
async fn children_that_recover_with_their_root_alarm_nobody() {
    let root = Scripted::new("root", Status::Healthy);
    let child = Scripted::new("child", Status::Healthy);
    let engine = start(vec![
        (&root, CheckSpec::every(seconds(10))),
        (&child, CheckSpec::every(seconds(60)).depends_on(id("root"))),
    ]);
    tokio::time::sleep(seconds(130)).await;
    let mut events = engine.subscribe();
    root.set(Status::Critical);
    child.set(Status::Critical);
    tokio::time::sleep(seconds(200)).await;
    root.set(Status::Healthy);
    child.set(Status::Healthy);
    tokio::time::sleep(seconds(200)).await;
    let alarms: Vec<_> =
        transitions(&mut events).into_iter().filter(|t| t.muted.is_none() && t.to == Status::Critical).collect();
    assert_eq!(alarms.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["root"]);
    assert_eq!(engine.check("child").unwrap().status, Status::Healthy);
}

#[tokio::test(start_paused = true)]
async fn a_child_that_stays_broken_after_its_root_recovered_is_told() {
    let root = Scripted::new("root", Status::Healthy);
    let child = Scripted::new("child", Status::Healthy);
    let engine = start(vec![
        (&root, CheckSpec::every(seconds(10))),
        (&child, CheckSpec::every(seconds(10)).depends_on(id("root"))),
    ]);
    tokio::time::sleep(seconds(50)).await;
    root.set(Status::Critical);
    child.set(Status::Critical);
    tokio::time::sleep(seconds(100)).await;
    let mut events = engine.subscribe();
    root.set(Status::Healthy);
    tokio::time::sleep(seconds(60)).await;
    let alarms: Vec<_> =
        transitions(&mut events).into_iter().filter(|t| t.muted.is_none() && t.to == Status::Critical).collect();
    assert_eq!(alarms.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["child"]);
}

#[tokio::test(start_paused = true)]
async fn unknown_and_paused_parents_never_suppress() {
    let parent = Scripted::new("parent", Status::Unknown);
    let child = Scripted::new("child", Status::Critical);
    let engine = start(vec![
        (&parent, CheckSpec::every(seconds(10))),
        (&child, CheckSpec::every(seconds(10)).depends_on(id("parent"))),
    ]);
    tokio::time::sleep(seconds(60)).await;
    let view = engine.check("child").unwrap();
    assert_eq!((view.status, view.muted.clone()), (Status::Critical, None));
    parent.set(Status::Critical);
    tokio::time::sleep(seconds(60)).await;
    assert!(engine.check("child").unwrap().cause().is_some());
    engine.pause("parent", "moving house").await.unwrap();
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(engine.check("child").unwrap().status, Status::Critical);
    let runs = parent.starts().len();
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(parent.starts().len(), runs, "a paused check does not run");
}

#[tokio::test(start_paused = true)]
async fn one_of_a_redundant_pair_is_enough() {
    let (a, b) = (Scripted::new("a", Status::Critical), Scripted::new("b", Status::Healthy));
    let child = Scripted::new("child", Status::Critical);
    let mut spec = CheckSpec::every(seconds(10));
    for name in ["a", "b"] {
        spec.depends_on.push(Dependency { on: id(name), group: Some("pair".to_owned()) });
    }
    let engine = start(vec![(&a, CheckSpec::every(seconds(10))), (&b, CheckSpec::every(seconds(10))), (&child, spec)]);
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(engine.check("child").unwrap().cause(), None);
    b.set(Status::Critical);
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(engine.check("child").unwrap().cause(), Some(&id("a")));
}

#[tokio::test(start_paused = true)]
async fn checks_come_and_go_while_running() {
    let (old, kept) = (Scripted::new("old", Status::Healthy), Scripted::new("kept", Status::Critical));
    let keep = |interval| Registration::new(kept.clone(), CheckSpec::every(seconds(interval))).revision(7);
    let engine = Engine::builder()
        .register(Registration::new(old.clone(), CheckSpec::every(seconds(10))))
        .register(keep(10))
        .without_self_check()
        .build()
        .unwrap()
        .start_here();
    tokio::time::sleep(seconds(60)).await;
    let runs = engine.check("kept").unwrap().runs;
    let new = Scripted::new("new", Status::Healthy);
    let applied =
        engine.apply(vec![keep(10), Registration::new(new.clone(), CheckSpec::every(seconds(10)))]).await.unwrap();
    assert_eq!((applied.added, applied.changed, applied.removed, applied.unchanged), (1, 0, 1, 1));
    assert!(engine.check("old").is_none());
    assert_eq!(engine.snapshot().checks.len(), 2);
    assert!(engine.check("kept").unwrap().runs >= runs);
    let gone = old.starts().len();
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(old.starts().len(), gone);
    assert_eq!(engine.check("new").unwrap().status, Status::Healthy);

    let applied = engine.apply(vec![keep(20)]).await.unwrap();
    assert_eq!((applied.changed, applied.removed), (1, 1));
    assert_eq!(engine.check("kept").unwrap().status, Status::Critical, "a changed check keeps its state");

    let orphan = CheckSpec::every(seconds(10)).depends_on(id("kepp"));
    let error = engine.apply(vec![keep(20), Registration::new(new.clone(), orphan)]).await.unwrap_err();
    assert!(error.to_string().contains("did you mean `kept`?"), "{error}");
    assert_eq!(engine.snapshot().checks.len(), 1, "a refused set changes nothing");
}

#[tokio::test(start_paused = true)]
async fn callers_share_one_run() {
    let check = Scripted::new("shared", Status::Healthy);
    check.take(seconds(2));
    let engine = start(vec![(&check, CheckSpec { initial_delay: seconds(500), ..CheckSpec::every(seconds(10)) })]);
    let runs = futures::future::join_all((0..100).map(|_| engine.run_now("shared"))).await;
    assert!(runs.iter().all(|run| run.as_ref().is_ok_and(|view| view.last.is_some())));
    assert_eq!(check.starts().len(), 1);
    let error = engine.run_now("sharde").await.unwrap_err();
    assert_eq!(error.to_string(), "there is no check `sharde`: did you mean `shared`?");
}

#[tokio::test(start_paused = true)]
async fn maintenance_mutes_and_its_end_tells() {
    let check = Scripted::new("night", Status::Critical);
    let spec =
        CheckSpec { maintenance: vec!["daily 02:00-04:00 UTC".parse().unwrap()], ..CheckSpec::every(seconds(10)) };
    let clock = Arc::new(ManualClock::new("2026-11-23T03:00:00Z".parse().unwrap()));
    let builder = Engine::builder().register(Registration::new(check, spec)).clock(clock.clone()).without_self_check();
    let engine = builder.build().unwrap().start_here();
    let mut events = engine.subscribe();
    tokio::time::sleep(seconds(60)).await;
    let told = transitions(&mut events);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].muted, Some(Muted::Maintenance));
    clock.set("2026-11-23T04:00:00Z".parse().unwrap());
    tokio::time::sleep(seconds(20)).await;
    let told = transitions(&mut events);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((told[0].to, told[0].muted.clone()), (Status::Critical, None));
}

/// Shows the paused time, and can be set like a real clock.
#[derive(Debug)]
struct Jumping {
    base: Timestamp,
    began: Instant,
    offset: Mutex<i64>,
}

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        let ahead = self.base.checked_add(self.began.elapsed()).unwrap();
        ahead.checked_add(SignedDuration::from_secs(*self.offset.lock().unwrap())).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_is_reported_and_changes_nothing_else() {
    let check = Scripted::new("steady", Status::Healthy);
    let base = "2026-11-23T03:00:00Z".parse().unwrap();
    let clock = Arc::new(Jumping { base, began: Instant::now(), offset: Mutex::new(0) });
    let builder = Engine::builder().register(Registration::new(check.clone(), CheckSpec::every(seconds(10))));
    let engine = builder.clock(clock.clone()).build().unwrap().start_here();
    tokio::time::sleep(seconds(60)).await;
    for offset in [7200, -7200] {
        let mut events = engine.subscribe();
        let runs = check.starts().len();
        *clock.offset.lock().unwrap() += offset;
        tokio::time::sleep(seconds(30)).await;
        assert_eq!(check.starts().len() - runs, 3, "the schedule does not follow the wall clock");
        let own = engine.check("stratheal.self").unwrap();
        assert!(own.summary().contains("the wall clock was set"), "{}", own.summary());
        let mut jumps = Vec::new();
        while let Ok(event) = events.try_recv() {
            match &event.kind {
                EventKind::ClockJumped { seconds } => jumps.push(seconds.round() as i64),
                EventKind::Changed(change) => assert_eq!(change.id.as_str(), "stratheal.self"),
                _ => {}
            }
        }
        assert_eq!(jumps, [offset]);
        tokio::time::sleep(seconds(200)).await;
        assert_eq!(engine.check("stratheal.self").unwrap().status, Status::Healthy);
    }
}

#[tokio::test(start_paused = true)]
async fn queueing_does_not_make_results_late() {
    let checks: Vec<_> = (0..20).map(|n| Scripted::new(&format!("c{n}"), Status::Healthy)).collect();
    for check in &checks {
        check.take(Duration::from_millis(400));
    }
    let limits = stratheal_core::engine::permits::Limits { custom: 1, ..Default::default() };
    let registrations = checks.iter().map(|check| {
        Registration::new(check.clone(), CheckSpec::every(seconds(10)).timeout(Duration::from_millis(500)))
    });
    let engine = Engine::builder().register_all(registrations).limits(limits).build().unwrap().start_here();
    tokio::time::sleep(seconds(100)).await;
    for check in &checks {
        let view = engine.check(check.id.as_str()).unwrap();
        assert_eq!(view.status, Status::Healthy, "{view:?}");
    }
}
