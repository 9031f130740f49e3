//! What a snapshot holds of an environment: every entry of its tree. Pure.

mod entry;
mod escape;
mod text;

pub use entry::{Attributes, Content, Entry, Node, Tree, Wheel, WheelFile};
pub(super) use entry::{find, is_first};
pub(super) use escape::{escape, unescape};
pub(super) use text::{InvalidTree, MOST_ENTRIES, parse_tree, write_tree};
