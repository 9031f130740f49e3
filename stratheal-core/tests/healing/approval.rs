//! A person decides: about exactly the plan that they were shown.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use stratheal_core::healing::{Approval, PendingApproval};
use stratheal_core::model::Status;
use stratheal_core::model::notification::NotificationKind;

use crate::playground::{Playground, World, quick};
use crate::remedies::{Does, Scripted};

fn waiting(playground: &Playground) -> Option<PendingApproval> {
    playground.healer.view().approvals.first().cloned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_changed_since_it_was_approved_is_not_carried_out() {
    let world = World::default();
    world.set("web", Status::Critical);
    let fixer = world.clone();
    let fix = Scripted::one("fix", Does::act(move || fixer.set("web", Status::Healthy)));
    let (diary, size) = (fix.diary(), fix.size.clone());
    let mut policy = quick(&["fix"]);
    policy.approval = Approval::Confirm;
    let playground = Playground::new(vec![world.check("web", &[])], vec![Arc::new(fix)], vec![("web", policy)], None);
    let message = playground.until_kind(NotificationKind::ApprovalNeeded).await;
    let first = playground.until("a plan that waits", waiting).await;
    assert!(message.text.contains(&format!("stratheal heal approve {}", first.token)), "{}", message.text);
    assert!(first.token.ends_with(&first.plan_hash[..8]));

    // Something grows between the word of the person and the deed.
    size.store(7, Ordering::Relaxed);
    playground.healer.approve(&first.token, "me").await.unwrap();
    let second =
        playground.until("another plan", |this| waiting(this).filter(|waits| waits.plan_hash != first.plan_hash)).await;
    assert!(diary.lock().unwrap().is_empty(), "nothing was done by the old approval");
    assert!(playground.healer.approve(&first.token, "me").await.is_err(), "it is of no use any more");

    playground.healer.approve(&second.token, "me").await.unwrap();
    playground.until_kind(NotificationKind::Healed).await;
    assert_eq!(*diary.lock().unwrap(), ["step 0"]);
    assert!(waiting(&playground).is_none(), "an approval is good for once");
    assert_eq!(playground.deeds().iter().filter(|deed| deed.action == "approved").count(), 2);
    playground.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_people_to_run_is_left_out_and_said() {
    let world = World::default();
    world.set("web", Status::Critical);
    let fix = Scripted::one("fix", Does::Panic);
    let diary = fix.diary();
    let mut policy = quick(&["fix"]);
    policy.approval = Approval::Manual;
    let playground = Playground::new(vec![world.check("web", &[])], vec![Arc::new(fix)], vec![("web", policy)], None);
    let told = playground.until_kind(NotificationKind::GivenUp).await;
    assert!(told.text.contains("fix was left out: a person has to run it"), "{}", told.text);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(diary.lock().unwrap().is_empty());
    playground.end().await;
}
