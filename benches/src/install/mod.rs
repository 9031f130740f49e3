//! What the benchmark of environments consists of: our installer, uv and pip, into environments of their own.

mod candidate;
pub mod report;
mod scene;
