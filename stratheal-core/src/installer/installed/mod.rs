//! What is installed in an environment.

mod distribution;
mod owned;
mod scan;

pub use distribution::Distribution;
pub(in crate::installer) use distribution::{lists_its_metadata, named_by, read_record};
pub(in crate::installer) use owned::{Owned, bytecode_of, resolve};
pub use scan::{Installed, NotADistribution};
