//! Answers about healing.

use super::protocol::{Request, Response};
use crate::base::clock::{Clock, SystemClock};
use crate::healing::{HealError, HealerHandle, HealingPause};
use crate::model::attempt::Actor;

pub(super) async fn answer(request: Request, healer: &HealerHandle) -> Response {
    let refused = |error: HealError| Response::Refused(error.to_string());
    match request {
        Request::Healing => Response::Healing(Box::new(healer.view())),
        Request::Heal { check, by } => {
            let begun = healer.heal(check, Actor::Person(by)).await;
            begun.map_or_else(refused, |count| Response::Done(format!("{count} incidents begin their ladders anew")))
        }
        Request::Changed { what } => {
            healer.changed(&what).await.map_or_else(refused, |()| Response::Done("noted".to_owned()))
        }
        Request::Prospect { check } => {
            healer.prospect(check).await.map_or_else(refused, |found| Response::Prospect(Box::new(found)))
        }
        Request::Approve { token, by } => {
            healer.approve(&token, &by).await.map_or_else(refused, |plan| Response::Approved(Box::new(plan)))
        }
        Request::Remedies => healer.remedies().await.map_or_else(refused, Response::Remedies),
        Request::RunRemedy { remedy, check, by } => {
            let begun = healer.run_remedy(remedy, check, Actor::Person(by)).await;
            begun.map_or_else(refused, Response::Begun)
        }
        Request::Acknowledge { incident, by, note } => {
            let noted = healer.acknowledge(incident, &by, &note).await;
            noted.map_or_else(refused, |incident| Response::Incident(Box::new(incident)))
        }
        Request::PauseHealing { by, reason, lasting } => {
            let pause = HealingPause { by, reason, since: SystemClock.stamp(), lasting };
            healer.pause(pause).await.map_or_else(refused, |()| Response::Done("healing is paused".to_owned()))
        }
        Request::ResumeHealing { by } => {
            healer.resume(&by).await.map_or_else(refused, |()| Response::Done("healing goes on".to_owned()))
        }
        _ => Response::Refused("this is not about healing".to_owned()),
    }
}
