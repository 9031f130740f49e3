//! stratheal keeps Python applications and their hosts healthy.
//!
//! This crate is the library: health checks that explain themselves, the engine that runs them, and what is built on them. The
//! modules below are in layer order: each imports only from those above it.

pub mod base;

pub mod model;

pub mod contract;

pub mod engine;

pub mod format;

pub mod history;

pub mod state;

pub mod published;

#[cfg(feature = "audit")]
pub mod audit;

#[cfg(feature = "journal")]
pub mod journal;

#[cfg(feature = "healing")]
pub mod healing;

#[cfg(feature = "http")]
pub mod net;

#[cfg(feature = "system")]
pub mod sys;

#[cfg(feature = "objects")]
pub mod objects;

#[cfg(feature = "fetch")]
pub mod index;

#[cfg(feature = "fetch")]
pub mod fetch;

#[cfg(feature = "gateway")]
pub mod gateway;

#[cfg(feature = "doctor")]
pub mod doctor;

#[cfg(feature = "installer")]
pub mod installer;
#[cfg(feature = "snapshot")]
pub mod snapshot;

pub mod checks;

#[cfg(all(feature = "service", unix))]
pub mod service;

#[cfg(feature = "remedies")]
pub mod remedies;

#[cfg(feature = "remedies")]
pub mod evidence;

#[cfg(feature = "notify")]
pub mod notify;

#[cfg(feature = "config")]
pub mod config;

#[cfg(feature = "workspace")]
pub mod workspace;

#[cfg(all(feature = "supervision", unix))]
pub mod supervision;

#[cfg(feature = "endpoints")]
pub mod endpoints;

#[cfg(all(feature = "control", unix))]
pub mod control;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

/// The examples of the pages beside the code compile, too.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../CONTRIBUTING.md")]
    struct Contributing;
    #[doc = include_str!("../../ARCHITECTURE.md")]
    struct Architecture;
    #[doc = include_str!("../../docs/guide.md")]
    struct Guide;
}
