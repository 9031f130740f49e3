//! Which wheels a project may have been installed from.

use pep440_rs::Version;

use crate::fetch::FileRequest;
use crate::index::{DistributionKind, DistributionName, ProjectName};
use crate::installer::Installer;
use crate::installer::error::InstallError;
use crate::installer::origin::Origin;
use crate::installer::prepare::FileSource;
use crate::installer::python::Compatibility;
use crate::objects::ContentId;

/// The most wheels of one version that are tried.
const MOST_TRIED: usize = 8;

/// A project whose wheel is looked for.
#[derive(Debug, Clone, Copy)]
pub(in crate::installer) struct Sought<'a> {
    pub(in crate::installer) name: &'a ProjectName,
    /// `None` when nobody knows it.
    pub(in crate::installer) version: Option<&'a Version>,
    /// The wheel that it was installed from, if somebody has noted that.
    pub(in crate::installer) origin: Option<&'a Origin>,
}

/// Where a wheel may be had.
#[derive(Debug, Clone)]
pub(in crate::installer) struct Candidate {
    pub(in crate::installer) name: String,
    from: From,
}

#[derive(Debug, Clone)]
enum From {
    /// It is that one, wherever it is.
    Id(ProjectName, ContentId),
    Index(Box<FileRequest>),
}

impl Installer {
    /// The wheel that a project was installed from; without a note, those of its version that are in the store and on the index, best
    /// first, and at least one. The reason when nothing can be looked for.
    pub(in crate::installer) async fn candidates(
        &self,
        sought: Sought<'_>,
        accepts: Option<&Compatibility>,
    ) -> Result<Vec<Candidate>, String> {
        let Sought { name, version, origin } = sought;
        if let Some(origin) = origin {
            return Ok(vec![Candidate { name: origin.file.clone(), from: From::Id(name.clone(), origin.wheel) }]);
        }
        let Some(version) = version else { return Err("nobody knows which version it is".to_owned()) };
        let mut found = self.stored(name, version, accepts).await;
        let asked = self.fetcher().page(name).await;
        match asked {
            Ok(page) => {
                let ranked =
                    page.page.files.iter().filter_map(|file| Some((rank(&file.name, name, version, accepts)?, file)));
                let mut ranked: Vec<_> = ranked.collect();
                ranked.sort_by_key(|(rank, _)| *rank);
                let more = ranked.into_iter().map(|(_, file)| Candidate {
                    name: file.name.clone(),
                    from: From::Index(Box::new(FileRequest {
                        source: page.source.clone(),
                        project: name.clone(),
                        file: file.clone(),
                    })),
                });
                let known: Vec<String> = found.iter().map(|one| one.name.clone()).collect();
                found.extend(more.filter(|one| !known.contains(&one.name)));
            }
            Err(error) if found.is_empty() => return Err(crate::base::class::chain(&error)),
            Err(error) => tracing::debug!(%name, %error, "wheels are looked for in the store alone"),
        }
        found.truncate(MOST_TRIED);
        if found.is_empty() {
            return Err(format!("there is no wheel of {name} {version} for this interpreter"));
        }
        Ok(found)
    }

    /// Wheels of this version in the store.
    async fn stored(&self, name: &ProjectName, version: &Version, accepts: Option<&Compatibility>) -> Vec<Candidate> {
        let store = self.fetcher().store().clone();
        let listed = tokio::task::spawn_blocking(move || store.packs_by_name()).await;
        let listed = match listed {
            Ok(Ok(listed)) => listed,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the store cannot be searched");
                return Vec::new();
            }
            Err(error) => {
                tracing::debug!(%error, "the store cannot be searched");
                return Vec::new();
            }
        };
        let ranked = listed.into_iter().filter_map(|(file, id)| Some((rank(&file, name, version, accepts)?, file, id)));
        let mut ranked: Vec<_> = ranked.collect();
        ranked.sort();
        ranked.into_iter().map(|(_, file, id)| Candidate { name: file, from: From::Id(name.clone(), id) }).collect()
    }

    /// Where a wheel is: in the store, else on the index.
    pub(in crate::installer) async fn place(&self, candidate: &Candidate) -> Result<FileSource, InstallError> {
        let (name, id) = match &candidate.from {
            From::Index(request) => return Ok(FileSource::Index(request.clone())),
            From::Id(name, id) => (name, *id),
        };
        let store = self.fetcher().store().clone();
        let there = tokio::task::spawn_blocking(move || store.pack(&id)).await;
        if let Some(pack) = there.map_err(|error| InstallError::Panicked(error.to_string()))?? {
            return Ok(FileSource::Store(pack));
        }
        let page = self.fetcher().page(name).await?;
        let file = page.page.files.iter().find(|file| file.hashes.sha256 == Some(id));
        let file = file.cloned().ok_or_else(|| InstallError::Origin {
            name: name.clone(),
            reason: format!("{} is neither in the cache nor on the index any more", candidate.name),
        })?;
        Ok(FileSource::Index(Box::new(FileRequest { source: page.source, project: name.clone(), file })))
    }
}

/// How well a file fits, if it is a wheel of this version that the interpreter takes. Without an interpreter all fit.
fn rank(file: &str, name: &ProjectName, version: &Version, accepts: Option<&Compatibility>) -> Option<usize> {
    let parsed = DistributionName::parse(file, Some(name)).ok()?;
    let DistributionKind::Wheel(tags) = parsed.kind else { return None };
    if parsed.project != *name || parsed.version != *version {
        return None;
    }
    accepts.map_or(Some(0), |accepts| accepts.rank(&tags))
}
