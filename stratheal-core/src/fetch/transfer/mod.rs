//! Files.

mod first;

pub(super) use first::fetch_file;
