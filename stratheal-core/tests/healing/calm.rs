//! When nothing must be done, or little.

use std::sync::Arc;
use std::time::Duration;

use stratheal_core::base::stamp::Stamp;
use stratheal_core::healing::{GlobalLimits, HealingPause};
use stratheal_core::model::Status;
use stratheal_core::model::attempt::Actor;
use stratheal_core::model::incident::IncidentState;
use stratheal_core::model::notification::NotificationKind;

use crate::playground::{Playground, World, check, quick, remedy};
use crate::remedies::{Does, Scripted};

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_dependency_outside_is_told_once_and_nothing_is_restarted() {
    let world = World::default();
    for name in ["outside", "web", "worker"] {
        world.set(name, Status::Critical);
    }
    let checks = vec![world.check("outside", &[]), world.check("web", &["outside"]), world.check("worker", &["web"])];
    let (web, worker) = (Scripted::one("web", Does::Panic), Scripted::one("worker", Does::Panic));
    let diaries = [web.diary(), worker.diary()];
    let remedies = vec![Arc::new(web) as _, Arc::new(worker) as _];
    let policies = vec![("web", quick(&["web"])), ("worker", quick(&["worker"]))];
    let playground = Playground::new(checks, remedies, policies, None);
    let incident = playground.until_state("outside", IncidentState::Open).await;
    playground
        .until("both children listed", |this| {
            let now = this.open_incident("outside")?;
            (now.suppressed == [check("web"), check("worker")]).then_some(())
        })
        .await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(diaries.iter().all(|diary| diary.lock().unwrap().is_empty()));
    assert_eq!(playground.kinds(), [NotificationKind::Opened], "one incident, one message");
    assert_eq!(playground.healer.view().incidents.len(), 1);
    for name in ["outside", "web", "worker"] {
        world.set(name, Status::Healthy);
    }
    playground.until("over", |this| this.healer.view().incidents.is_empty().then_some(())).await;
    assert_eq!(incident.number, 1);
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_never_calls_for_a_remedy() {
    let world = World::default();
    world.set("web", Status::Unknown);
    let fix = Scripted::one("fix", Does::Panic);
    let diary = fix.diary();
    let playground =
        Playground::new(vec![world.check("web", &[])], vec![Arc::new(fix)], vec![("web", quick(&["fix"]))], None);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(diary.lock().unwrap().is_empty() && playground.kinds().is_empty());
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_flaps_at_the_healing_rate_is_held_back_by_its_limits() {
    let world = World::default();
    let flapper = world.clone();
    // Each time it seems to be healed, and fails again a little after the probation.
    let fix = Scripted::one(
        "fix",
        Does::act(move || {
            flapper.set("web", Status::Healthy);
            let flapper = flapper.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(400));
                flapper.set("web", Status::Critical);
            });
        }),
    );
    let diary = fix.diary();
    world.set("web", Status::Critical);
    let mut policy = quick(&["fix"]);
    policy.intensity.most = 4;
    let playground = Playground::new(vec![world.check("web", &[])], vec![Arc::new(fix)], vec![("web", policy)], None);
    playground.until("four attempts", |_| (diary.lock().unwrap().len() >= 4).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(diary.lock().unwrap().len(), 4);
    let prospect = playground.healer.prospect(check("web")).await.unwrap();
    let limits = prospect.rungs[0].gates.iter().find(|gate| gate.name == "limits").unwrap();
    assert!(limits.why.contains("at most 4 attempts in 3600s"), "{limits:?}");
    assert_eq!(playground.open_incident("web").unwrap().number, 1, "all of it is one incident");
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_too_much_was_tried_people_are_told_and_a_person_may_have_it_go_on() {
    let world = World::default();
    let fix = Scripted::one("fix", Does::nothing());
    let diary = fix.diary();
    world.set("web", Status::Critical);
    let mut global = GlobalLimits::default();
    global.intensity.most = 2;
    let checks = vec![world.check("web", &[])];
    let policies = vec![("web", quick(&["fix"]))];
    let playground = Playground::limited(checks, vec![Arc::new(fix)], policies, None, global);
    playground.until_kind(NotificationKind::HealerDegraded).await;
    assert_eq!(diary.lock().unwrap().len(), 2);
    let told = playground.told.lock().unwrap().clone();
    let told = told.iter().find(|message| message.kind == NotificationKind::HealerDegraded).unwrap();
    assert!(told.title.starts_with("healing has begun 2 attempts in "), "{told:?}");
    assert!(told.text.contains("waits for: web") && told.text.contains("stratheal heal"), "{told:?}");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(diary.lock().unwrap().len(), 2, "no more for now");
    let degraded = playground.kinds().iter().filter(|kind| **kind == NotificationKind::HealerDegraded).count();
    assert_eq!(degraded, 1, "said once");
    playground.healer.heal(Some(check("web")), Actor::Person("me".into())).await.unwrap();
    playground.until("two more", |_| (diary.lock().unwrap().len() == 4).then_some(())).await;
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_everything_until_it_is_over_and_a_person_may_act_all_the_same() {
    let world = World::default();
    let fixer = world.clone();
    let fix = Scripted::one("fix", Does::act(move || fixer.set("web", Status::Healthy)));
    let diary = fix.diary();
    let playground =
        Playground::new(vec![world.check("web", &[])], vec![Arc::new(fix)], vec![("web", quick(&["fix"]))], None);
    let now = Stamp::of_machine(jiff::Timestamp::now());
    let pause =
        HealingPause { by: "me".into(), reason: "moving house".into(), since: now, lasting: Duration::from_mins(5) };
    playground.healer.pause(pause).await.unwrap();
    world.set("web", Status::Critical);
    playground.until_state("web", IncidentState::Open).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(diary.lock().unwrap().is_empty());
    let by = Actor::Person("me".into());
    playground.healer.run_remedy(remedy("fix"), check("web"), by.clone()).await.unwrap();
    playground.until_kind(NotificationKind::Healed).await;
    world.set("web", Status::Critical);
    playground.until_state("web", IncidentState::Open).await;
    playground.healer.resume("me").await.unwrap();
    playground.until("healed twice", |this| (this.verdicts() == ["healed"; 2]).then_some(())).await;
    assert!(playground.healer.resume("me").await.is_err());
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_are_answered_with_the_nearest() {
    let world = World::default();
    let fix = Scripted::one("fix", Does::nothing());
    let playground =
        Playground::new(vec![world.check("web", &[])], vec![Arc::new(fix)], vec![("web", quick(&["fix"]))], None);
    let healer = &playground.healer;
    let by = || Actor::Person("me".into());
    let error = healer.heal(Some(check("wbe")), by()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no check `wbe`: did you mean `web`?");
    let error = healer.heal(Some(check("web")), by()).await.unwrap_err();
    assert_eq!(error.to_string(), "web has no incident: there is nothing to heal");
    let error = healer.run_remedy(remedy("fixx"), check("web"), by()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no remedy `fixx`: did you mean `fix`?");
    assert!(healer.approve("1-abc", "me").await.is_err());
    assert!(healer.acknowledge(7, "me", "").await.is_err());
    playground.end().await;
}
