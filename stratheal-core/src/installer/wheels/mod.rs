//! From what a lock selects, or from what is installed, to wheels that can be had.

mod candidates;
mod direct_url;
mod installed;
mod place;
mod sort;

pub(super) use candidates::{Candidate, Sought};
pub(super) use sort::{Sorted, Sorting};
