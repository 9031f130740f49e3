//! `tcp`: a connection, and if wanted a word and its answer.

mod measure;
mod options;

pub use measure::TcpMeasure;
pub use options::{TcpExpect, TcpOptions};

#[cfg(test)]
mod tests;
