//! The fetcher against index servers that misbehave: what it gets in the end, and what that cost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

mod kill;
mod limits;
mod offline;
mod pairs;
mod table;
mod trial;
mod trust;
