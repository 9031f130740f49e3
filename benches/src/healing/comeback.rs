//! A server that is killed, or hangs: how long until it answers again.
//!
//! Each round has a supervisor of its own, so that it is the first trouble for everybody: whoever makes a pause before a second attempt
//! has made none yet.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use stratheal_core::base::clock::{Clock, SystemClock};
use tokio::time::{Instant, sleep};

use super::incidents::{first, seconds, until};
use super::ours;
use super::service::Service;
use super::supervisor::Supervisor;
use super::watched::Watched;
use crate::failure::Failure;
use crate::fetch::place::Place;

/// How often it is looked whether the server answers. Monit has nothing shorter.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// How long an answer is waited for. Monit has nothing shorter here either.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
/// The interval while a failure is confirmed.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How many failures in a row are believed.
pub(super) const FAIL_AFTER: u32 = 2;
/// How long a server runs before something happens to it: long enough for everybody to call it well.
const CALM: Duration = Duration::from_secs(5);

/// What happens to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Its process is killed.
    Killed,
    /// It stops answering; its process stays.
    Hung,
}

impl Trouble {
    pub(super) const ALL: [Self; 2] = [Self::Killed, Self::Hung];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Hung => "hung",
        }
    }

    const fn signal(self) -> Signal {
        match self {
            Self::Killed => Signal::KILL,
            Self::Hung => Signal::USR1,
        }
    }

    /// How long it may take until it is verified that the server is back, its own start left out.
    pub(super) fn goal(self) -> Duration {
        let known = match self {
            Self::Killed => Duration::ZERO,
            Self::Hung => INTERVAL + (TIMEOUT + RETRY_INTERVAL) * FAIL_AFTER,
        };
        known + Duration::from_secs(1)
    }

    /// Whether a supervisor sees such a thing at all.
    pub(super) const fn is_seen_by(self, supervisor: Supervisor) -> bool {
        !matches!((self, supervisor), (Self::Hung, Supervisor::Supervisord))
    }
}

/// How long it took, in seconds since it happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Comeback {
    /// Until another process answered.
    pub(super) answers: f64,
    /// Until the trouble was known, and until the check had passed again as often as is asked for. Only we say so.
    pub(super) known_and_verified: Option<(f64, f64)>,
}

/// Lets it happen once. `phase` is a part of the interval, so that rounds do not all meet the same moment of a cycle.
pub(super) async fn measure(
    trouble: Trouble,
    supervisor: Supervisor,
    phase: f64,
    place: &Place,
) -> Result<Comeback, Failure> {
    let watched = Watched::start(supervisor, Service::new(place)?).await?;
    sleep(CALM + INTERVAL.mul_f64(phase)).await;
    let process = Pid::from_raw(watched.process).ok_or_else(|| Failure::new("the server says no process"))?;
    let (since, began) = (SystemClock.now(), Instant::now());
    kill_process(process, trouble.signal()).map_err(std::io::Error::from)?;
    watched.service.until_answers(Some(watched.process)).await?;
    let answers = began.elapsed().as_secs_f64();
    let mut known_and_verified = None;
    if supervisor == Supervisor::Stratheal {
        let state = ours::state(&watched.service.folder);
        let verified = until(&state, &["probation"], since).await?;
        let known = first(&state, &["opened"], since)?.ok_or_else(|| Failure::new("no incident was opened"))?;
        known_and_verified = Some((seconds(since, known), seconds(since, verified)));
    }
    watched.stop().await?;
    Ok(Comeback { answers, known_and_verified })
}
