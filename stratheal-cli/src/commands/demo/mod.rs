//! `stratheal demo`: a small web server that is broken in all kinds of ways, and heals.
//!
//! [`project`] lays it out, [`monitor`] is the `stratheal up` that looks after it, [`breakage`] says what is broken and how,
//! [`story`] follows what becomes of it. [`scripted`] breaks one thing after the other, [`random`] many in any order, [`up`] nothing.

mod availability;
mod breakage;
mod chance;
mod leftovers;
mod monitor;
mod outside;
mod ports;
mod project;
mod random;
mod run;
mod scene;
mod scripted;
mod small_disk;
mod story;
mod trouble;
mod up;

pub(crate) use run::run;
