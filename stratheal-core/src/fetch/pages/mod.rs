//! Project pages: from the cache while they are fresh, else from the members of the source.

mod first;

pub(super) use first::page;
