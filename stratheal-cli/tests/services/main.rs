//! Services with real processes: a keeper, its children, engines that come and go, and what is left when they are killed.
#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "figures, and what the keeper said when a test fails")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should say so")]

mod engines;
mod figures;
mod keepers;
mod kinds;
mod life;
mod logs;
mod roles;
mod setup;
mod starting;
mod stopping;
