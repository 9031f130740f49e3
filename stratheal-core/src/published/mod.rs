//! What one process knows, for others on its host.
//!
//! Where several processes of one application embed an engine, as the workers of a web server do, what is about the host is measured by one
//! of them: it [`publish`]es in a file, and the others have [`Mirrored`] checks in the place of their own.

mod document;
mod mirror;
mod publish;
#[cfg(test)]
mod tests;

pub use mirror::{Mirrored, Published};
pub use publish::publish;
