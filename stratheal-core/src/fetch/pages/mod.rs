//! Project pages: from the cache while they are fresh, else from the members of the source.
//!
//! What each member says is kept by itself, in memory and on disk; what they say together is merged from that. Members are asked all
//! at once, and a pure decision says when enough of them have answered.

mod ask;
mod chain;
mod decide;
mod folder;
mod form;
mod freshness;
mod gather;
mod known;
mod memory;
mod portable;
mod record;
mod rest;
mod seen;
mod sent;
mod under_way;

#[cfg(test)]
mod race_tests;
#[cfg(test)]
mod tests;

pub(super) use chain::{Pages, accept, in_memory, known, page};
pub(super) use folder::Folders;
pub use portable::{Exported, export_cache, export_cache_to, import_cache};
pub(super) use rest::{ask_rest, next_late};
