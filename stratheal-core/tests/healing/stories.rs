//! What healing does, one story each.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use stratheal_core::model::Status;
use stratheal_core::model::incident::{IncidentState, Resolution};
use stratheal_core::model::notification::NotificationKind;

use crate::playground::{Playground, World, check, quick};
use crate::remedies::{Does, Scripted};

/// A healer for one check, `web`, that is broken from the start, and remedies in the order of its ladder.
fn broken(world: &World, remedies: Vec<Scripted>) -> Playground {
    world.set("web", Status::Critical);
    let ladder: Vec<String> =
        remedies.iter().map(|one| stratheal_core::contract::Remedy::id(one).to_string()).collect();
    let ladder: Vec<&str> = ladder.iter().map(String::as_str).collect();
    let checks = vec![world.check("web", &[]), world.check("other", &[])];
    let remedies = remedies.into_iter().map(|one| Arc::new(one) as _).collect();
    Playground::new(checks, remedies, vec![("web", quick(&ladder))], None)
}

fn heals(world: &World, name: &str) -> Scripted {
    let world = world.clone();
    Scripted::one(name, Does::act(move || world.set("web", Status::Healthy)))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_broke_is_healed_and_people_are_told_when_it_is_proven() {
    let world = World::default();
    let playground = broken(&world, vec![heals(&world, "fix")]);
    let healed = playground.until_kind(NotificationKind::Healed).await;
    assert!(healed.title.starts_with("web works again: fix in "), "{}", healed.title);
    assert_eq!(playground.kinds(), [NotificationKind::Opened, NotificationKind::Healed]);
    assert_eq!(playground.verdicts(), ["healed"]);
    assert!(playground.healer.view().incidents.is_empty());
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_that_lies_is_not_believed_and_the_next_rung_heals() {
    let world = World::default();
    let lies = Scripted::one("lie", Does::nothing());
    let playground = broken(&world, vec![lies, heals(&world, "fix")]);
    let healed = playground.until_kind(NotificationKind::Healed).await;
    assert!(healed.title.contains("fix"), "{}", healed.title);
    assert_eq!(playground.verdicts(), ["did not help: it is critical", "healed"]);
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_again_and_again_is_left_out_while_there_is_something_else() {
    let world = World::default();
    world.set("web", Status::Critical);
    let stubborn = Scripted::one("stubborn", Does::fail("no"));
    let diary = stubborn.diary();
    let mut policy = quick(&["stubborn", "fix"]);
    policy.ladder[0].tries = 100;
    let remedies = vec![Arc::new(stubborn) as _, Arc::new(heals(&world, "fix")) as _];
    let playground = Playground::new(vec![world.check("web", &[])], remedies, vec![("web", policy)], None);
    playground.until_kind(NotificationKind::Healed).await;
    let steps = diary.lock().unwrap().iter().filter(|line| line.starts_with("step")).count();
    assert_eq!(steps, 5, "its breaker opens then, for a minute");
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_that_panics_harms_nobody() {
    let world = World::default();
    let playground = broken(&world, vec![Scripted::one("panic", Does::Panic), heals(&world, "fix")]);
    playground.until_kind(NotificationKind::Healed).await;
    let verdicts = playground.verdicts();
    assert!(
        verdicts[0].starts_with("could not be carried out: step `0` panicked: the remedy is broken"),
        "{verdicts:?}"
    );
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_that_hangs_is_cut_off_and_the_next_rung_heals() {
    let world = World::default();
    world.set("web", Status::Critical);
    let mut policy = quick(&["hang", "fix"]);
    policy.ladder[0].timeout = Duration::from_millis(100);
    let remedies = vec![Arc::new(Scripted::one("hang", Does::Hang)) as _, Arc::new(heals(&world, "fix")) as _];
    let playground = Playground::new(vec![world.check("web", &[])], remedies, vec![("web", policy)], None);
    playground.until_kind(NotificationKind::Healed).await;
    let verdicts = playground.verdicts();
    assert!(verdicts[0].contains("step `0` did not end in its time"), "{verdicts:?}");
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_remedy_that_never_ends_works_on_is_left_alone_until_it_ends() {
    let world = World::default();
    world.set("web", Status::Critical);
    let mut policy = quick(&["block", "same", "fix"]);
    policy.ladder[0].timeout = Duration::from_millis(100);
    let mut block = Scripted::one("block", Does::BlockThread(Duration::from_secs(6)));
    block.resource = Some("service/web".into());
    let mut same = heals(&world, "same");
    same.resource = Some("service/web".into());
    let diary = same.diary();
    let remedies = vec![Arc::new(block) as _, Arc::new(same) as _];
    let playground = Playground::new(vec![world.check("web", &[])], remedies, vec![("web", policy)], None);
    let cut_off = |this: &Playground| this.verdicts().first().cloned();
    let verdict = playground.until("the first verdict", cut_off).await;
    assert!(verdict.contains("cannot be stopped"), "{verdict}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(diary.lock().unwrap().is_empty(), "two remedies would work on one thing");
    playground.until_kind(NotificationKind::Healed).await;
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_half_done_is_taken_back_and_seen_to_be_gone() {
    let world = World::default();
    let (undone, redo) = (world.clone(), world.clone());
    let half = Scripted::new(
        "half",
        vec![
            (
                Does::act(move || redo.set("trace", Status::Critical)),
                Some(Does::act(move || undone.set("trace", Status::Healthy))),
            ),
            (Does::fail("the disk is full"), None),
        ],
    );
    let diary = half.diary();
    let playground = broken(&world, vec![half]);
    playground.until_kind(NotificationKind::GivenUp).await;
    assert_eq!(world.get("trace"), Status::Healthy);
    let diary = diary.lock().unwrap().clone();
    assert_eq!(diary[..4], ["step 0", "step 1", "undo with 0 0", "probe 0"]);
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_that_makes_things_worse_is_taken_back() {
    let world = World::default();
    let (worse, back) = (world.clone(), world.clone());
    let does = Does::act(move || {
        worse.set("web", Status::Healthy);
        worse.set("other", Status::Critical);
    });
    let undo = Does::act(move || {
        back.set("web", Status::Critical);
        back.set("other", Status::Healthy);
    });
    let playground = broken(&world, vec![Scripted::new("worse", vec![(does, Some(undo))]), heals(&world, "fix")]);
    let healed = playground
        .until("healed by fix", |this| {
            this.told.lock().unwrap().iter().find(|message| message.title.contains("works again: fix")).cloned()
        })
        .await;
    assert_eq!(healed.check, Some(check("web")));
    let verdicts = playground.verdicts();
    assert!(
        verdicts[0].starts_with("made something else worse: other: it is critical; it was taken back"),
        "{verdicts:?}"
    );
    assert_eq!(world.get("other"), Status::Healthy);
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_lies_is_found_out_and_a_person_is_told() {
    let world = World::default();
    let mut lies = Scripted::new("lie", vec![(Does::nothing(), Some(Does::nothing()))]);
    lies.undo_lies = true;
    let playground = broken(&world, vec![lies]);
    let told = playground.until_kind(NotificationKind::HealerDegraded).await;
    assert!(told.title.contains("lie left something half done"), "{}", told.title);
    assert!(told.text.contains("its effect is still there"), "{}", told.text);
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relapse_on_probation_is_a_failed_attempt() {
    let world = World::default();
    let again = world.clone();
    let short = Scripted::one(
        "short",
        Does::act(move || {
            again.set("web", Status::Healthy);
            let again = again.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(150));
                again.set("web", Status::Critical);
            });
        }),
    );
    let playground = broken(&world, vec![short, heals(&world, "fix")]);
    playground.until_kind(NotificationKind::Healed).await;
    let verdicts = playground.verdicts();
    assert!(verdicts[0].starts_with("helped for a moment only"), "{verdicts:?}");
    assert_eq!(verdicts[1], "healed");
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_apply_burns_no_rung_and_an_empty_list_of_targets_is_nothing() {
    let world = World::default();
    let mut elsewhere = Scripted::one("elsewhere", Does::Panic);
    elsewhere.not_applicable = true;
    let mut empty = Scripted::one("empty", Does::Panic);
    empty.no_targets = true;
    let (one, two) = (elsewhere.diary(), empty.diary());
    let playground = broken(&world, vec![elsewhere, empty, heals(&world, "fix")]);
    playground.until_kind(NotificationKind::Healed).await;
    assert_eq!(playground.verdicts(), ["healed"]);
    assert!(one.lock().unwrap().is_empty() && two.lock().unwrap().is_empty());
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn given_up_is_said_once_and_the_ladder_goes_on() {
    let world = World::default();
    let never = Scripted::one("never", Does::nothing());
    let diary = never.diary();
    let nor = Scripted::one("nor", Does::nothing());
    let last = nor.diary();
    let playground = broken(&world, vec![never, nor]);
    let told = playground.until_kind(NotificationKind::GivenUp).await;
    assert!(told.text.contains("stratheal heal web") && told.text.contains("did not help"), "{}", told.text);
    let often = |diary: &Mutex<Vec<String>>| diary.lock().unwrap().len() >= 4;
    playground.until("more attempts of both", |_| (often(&diary) && often(&last)).then_some(())).await;
    assert_eq!(playground.kinds().iter().filter(|kind| **kind == NotificationKind::GivenUp).count(), 1);
    // The cause is gone, and the next attempt shows it.
    world.set("web", Status::Healthy);
    playground.until("over", |this| this.healer.view().incidents.is_empty().then_some(())).await;
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_may_stand_in_a_ladder_twice() {
    let world = World::default();
    world.set("web", Status::Critical);
    let (never, nor) = (Scripted::one("never", Does::nothing()), Scripted::one("nor", Does::nothing()));
    let diary = never.diary();
    let policies = vec![("web", quick(&["never", "nor", "never"]))];
    let remedies = vec![Arc::new(never) as _, Arc::new(nor) as _];
    let playground = Playground::new(vec![world.check("web", &[])], remedies, policies, None);
    playground.until_kind(NotificationKind::GivenUp).await;
    assert_eq!(diary.lock().unwrap().iter().filter(|line| line.starts_with("step")).count(), 2);
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_healed_is_not_taken_back_because_something_outside_fails_during_the_probation() {
    let world = World::default();
    world.set("web", Status::Critical);
    let checks = vec![world.check("outside", &[]), world.check("web", &["outside"])];
    let fix = heals(&world, "fix");
    let playground = Playground::new(checks, vec![Arc::new(fix) as _], vec![("web", quick(&["fix"]))], None);
    playground.until_state("web", IncidentState::Probation).await;
    for name in ["outside", "web"] {
        world.set(name, Status::Critical);
    }
    playground.until("the verdict", |this| (!this.verdicts().is_empty()).then_some(())).await;
    assert_eq!(playground.verdicts(), ["healed"]);
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_heals_by_itself_is_closed_as_that_and_breaks_again_as_the_same_incident() {
    let world = World::default();
    world.set("web", Status::Critical);
    let playground = Playground::new(vec![world.check("web", &[])], vec![], vec![], None);
    let first = playground.until_state("web", IncidentState::Open).await;
    world.set("web", Status::Healthy);
    let told = playground.until_kind(NotificationKind::Healed).await;
    assert!(told.title.ends_with("by itself"), "{}", told.title);
    world.set("web", Status::Critical);
    let again = playground.until_state("web", IncidentState::Open).await;
    assert_eq!((again.number, again.relapses), (first.number, 1));
    assert_ne!(again.resolution, Some(Resolution::Itself));
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_remedies_never_work_on_the_same_thing() {
    let world = World::default();
    let at_work = Arc::new(std::sync::atomic::AtomicI32::new(0));
    let remedy = |name: &str| {
        let (world, own, at_work) = (world.clone(), name.to_owned(), at_work.clone());
        let mut remedy = Scripted::one(
            &format!("fix-{name}"),
            Does::act(move || {
                use std::sync::atomic::Ordering;
                assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0, "two at a time");
                std::thread::sleep(Duration::from_millis(100));
                at_work.fetch_sub(1, Ordering::SeqCst);
                world.set(&own, Status::Healthy);
            }),
        );
        remedy.resource = Some("environment".into());
        Arc::new(remedy) as Arc<dyn stratheal_core::contract::Remedy>
    };
    let names = ["a", "b", "c"];
    for name in names {
        world.set(name, Status::Critical);
    }
    let checks = names.iter().map(|name| world.check(name, &[])).collect();
    let remedies = names.iter().map(|name| remedy(name)).collect();
    let policies = names.iter().map(|name| (*name, quick(&[&format!("fix-{name}")]))).collect();
    let playground = Playground::new(checks, remedies, policies, None);
    playground.until("all healed", |this| (this.verdicts() == ["healed"; 3]).then_some(())).await;
    playground.end().await;
}
