//! What a project says of itself in `pyproject.toml`: dependencies, extras (PEP 621) and dependency groups (PEP 735).

mod choose;
mod groups;
mod read;
mod wanted;

pub use choose::{ProjectChoice, ProjectDependencies};
pub use read::Project;
