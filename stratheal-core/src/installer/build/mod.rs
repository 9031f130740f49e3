//! Wheels of what is none: source distributions, archives, repositories and folders.
//!
//! The engines that choose versions know how to build, in isolation and behind the gateway. What they made is kept by the content it
//! was made from.

mod buildable;
mod builder;
mod checkout;
mod editable;
mod failure;
mod fingerprint;
mod kept;
mod key;

pub use buildable::{BuildSettings, Buildable, Source};
pub(in crate::installer) use builder::Builder;
pub use failure::BuildFailure;
