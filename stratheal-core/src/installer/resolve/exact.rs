//! Requirements that name one version of everything, as those that `pip freeze` and `uv pip compile` write: whether they are complete is
//! looked up, and then there is nothing to choose.

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt};
use pep440_rs::Version;

use super::error::ResolveError;
use super::pinned::package;
use crate::fetch::{Fetcher, FileRequest, Page};
use crate::index::{DistributionKind, DistributionName, IndexFile, Yanked};
use crate::installer::closure::{asks_for_a_url, unmet};
use crate::installer::lock::{Lock, LockedPackage};
use crate::installer::python::{Compatibility, Interpreter};
use crate::installer::requirement::{Pin, Wanted, satisfies};
use crate::installer::wheel::{CoreFields, parse_metadata};

/// Pages that are asked for side by side; the fetcher decides how many connections that makes.
const AT_ONCE: usize = 64;

/// The lock that requirements are where each of them names one version, there is a wheel for each, and they require nothing but each
/// other. `None` where somebody has to choose, or should say why it cannot be.
///
/// # Cancellation
/// Dropping the future stops what is being fetched.
pub(super) async fn exact(
    wanted: &Wanted,
    interpreter: &Interpreter,
    fetcher: &Fetcher,
) -> Result<Option<Lock>, ResolveError> {
    let options = &wanted.options;
    let chooses = [&options.no_binary, &options.only_binary].iter().any(|set| set.is_all || !set.names.is_empty());
    // A marker that has no answer is for the engine to complain about.
    let Ok(Some(pins)) = wanted.exact(&interpreter.markers) else { return Ok(None) };
    if pins.is_empty() || chooses {
        return Ok(None);
    }
    let accepts = Compatibility::of(interpreter);
    let Ok(python) = interpreter.markers.python() else { return Ok(None) };
    let look = |pin| Look { fetcher, accepts: &accepts, python: &python }.at(pin);
    // Collected, because the compiler cannot see through the closure that the whole may change threads.
    let each: Vec<_> = pins.iter().map(look).collect();
    let found: Vec<Option<(LockedPackage, CoreFields)>> =
        futures::stream::iter(each).buffered(AT_ONCE).try_collect().await?;
    let Some(found) = found.into_iter().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let (packages, fields): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let extras: BTreeMap<_, _> = pins.iter().map(|pin| (&pin.name, pin.extras.as_slice())).collect();
    let is_complete = unmet(fields.iter(), &extras, &interpreter.markers).is_empty()
        && fields.iter().all(|one| one.unreadable.is_empty() && !asks_for_a_url(one));
    Ok(is_complete.then(|| Lock::new(packages)))
}

/// What looking a pin up takes.
#[derive(Debug, Clone, Copy)]
struct Look<'a> {
    fetcher: &'a Fetcher,
    accepts: &'a Compatibility,
    python: &'a Version,
}

impl Look<'_> {
    /// The package of a pin and what its wheel says about itself; `None` where somebody has to choose.
    async fn at(self, pin: &Pin) -> Result<Option<(LockedPackage, CoreFields)>, ResolveError> {
        let page = match self.fetcher.page(&pin.name).await {
            Err(error) if error.cause() == crate::fetch::Cause::NotFound => return Ok(None),
            page => page?,
        };
        let Some((version, file)) = best(pin, &page, self.accepts, self.python) else { return Ok(None) };
        let request = FileRequest { source: page.source.clone(), project: pin.name.clone(), file };
        let Ok(text) = String::from_utf8(self.fetcher.metadata(&request).await?.to_vec()) else { return Ok(None) };
        let Ok(fields) = parse_metadata(&text) else { return Ok(None) };
        Ok(Some((package(&pin.name, &version, &page, self.fetcher, &|_| true), fields)))
    }
}

/// The newest version that a pin allows (`==1.0` also allows `1.0+local`), and the wheel of it that fits best.
fn best(pin: &Pin, page: &Page, accepts: &Compatibility, python: &Version) -> Option<(Version, IndexFile)> {
    let mut best: Option<((Version, std::cmp::Reverse<usize>), &IndexFile)> = None;
    for file in &page.page.files {
        let Ok(name) = DistributionName::parse(&file.name, Some(&pin.name)) else { continue };
        let DistributionKind::Wheel(tags) = &name.kind else { continue };
        let fits = file.requires_python.as_deref().is_none_or(|wanted| {
            // What an index says about it may be unreadable; then it says nothing.
            wanted.parse().map_or(true, |wanted| satisfies(&wanted, python))
        });
        if !fits || !pin.allows(&name.version) || tags.build.is_some() {
            continue;
        }
        let Some(rank) = accepts.rank(tags) else { continue };
        let key = (name.version, std::cmp::Reverse(rank));
        if best.as_ref().is_none_or(|(known, _)| key > *known) {
            best = Some((key, file));
        }
    }
    let ((version, _), file) = best?;
    // Somebody should be told that it was taken back, and why.
    (file.yanked == Yanked::No && file.hashes.sha256.is_some()).then(|| (version, file.clone()))
}
