//! The engine on real threads with the real clock: what a misbehaving check does to the others.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stratheal_core::contract::{CheckContext, CheckError, FnCheck, HealthCheck};
use stratheal_core::engine::{Engine, EngineHandle, Registration};
use stratheal_core::model::view::Outcome;
use stratheal_core::model::{CheckId, CheckSpec, Report, Status};
use tokio::time::Instant;

fn id(text: &str) -> CheckId {
    CheckId::new(text).unwrap()
}

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn block(time: Duration) {
    let (_sender, receiver) = std::sync::mpsc::channel::<()>();
    let _ = receiver.recv_timeout(time);
}

fn quick(interval: Duration) -> CheckSpec {
    CheckSpec { retry_interval: interval, ..CheckSpec::every(interval) }
}

/// Two hundred checks at ten per second each, all of them polite.
fn crowd() -> Vec<Registration> {
    let check = |n: usize| FnCheck::new(id(&format!("polite-{n}")), || async { Ok(Report::healthy("fine")) });
    (0..200).map(|n| Registration::new(check(n), quick(ms(200)))).collect()
}

async fn latenesses(engine: &EngineHandle, time: Duration) -> Vec<Duration> {
    let mut events = engine.subscribe();
    let end = Instant::now() + time;
    let mut found = Vec::new();
    while let Ok(event) = tokio::time::timeout_at(end, events.recv()).await {
        if let stratheal_core::model::event::EventKind::Ran { id, execution } = &event.unwrap().kind
            && id.as_str().starts_with("polite")
        {
            found.push(execution.late_by);
        }
    }
    found.sort_unstable();
    found
}

fn p999(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() * 999 / 1000]
}

/// Blocks its thread for as long as the flag says.
#[derive(Debug)]
struct Rude {
    id: CheckId,
    release: Arc<AtomicBool>,
}

