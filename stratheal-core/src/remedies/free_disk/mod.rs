//! Freeing space on a disk, by rules that name what may go.
//!
//! Below the folder of a rule nothing is followed: no symbolic link, and no way into another mount, also when one is put in the way
//! between looking and deleting. No more is deleted than the plan counted. What it brought is told by the file system, not by adding
//! up sizes: files that are open, or have other names, free nothing.
//!
//! Only on Linux; elsewhere [`FreeDisk`] does not apply.

mod amount;
#[cfg(target_os = "linux")]
mod beneath;
mod choose;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod found;
#[cfg(target_os = "linux")]
mod open_files;
mod outcome;
#[cfg(feature = "objects")]
mod package_cache;
mod pattern;
mod place;
mod prunable;
mod remedy;
mod rule;
#[cfg(target_os = "linux")]
mod sweep;
#[cfg(target_os = "linux")]
mod walk;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

pub use amount::Amount;
#[cfg(feature = "objects")]
pub use package_cache::PackageCache;
pub use pattern::{InvalidPattern, NamePattern};
pub use prunable::Prunable;
pub use remedy::FreeDisk;
pub use rule::{Files, FreeDiskRule, InvalidRule, Swept};
