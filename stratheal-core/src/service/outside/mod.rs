//! Services that look after their own processes: units of a service manager, and programs with commands.

mod commands;
mod kind;
mod unit;

pub(super) use kind::{MANAGER, Outside};
