//! What the benchmark of environments consists of: our installer, uv and pip, into environments of their own.

mod candidate;
mod real;
pub mod report;
mod scene;
mod whole;
