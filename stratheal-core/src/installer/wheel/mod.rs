//! What a wheel says about itself, and where its files go ("Binary distribution format" of the packaging specifications).

mod entry_points;
mod error;
mod metadata;
mod placement;
mod record;
mod reserved;
mod script;
mod wheel_file;

pub use entry_points::{EntryPoint, InvalidEntryPoints, parse_entry_points};
pub use error::WheelError;
pub use metadata::{CoreFields, InvalidMetadata, parse_metadata};
pub(in crate::installer) use placement::{Part, place};
pub(in crate::installer) use record::{Row, write_record};
pub(in crate::installer) use reserved::reserved;
pub(in crate::installer) use script::{launcher, with_shebang};
pub(in crate::installer) use wheel_file::WheelFile;
