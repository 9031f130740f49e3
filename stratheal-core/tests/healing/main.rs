//! A healer, an engine, and remedies that do all that remedies should not do.
#![expect(clippy::disallowed_methods, reason = "some remedies here block their thread on purpose")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

mod approval;
mod calm;
mod playground;
mod recovery;
mod remedies;
mod stories;
