//! Where the log of a service is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::model::ServiceId;

/// The log of a service, in the folder of the services.
///
/// ```
/// use std::path::Path;
/// use stratheal_core::model::ServiceId;
/// use stratheal_core::service::logs::path_of;
/// let path = path_of(Path::new("/srv/app/.stratheal/services"), &ServiceId::new("api/web").unwrap());
/// assert_eq!(path, Path::new("/srv/app/.stratheal/services/logs/api~web.log"));
/// ```
#[must_use]
pub fn path_of(folder: &Path, service: &ServiceId) -> PathBuf {
    // An id has no tilde, so two services never share a file.
    folder.join("logs").join(format!("{}.log", service.as_str().replace('/', "~")))
}

/// An older part of a log; the first is the youngest.
pub(super) fn older(path: &Path, number: u32) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

/// The most older parts that are looked for.
pub(super) const MOST_PARTS: u32 = 100;
