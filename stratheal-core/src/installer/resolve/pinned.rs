//! Requirements that pin everything, with hashes: there is nothing to choose, so that no engine is needed.

use futures::{StreamExt, TryStreamExt};
use pep440_rs::Version;

use super::error::ResolveError;
use crate::base::redact::Secret;
use crate::fetch::{Fetcher, Page};
use crate::index::{DistributionKind, DistributionName, IndexFile, ProjectName};
use crate::installer::lock::{Lock, LockedFile, LockedPackage, LockedSource};
use crate::installer::requirement::Pin;

/// Pages that are asked for side by side; the fetcher decides how many connections that makes.
const AT_ONCE: usize = 64;

/// The lock that pins are: of each project the files of its version whose hashes are among those that are named.
///
/// # Cancellation
/// Dropping the future stops what is being fetched.
pub(in crate::installer) async fn pinned(pins: Vec<Pin>, fetcher: &Fetcher) -> Result<Lock, ResolveError> {
    let each = pins.into_iter().map(async |pin| {
        let page = fetcher.page(&pin.name).await?;
        of_pin(&pin, &page, fetcher)
    });
    let packages: Vec<LockedPackage> = futures::stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(Lock::new(packages))
}

fn of_pin(pin: &Pin, page: &Page, fetcher: &Fetcher) -> Result<LockedPackage, ResolveError> {
    let is_named = |file: &IndexFile| file.hashes.sha256.is_some_and(|id| pin.hashes.sha256.contains(&id));
    let package = package(&pin.name, &pin.version, page, fetcher, &is_named);
    if !matches!(&package.source, LockedSource::Files { sdist: None, wheels } if wheels.is_empty()) {
        return Ok(package);
    }
    let is_other = |file: &&IndexFile| {
        DistributionName::parse(&file.name, Some(&pin.name)).is_ok_and(|name| name.version == pin.version)
    };
    Err(ResolveError::NoSuchPin {
        name: pin.name.clone(),
        version: pin.version.clone(),
        origin: pin.origin.to_string(),
        others: page.page.files.iter().filter(is_other).count(),
    })
}

/// One version of a project, with those of its files that may be taken.
pub(super) fn package(
    project: &ProjectName,
    version: &Version,
    page: &Page,
    fetcher: &Fetcher,
    may_be_taken: &dyn Fn(&IndexFile) -> bool,
) -> LockedPackage {
    let (mut sdist, mut wheels) = (None, Vec::new());
    for file in page.page.files.iter().filter(|file| may_be_taken(file)) {
        let Ok(name) = DistributionName::parse(&file.name, Some(project)) else { continue };
        if name.version != *version {
            continue;
        }
        match name.kind {
            DistributionKind::Wheel(_) => wheels.push(locked(file)),
            DistributionKind::Sdist => sdist = sdist.or_else(|| Some(locked(file))),
            DistributionKind::Legacy => {}
        }
    }
    let source = fetcher.chain().sources.iter().find(|source| *source.name == *page.source);
    LockedPackage {
        name: project.clone(),
        version: Some(version.clone()),
        marker: None,
        requires_python: None,
        dependencies: Vec::new(),
        index: source.and_then(|source| source.members.first()).map(|member| Secret::new(member.url.to_string())),
        source: LockedSource::Files { sdist, wheels },
        attestation_identities: Vec::new(),
        tool: toml::Table::new(),
    }
}

fn locked(file: &IndexFile) -> LockedFile {
    LockedFile {
        name: file.name.clone(),
        upload_time: None,
        url: Some(Secret::new(file.url.to_string())),
        path: None,
        size: file.size,
        hashes: file.hashes.clone(),
    }
}
