//! What the supervisor is told: by callers, and by its own tasks.

use tokio::sync::oneshot;

use super::error::ServiceError;
use super::handle::{Applied, Shutdown};
use crate::model::ServiceId;
use crate::service::spec::ServiceSpec;
use crate::service::state::{Input, StoppedBy};

/// Whoever waits for an answer.
pub(super) type Reply<T> = oneshot::Sender<Result<T, ServiceError>>;

/// What somebody asks for.
#[derive(Debug)]
pub(super) enum Order {
    Apply(Vec<ServiceSpec>, Reply<Applied>),
    Start(ServiceId, Reply<()>),
    Stop(ServiceId, StoppedBy, Reply<()>),
    Restart(ServiceId, Reply<()>),
    RestartUnlessStopped(ServiceId, Reply<()>),
    MarkReady(ServiceId, Reply<()>),
    Shutdown(Shutdown, oneshot::Sender<Vec<ServiceId>>),
}

/// What a task found out.
#[derive(Debug)]
pub(super) struct Inside {
    pub(super) id: ServiceId,
    pub(super) input: Input,
}
