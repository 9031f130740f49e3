//! Who looks around when something broke: what fills a disk, and what changed since all was well.

#[cfg(all(unix, feature = "snapshot"))]
mod changed_environment;
#[cfg(unix)]
mod full_disk;

#[cfg(all(unix, feature = "snapshot"))]
pub use changed_environment::ChangedEnvironment;
#[cfg(unix)]
pub use full_disk::FullDisk;
