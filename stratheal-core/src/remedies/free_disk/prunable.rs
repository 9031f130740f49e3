//! [`Prunable`]: something that knows by itself what in it may go.

use std::fmt;
use std::io;
use std::path::Path;

use super::Amount;

/// Something that knows by itself what in it may go, such as the cache of downloads. Both calls may block.
///
/// # Example
/// ```
/// use std::io;
/// use std::path::{Path, PathBuf};
/// use stratheal_core::remedies::free_disk::{Amount, Prunable};
///
/// #[derive(Debug)]
/// struct OneFile(PathBuf);
///
/// impl Prunable for OneFile {
///     fn root(&self) -> &Path {
///         self.0.parent().unwrap_or(Path::new("/"))
///     }
///     fn measure(&self) -> io::Result<Amount> {
///         let metadata = self.0.symlink_metadata();
///         Ok(metadata.map_or(Amount::default(), |found| Amount { count: 1, bytes: found.len() }))
///     }
///     fn prune(&self, at_most: Amount) -> io::Result<Amount> {
///         let there = self.measure()?;
///         if there.count == 0 || !there.is_within(at_most) {
///             return Ok(Amount::default());
///         }
///         std::fs::remove_file(&self.0).map(|()| there)
///     }
/// }
/// ```
pub trait Prunable: fmt::Debug + Send + Sync + 'static {
    /// Where it is; the space on the file system of this folder is compared before and after.
    fn root(&self) -> &Path;

    /// How much may go. Changes nothing.
    ///
    /// # Errors
    /// What the system says.
    fn measure(&self) -> io::Result<Amount>;

    /// Lets it go, never more than this, and answers how much it was.
    ///
    /// # Errors
    /// What the system says.
    fn prune(&self, at_most: Amount) -> io::Result<Amount>;
}
