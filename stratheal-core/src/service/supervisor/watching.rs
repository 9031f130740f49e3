//! Watching what is not a child.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::inside::Inside;
use crate::base::clock::Clock;
use crate::model::ServiceId;
use crate::service::outside::Outside;
use crate::service::spec::ServiceSpec;
use crate::service::state::Input;

/// How often a service is asked how it is.
const LOOK: Duration = Duration::from_secs(1);
/// So often in a row it may not be told, before that is shown.
const UNKNOWN: u32 = 3;

/// Tells when a service has come up, when it cannot be told how it is, and when it does not run any more. Not known is not ended.
pub(super) async fn watch(
    spec: Arc<ServiceSpec>,
    id: ServiceId,
    run: String,
    sender: mpsc::Sender<Inside>,
    clock: Arc<dyn Clock>,
) {
    let tell = async |input| {
        // Nobody is left to tell when the supervisor has stopped.
        drop(sender.send(Inside { id: id.clone(), input }).await);
    };
    let outside = Outside::of(&spec);
    let (mut is_up, mut unknown) = (false, 0);
    loop {
        match outside.status().await {
            Ok(seen) if seen.alive => {
                if std::mem::take(&mut unknown) >= UNKNOWN {
                    tell(Input::Doubt { run: run.clone(), why: None }).await;
                }
                if !is_up && !seen.changing {
                    is_up = true;
                    tell(Input::Executed { run: run.clone() }).await;
                }
            }
            Ok(seen) => {
                tell(Input::Ended { run: run.clone(), ending: seen.ended(clock.now()) }).await;
                tell(Input::Gone { run }).await;
                return;
            }
            Err(why) => {
                unknown += 1;
                if unknown == UNKNOWN {
                    tracing::warn!(service = %id, why, "cannot tell how a service is");
                    tell(Input::Doubt { run: run.clone(), why: Some(why) }).await;
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
