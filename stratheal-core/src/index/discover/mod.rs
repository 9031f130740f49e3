//! Which index is asked. No registry is written into this program: the default is found the way the user's own tools find it.
//!
//! In this order: explicit options, the settings of this program, the environment, the files of uv, pip, poetry and pdm, the
//! requirements files, and last the built-in default of the pip that belongs to the interpreter. What is found and cannot be
//! part of the chain is named in the notes, so that nothing is bypassed or dropped silently.

mod assemble;
mod environment;
mod finding;
mod interpreter;
mod options;
mod pip;
mod project;
mod requirements;
mod search;
mod uv;

pub use assemble::{DiscoverError, Discovered, NetworkHints, ProjectIndex};
pub use finding::{Note, NoteKind};
pub use interpreter::default_of_pip;
pub use options::{DiscoverOptions, IndexSettings, MirrorSettings, SourceSettings};
pub use search::discover;