#[async_trait]
impl HealthCheck for Rude {
    fn id(&self) -> &CheckId {
        &self.id
    }
    async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
        while !self.release.load(Ordering::SeqCst) {
            block(ms(5));
        }
        Ok(Report::healthy("released"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn checks_that_block_their_thread_hardly_delay_the_others() {
    let calm = Engine::builder().register_all(crowd()).build().unwrap().start().unwrap();
    let before = latenesses(&calm, ms(3000)).await;
    calm.shutdown(ms(500)).await;

    let release = Arc::new(AtomicBool::new(false));
    let rude = |n: usize| Rude { id: id(&format!("rude-{n}")), release: release.clone() };
    let mut checks = crowd();
    checks.extend((0..6).map(|n| Registration::new(rude(n), CheckSpec::every(ms(1000)))));
    let engine = Engine::builder().register_all(checks).build().unwrap().start().unwrap();
    let after = latenesses(&engine, ms(4000)).await;

    assert!(before.len() > 2000 && after.len() > 3000, "{} {}", before.len(), after.len());
    let (calm_p999, rude_p999) = (p999(&before), p999(&after));
    assert!(rude_p999 <= calm_p999 + ms(50), "p99.9 lateness went from {calm_p999:?} to {rude_p999:?}");

    // They are named, and they are Unknown: nothing was measured.
    let view = engine.check("rude-0").unwrap();
    assert_eq!(view.last.as_ref().map(|last| last.outcome), Some(Outcome::Stuck), "{view:?}");
    assert_eq!(view.status, Status::Unknown);
    let own = engine.run_now("stratheal.self").await.unwrap();
    assert!(own.summary().contains("rude-"), "{}", own.summary());
    assert_eq!(own.hard, Status::Critical);

    // When they let go, everything is as if nothing had been.
    release.store(true, Ordering::SeqCst);
    tokio::time::sleep(ms(3000)).await;
    assert_eq!(engine.check("rude-0").unwrap().status, Status::Healthy);
    assert!(engine.vitals().blocking.is_empty());
    assert_eq!(engine.shutdown(ms(500)).await.left_behind, []);
}

#[tokio::test]
async fn a_check_that_never_lets_go_is_left_behind_by_name() {
    let check = Rude { id: id("rude"), release: Arc::default() };
    let engine = Engine::builder().register(Registration::new(check, CheckSpec::every(ms(1000)))).build().unwrap();
    let engine = engine.start().unwrap();
    // At once: nobody has seen yet that it blocks.
    tokio::time::sleep(ms(5)).await;
    let asked = Instant::now();
    let shutdown = engine.shutdown(ms(100)).await;
    assert_eq!(shutdown.left_behind, [id("rude")]);
    assert!(asked.elapsed() < ms(1000));
    assert!(engine.run_now("rude").await.is_err());
}

#[tokio::test]
async fn a_panic_anywhere_is_caught() {
    #[derive(Debug)]
    struct Bomb(CheckId);
    struct Fuse;
    impl Drop for Fuse {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    #[async_trait]
    impl HealthCheck for Bomb {
        fn id(&self) -> &CheckId {
            &self.0
        }
        async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
            let _fuse = Fuse;
            // Dropped at its deadline.
            std::future::pending().await
        }
    }
    let plain = FnCheck::new(id("plain"), || async { panic!("in check") });
    let engine = Engine::builder()
        .register(Registration::new(Bomb(id("bomb")), CheckSpec::every(ms(200))))
        .register(Registration::new(plain, CheckSpec::every(ms(200))))
        .register_all(crowd())
        .build()
        .unwrap()
        .start()
        .unwrap();
    tokio::time::sleep(ms(1500)).await;
    for (name, words) in [("bomb", "stopped"), ("plain", "in check")] {
        let view = engine.check(name).unwrap();
        let last = view.last.as_ref().unwrap();
        assert_eq!((last.outcome, last.report.status), (Outcome::Panicked, Status::Unknown), "{view:?}");
        assert!(view.runs > 2 && last.report.summary.contains(words), "{view:?}");
    }
    assert_eq!(engine.check("polite-7").unwrap().status, Status::Healthy);
}

#[tokio::test]
async fn stuck_blocking_calls_are_written_off_and_replaced() {
    #[derive(Debug)]
    struct DeadMount(CheckId, Arc<AtomicBool>);
    #[async_trait]
    impl HealthCheck for DeadMount {
        fn id(&self) -> &CheckId {
            &self.0
        }
        async fn check(&self, cx: &CheckContext) -> Result<Report, CheckError> {
            let release = self.1.clone();
            cx.blocking(self.0.as_str(), move || {
                while !release.load(Ordering::SeqCst) {
                    block(ms(5));
                }
            })
            .await?;
            Ok(Report::healthy("fine"))
        }
    }
    let release = Arc::new(AtomicBool::new(false));
    let dead = (0..5).map(|n| DeadMount(id(&format!("dead-{n}")), release.clone()));
    let alive = DeadMount(id("alive"), Arc::new(AtomicBool::new(true)));
    let engine = Engine::builder()
        .blocking_threads(2)
        .register_all(dead.map(|check| Registration::new(check, CheckSpec::every(ms(400)))))
        .register(Registration::new(alive, CheckSpec::every(ms(400))))
        .build()
        .unwrap()
        .start()
        .unwrap();
    tokio::time::sleep(ms(3000)).await;
    let view = engine.check("alive").unwrap();
    assert_eq!(view.status, Status::Healthy, "{view:?}");
    let view = engine.check("dead-0").unwrap();
    assert!(view.summary().contains("dead-0"), "{}", view.summary());
    assert_eq!(engine.vitals().stuck.len(), 5);
    release.store(true, Ordering::SeqCst);
    tokio::time::sleep(ms(2000)).await;
    assert_eq!(engine.check("dead-0").unwrap().status, Status::Healthy);
    assert!(engine.vitals().stuck.is_empty());
}

#[tokio::test]
async fn dropping_the_last_handle_stops_the_engine() {
    let runs = Arc::new(Mutex::new(0));
    let count = runs.clone();
    let check = FnCheck::new(id("counted"), move || {
        *count.lock().unwrap() += 1;
        async { Ok(Report::healthy("fine")) }
    });
    let engine = Engine::builder().register(Registration::new(check, CheckSpec::every(ms(100)))).build().unwrap();
    let engine = engine.start().unwrap();
    tokio::time::sleep(ms(300)).await;
    drop(engine);
    tokio::time::sleep(ms(100)).await;
    let stopped_at = *runs.lock().unwrap();
    tokio::time::sleep(ms(400)).await;
    assert!(stopped_at > 0);
    assert_eq!(*runs.lock().unwrap(), stopped_at);
}

#[tokio::test]
async fn a_check_that_only_waits_needs_no_lane_and_is_held_to_the_same_rules() {
    let named = FnCheck::new(id("named"), || async {
        tokio::task::yield_now().await;
        Ok(Report::healthy(std::thread::current().name().unwrap_or_default().to_owned()))
    });
    let pending = FnCheck::new(id("pending"), std::future::pending);
    let panics = FnCheck::new(id("panics"), || async { panic!("at home") });
    let short = CheckSpec { timeout: ms(1000), ..quick(ms(2000)) };
    let engine = Engine::builder()
        .register(Registration::new(named, CheckSpec::every(ms(3_600_000))).on_scheduler())
        .register(Registration::new(pending, short).on_scheduler())
        .register(Registration::new(panics, quick(ms(200))).on_scheduler())
        .register_all(crowd())
        .build()
        .unwrap()
        .start()
        .unwrap();
    assert_eq!(engine.run_now("named").await.unwrap().summary(), "stratheal-sched");
    let pending = engine.run_now("pending").await.unwrap();
    assert_eq!(pending.last.as_ref().map(|last| last.outcome), Some(Outcome::TimedOut), "{pending:?}");
    let panicked = engine.run_now("panics").await.unwrap();
    assert!(panicked.summary().contains("at home"), "{}", panicked.summary());
    // What runs is cut off by name, both when it is taken out and at the end.
    engine.remove("panics").await.unwrap();
    assert!(engine.check("panics").is_none());
    let endless = FnCheck::new(id("endless"), std::future::pending);
    engine.add(Registration::new(endless, CheckSpec::every(ms(5_000))).on_scheduler()).await.unwrap();
    let waiter = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run_now("endless").await }
    });
    tokio::time::sleep(ms(300)).await;
    assert_eq!(engine.check("polite-7").unwrap().status, Status::Healthy);
    let shutdown = engine.shutdown(ms(50)).await;
    assert!(shutdown.cut_off.contains(&id("endless")), "{shutdown:?}");
    assert_eq!(shutdown.left_behind, []);
    assert!(waiter.await.unwrap().is_err());
}
