//! What is published is what others repeat, until it is old.

use std::sync::Arc;
use std::time::Duration;

use super::document::Document;
use super::publish::write;
use super::{Published, publish};
use crate::base::clock::{Clock, SystemClock};
use crate::contract::FnCheck;
use crate::engine::once::run_once;
use crate::engine::permits::Limits;
use crate::engine::{Engine, EngineHandle, Registration};
use crate::model::{CheckId, CheckSpec, GatePolicy, Metric, Report, Status, Unit};
use crate::testing::ManualClock;

fn id(name: &str) -> CheckId {
    CheckId::new(name).unwrap()
}

/// It looks like one that repeats: nothing but what it is made of tells the two apart.
fn disk() -> Registration {
    let check = FnCheck::new(id("disk"), || async {
        Ok(Report::warning("fills up").code("full").metric(Metric::new("used", 0.9, Unit::Number)))
    });
    let mut spec = CheckSpec::every(Duration::from_secs(1));
    spec.tags = vec!["host".to_owned()];
    spec.gate = GatePolicy { fail_after: 1, recover_after: 1, window: None, flap: None };
    Registration::new(check, spec).revision(7)
}

#[tokio::test]
async fn what_is_published_is_repeated_until_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("published.json");
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let published = Published::with_clock(file.clone(), clock.clone());
    let said = |name: &str| {
        let report = published.report(&id(name));
        (report.status, report.code.to_string(), report.summary.to_string())
    };
    assert_eq!((said("disk").0, said("disk").1.as_str()), (Status::Unknown, "pending"));
    let own = Registration::new(FnCheck::new(id("own"), || async { Ok(Report::healthy("works")) }), disk().spec);
    let snapshot = run_once(vec![disk(), own], Limits::default()).await.unwrap();
    let mut document = Document::of(&snapshot, &|id| id.as_str() != "own", clock.stamp(), 42);
    write(&file, &document).unwrap();
    assert_eq!(said("disk"), (Status::Warning, "full".to_owned(), "fills up".to_owned()));
    assert_eq!(published.report(&id("disk")).value("used"), Some(0.9));
    assert_eq!((said("own").0, said("own").1.as_str()), (Status::Unknown, "missing"), "it is not for others");
    clock.advance(Duration::from_secs(16));
    let (status, code, summary) = said("disk");
    assert_eq!((status, code.as_str()), (Status::Unknown, "stale"));
    assert!(summary.contains("process 42") && summary.contains("16"), "{summary}");
    document.version += 1;
    std::fs::remove_file(&file).unwrap();
    write(&file, &document).unwrap();
    assert!(said("disk").2.contains("another version"), "{:?}", said("disk"));
    std::fs::write(&file, "{").unwrap();
    assert_eq!((said("disk").0, said("disk").1.as_str()), (Status::Unknown, "unreadable"));
}

async fn until(engine: &EngineHandle, status: Status) {
    while engine.check("disk").is_none_or(|view| view.status != status) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn one_engine_knows_what_another_has_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("published.json");
    let first = Engine::builder().register_all(vec![disk()]).build().unwrap().start().unwrap();
    let publishing = tokio::spawn(publish(first.clone(), |_| true, file.clone(), SystemClock));
    let mirrored = Published::new(file).mirrored(id("disk"), &disk().spec);
    assert_eq!(mirrored.spec, disk().spec);
    let second = Engine::builder().register_all(vec![mirrored]).build().unwrap().start().unwrap();
    until(&second, Status::Warning).await;
    assert_eq!(second.check("disk").unwrap().summary(), "fills up");
    // Whoever takes over measures again: what was repeated is replaced, and its state goes on.
    assert_eq!(second.apply(vec![disk()]).await.unwrap().changed, 1);
    first.shutdown(Duration::ZERO).await;
    publishing.await.unwrap();
    second.shutdown(Duration::ZERO).await;
}
