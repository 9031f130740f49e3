//! From what a lock selects to wheels that can be had.

mod direct_url;
mod place;
mod sort;

pub(super) use sort::{Sorted, Sorting};
