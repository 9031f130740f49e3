//! One file for each command.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod heal;
pub(crate) mod incidents;
pub(crate) mod index;
pub(crate) mod init;
pub(crate) mod install;
pub(crate) mod pause;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod service;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod up;
pub(crate) mod wait;
pub(crate) mod warm;
