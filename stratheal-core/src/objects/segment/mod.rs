//! Segments: many small objects in one file.
//!
//! What no pack holds (edited, built, foreign files) is kept here. One file for each of tens of thousands of objects would cost more
//! than their content; in a segment they stand one behind the other, packed where that saves something, with an index at the end. A
//! segment never changes: it appears whole, and goes whole.

mod collect;
mod form;
mod read;
mod write;

pub use collect::SegmentReport;
pub use read::Segments;
pub use write::{Packed, SegmentWriter};
