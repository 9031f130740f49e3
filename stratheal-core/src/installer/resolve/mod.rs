//! From what is wanted to a lock: by an engine that knows how to choose versions, as a child process behind the gateway.

mod canonical;
mod child;
mod engine;
mod error;
mod exact;
mod find;
mod input;
mod kept;
mod named_wheels;
mod pinned;
mod pip;
mod provision;
mod resolver;
mod uv;

pub(in crate::installer) use canonical::source_of;
pub(in crate::installer) use child::{Job, run};
pub(in crate::installer) use engine::variables;
pub use engine::{BuildFrom, BuildRequest, Engine, ResolveRequest};
pub use error::{EngineFailure, ResolveError};
pub use find::EngineChoice;
pub(in crate::installer) use find::engines;
pub(in crate::installer) use pinned::pinned;
pub use pip::Pip;
pub(in crate::installer) use provision::provision;
pub use resolver::{Resolution, ResolveOptions};
pub(in crate::installer) use resolver::{Resolving, resolve};
pub use uv::Uv;
