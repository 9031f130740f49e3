//! The real engine in a world, with a clock that passes as fast as it can.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use stratheal_core::base::clock::Clock;
use stratheal_core::contract::{CheckContext, CheckError, HealthCheck};
use stratheal_core::engine::{Engine, Registration};
use stratheal_core::model::event::EventKind;
use stratheal_core::model::{CheckId, Report, Status};
use tokio::time::Instant;

use crate::rule::Told;
use crate::world::{Message, World};

/// Wall time that passes as the paused clock does.
#[derive(Debug)]
struct SameClock(Instant);

impl Clock for SameClock {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(self.0.elapsed()).unwrap_or(Timestamp::MAX)
    }
}

struct Look {
    id: CheckId,
    world: Arc<World>,
    target: usize,
    origin: Instant,
}

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Look").field("id", &self.id).finish_non_exhaustive()
    }
}

#[async_trait]
impl HealthCheck for Look {
    fn id(&self) -> &CheckId {
        &self.id
    }

    async fn check(&self, _cx: &CheckContext) -> Result<Report, CheckError> {
        match self.world.look(self.target, self.origin.elapsed()) {
            Status::Unknown => Err(CheckError::other("cannot be measured")),
            status => Ok(Report::new(status, "as recorded")),
        }
    }
}

/// Everything the engine tells in a world: changes for the worse that nothing mutes, and the beginning of flapping.
///
/// A change to Unknown accuses nobody; that a check cannot be measured is told of `stratheal.self`.
pub(crate) async fn watch(world: &Arc<World>, with_dependencies: bool) -> Vec<Message> {
    let origin = Instant::now();
    let id = |target: usize| CheckId::new(&world.targets[target].id).expect("a world has well-formed ids");
    let registrations = world.targets.iter().enumerate().map(|(place, target)| {
        let mut spec = target.spec();
        if let Some(parent) = target.parent.filter(|_| with_dependencies) {
            spec = spec.depends_on(id(parent));
        }
        Registration::new(Look { id: id(place), world: world.clone(), target: place, origin }, spec)
    });
    let engine = Engine::builder()
        .register_all(registrations)
        .clock(Arc::new(SameClock(origin)))
        .build()
        .expect("a world is well-formed")
        .start_here();
    let mut events = engine.subscribe();
    let mut told = Vec::new();
    while origin.elapsed() < world.end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        while let Ok(event) = events.try_recv() {
            let (id, what) = match &event.kind {
                EventKind::Changed(change) if change.muted.is_none() && !change.flapping => match change.to {
                    Status::Warning | Status::Critical => (&change.id, Told::Problem),
                    Status::Healthy => (&change.id, Told::Over),
                    Status::Unknown => continue,
                },
                EventKind::Flapping { id, active } => (id, if *active { Told::Flapping } else { Told::Over }),
                _ => continue,
            };
            let at = Duration::try_from(event.at.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default();
            told.push((at, world.targets.iter().position(|target| target.id == id.as_str()), what));
        }
    }
    engine.shutdown(Duration::from_secs(1)).await;
    told
}
