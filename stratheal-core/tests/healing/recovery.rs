//! This program ends in the middle of an attempt, wherever that is, and is started again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stratheal_core::contract::Remedy;
use stratheal_core::healing::{HealPolicy, files};
use stratheal_core::model::Status;
use stratheal_core::model::incident::IncidentState;
use stratheal_core::model::notification::NotificationKind;
use stratheal_core::model::plan::StepState;

use crate::playground::{Playground, World, quick};
use crate::remedies::{Does, Scripted};

fn playground(world: &World, remedy: Scripted, policy: HealPolicy, state: &Path) -> Playground {
    let remedies = vec![Arc::new(remedy) as Arc<dyn Remedy>];
    Playground::new(vec![world.check("web", &[])], remedies, vec![("web", policy)], Some(state))
}

/// Leaves an attempt whose second step was begun, and hangs.
async fn left_in_the_middle(world: &World, state: &Path) {
    world.set("web", Status::Critical);
    let hangs =
        Scripted::new("fix", vec![(Does::nothing(), Some(Does::nothing())), (Does::Hang, Some(Does::nothing()))]);
    let diary = hangs.diary();
    let left = playground(world, hangs, quick(&["fix"]), state);
    left.until("the second step", |_| diary.lock().unwrap().contains(&"step 1".to_owned()).then_some(())).await;
    left.end().await;
}

/// A remedy of two steps whose probe says this, and whose second step heals.
fn second(world: &World, probe: StepState) -> Scripted {
    let world = world.clone();
    let heals = Does::act(move || world.set("web", Status::Healthy));
    let mut remedy =
        Scripted::new("fix", vec![(Does::nothing(), Some(Does::nothing())), (heals, Some(Does::nothing()))]);
    remedy.probe = Some(probe);
    remedy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_not_done_is_done_after_the_restart_and_no_other_again() {
    let (world, state) = (World::default(), tempfile::tempdir().unwrap());
    left_in_the_middle(&world, state.path()).await;
    let remedy = second(&world, StepState::NotDone);
    let diary = remedy.diary();
    let again = playground(&world, remedy, quick(&["fix"]), state.path());
    again.until_kind(NotificationKind::Healed).await;
    assert_eq!(*diary.lock().unwrap(), ["probe 1", "step 1"]);
    assert_eq!(again.verdicts(), ["healed"]);
    again.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_done_is_not_repeated_but_verified() {
    let (world, state) = (World::default(), tempfile::tempdir().unwrap());
    left_in_the_middle(&world, state.path()).await;
    world.set("web", Status::Healthy);
    let remedy = second(&world, StepState::Done);
    let diary = remedy.diary();
    let again = playground(&world, remedy, quick(&["fix"]), state.path());
    again.until_kind(NotificationKind::Healed).await;
    assert_eq!(*diary.lock().unwrap(), ["probe 1"]);
    again.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_taken_back_with_the_receipts_of_before() {
    let (world, state) = (World::default(), tempfile::tempdir().unwrap());
    left_in_the_middle(&world, state.path()).await;
    let remedy = second(&world, StepState::Unknown);
    let diary = remedy.diary();
    let again = playground(&world, remedy, quick(&["fix"]), state.path());
    let verdict = again.until("a verdict", |this| this.verdicts().first().cloned()).await;
    assert!(verdict.starts_with("was interrupted"), "{verdict}");
    let diary = diary.lock().unwrap().clone();
    let expected = ["probe 1", "undo with nothing 1", "probe 1", "undo with 0 0", "probe 0"];
    assert_eq!(diary[..expected.len()], expected);
    // That the undo cannot be seen is for a person to know.
    again.until_kind(NotificationKind::HealerDegraded).await;
    again.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_that_is_not_configured_any_more_is_said_to_have_left_something() {
    let (world, state) = (World::default(), tempfile::tempdir().unwrap());
    left_in_the_middle(&world, state.path()).await;
    let other = Scripted::one("other", Does::nothing());
    let again = playground(&world, other, quick(&["other"]), state.path());
    let told = again.until_kind(NotificationKind::HealerDegraded).await;
    assert!(told.text.contains("not configured any more"), "{}", told.text);
    again.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_limits_and_messages_are_known_after_a_restart() {
    let (world, state) = (World::default(), tempfile::tempdir().unwrap());
    world.set("web", Status::Critical);
    let never = || Scripted::one("never", Does::nothing());
    let mut policy = quick(&["never"]);
    policy.intensity.most = 2;
    let first = playground(&world, never(), policy.clone(), state.path());
    first.until_kind(NotificationKind::GivenUp).await;
    first.until("two attempts", |this| (this.verdicts().len() == 2).then_some(())).await;
    first.healer.acknowledge(1, "me", "on it").await.unwrap();
    let last = first.told.lock().unwrap().last().unwrap().id;
    first.end().await;

    let remedy = never();
    let diary = remedy.diary();
    let again = playground(&world, remedy, policy, state.path());
    let incident = again.until_state("web", IncidentState::GivenUp).await;
    assert_eq!(incident.number, 1);
    assert_eq!(incident.acknowledged.as_ref().map(|ack| ack.by.as_str()), Some("me"));
    assert_eq!(incident.timeline[0].what, "opened", "its file has what the journal left out");
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(diary.lock().unwrap().is_empty(), "the limits of before hold");
    assert!(again.told.lock().unwrap().iter().all(|message| message.id > last));
    again.end().await;
    assert_eq!(files::list(state.path(), 10).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remedy_that_takes_the_state_folder_away_is_survived() {
    let world = World::default();
    let outer = tempfile::tempdir().unwrap();
    let state = outer.path().join("state");
    world.set("web", Status::Critical);
    let (folder, fixer) = (state.clone(), world.clone());
    let takes = Scripted::new(
        "fix",
        vec![
            (Does::act(move || std::fs::remove_dir_all(&folder).unwrap()), None),
            (Does::act(move || fixer.set("web", Status::Healthy)), None),
        ],
    );
    let first = playground(&world, takes, quick(&["fix"]), &state);
    first.until_kind(NotificationKind::Healed).await;
    first.end().await;
    assert!(state.join("journal/healing").exists());
    let again = playground(&world, Scripted::one("fix", Does::Panic), quick(&["fix"]), &state);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(again.verdicts().is_empty());
    world.set("web", Status::Critical);
    let incident = again.until("an incident", |this| this.open_incident("web")).await;
    assert_eq!((incident.number, incident.relapses), (1, 1), "what was known is known");
    again.end().await;
}
