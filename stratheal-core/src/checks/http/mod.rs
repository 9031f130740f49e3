//! `http`: a request, and what its answer means.

mod measure;
mod options;
mod status_set;

pub use measure::HttpMeasure;
pub use options::{HttpAuth, HttpOptions};
pub use status_set::{InvalidStatusSet, StatusSet};

#[cfg(test)]
mod tests;
