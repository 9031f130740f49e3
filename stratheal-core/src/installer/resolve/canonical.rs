//! From the gateway's URLs in an engine's lock back to those of the index.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};

use super::error::ResolveError;
use super::pip::file_name;
use crate::base::redact::Secret;
use crate::fetch::{Fetcher, Page};
use crate::index::ProjectName;
use crate::installer::lock::{Lock, LockedFile, LockedPackage, LockedSource};

/// Pages that are looked at side by side. They are in the cache: the engine has just asked for them.
const AT_ONCE: usize = 32;

/// Replaces what an engine wrote about files of indexes by what the indexes say. `gateway` tells which URLs are the gateway's own.
pub(super) async fn canonical(
    mut lock: Lock,
    engine: &'static str,
    fetcher: &Fetcher,
    is_gateway: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Lock, ResolveError> {
    let through = |file: &LockedFile| file.url.as_ref().is_some_and(|url| is_gateway(url.expose()));
    let needs = |package: &&LockedPackage| match &package.source {
        LockedSource::Files { sdist, wheels } => sdist.iter().chain(wheels).any(through),
        _ => false,
    };
    let names: Vec<ProjectName> = lock.packages.iter().filter(needs).map(|package| package.name.clone()).collect();
    let page = async |name: ProjectName| Ok::<_, ResolveError>((name.clone(), fetcher.page(&name).await?));
    let pages: BTreeMap<ProjectName, Page> =
        futures::stream::iter(names).map(page).buffer_unordered(AT_ONCE).try_collect().await?;
    for package in &mut lock.packages {
        let Some(page) = pages.get(&package.name) else { continue };
        let source = fetcher.chain().sources.iter().find(|source| *source.name == *page.source);
        package.index =
            source.and_then(|source| source.members.first()).map(|member| Secret::new(member.url.to_string()));
        if let LockedSource::Files { sdist, wheels } = &mut package.source {
            for file in sdist.iter_mut().chain(wheels) {
                if through(file) {
                    restore(file, page, engine)?;
                }
            }
        }
    }
    Ok(lock)
}

fn restore(file: &mut LockedFile, page: &Page, engine: &'static str) -> Result<(), ResolveError> {
    let name = file.url.as_ref().and_then(|url| file_name(url.expose())).unwrap_or_else(|| file.name.clone());
    let offered = page.page.files.iter().find(|offered| offered.name == name);
    let stranger = || ResolveError::Stranger { engine, file: name.clone() };
    let offered = offered.ok_or_else(stranger)?;
    // An engine that saw another hash than the index has now saw another file.
    if file.hashes.sha256.is_some() && offered.hashes.sha256.is_some() && file.hashes.sha256 != offered.hashes.sha256 {
        return Err(stranger());
    }
    file.name.clone_from(&offered.name);
    file.url = Some(Secret::new(offered.url.to_string()));
    file.size = offered.size.or(file.size);
    if file.hashes.sha256.is_none() {
        file.hashes = offered.hashes.clone();
    }
    Ok(())
}

/// Which source of the chain a project's page came from.
pub(in crate::installer) fn source_of(
    fetcher: &Fetcher,
    project: &ProjectName,
    index: Option<&str>,
) -> Option<Arc<str>> {
    let sources = &fetcher.chain().sources;
    let named = sources.iter().find(|source| {
        index.is_some_and(|index| source.members.iter().any(|member| same_place(member.url.as_str(), index)))
    });
    let asked = || sources.iter().rev().find(|source| source.is_asked_about(project));
    named.or_else(asked).map(|source| source.name.as_str().into())
}

fn same_place(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}
