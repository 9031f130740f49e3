//! Whether everything must have a hash. All or none, as in pip.

use super::{Wanted, WantedHashes, WantedRequirement, What};
use crate::installer::requirement::{Requirement, RequirementError, RequirementSource};

impl Wanted {
    /// Whether hashes are required: by an option, or because one requirement has some.
    ///
    /// # Errors
    /// [`RequirementError::NotHashed`] for the first requirement that then lacks a hash, or one exact version.
    pub fn hash_mode(&self) -> Result<bool, RequirementError> {
        let has_some = |wanted: &WantedRequirement| !wanted.hashes.is_empty();
        let is_on = self.options.require_hashes || self.requirements.iter().chain(&self.constraints).any(has_some);
        if is_on {
            self.requirements.iter().try_for_each(check)?;
        }
        Ok(is_on)
    }
}

fn check(wanted: &WantedRequirement) -> Result<(), RequirementError> {
    match lacks(wanted) {
        None => Ok(()),
        Some(problem) => Err(RequirementError::NotHashed {
            origin: wanted.origin.clone(),
            requirement: wanted.what.shown(),
            problem,
        }),
    }
}

fn lacks(wanted: &WantedRequirement) -> Option<&'static str> {
    let of_fragment = match &wanted.what {
        _ if wanted.is_editable => return Some("is an editable, which has no hash"),
        What::Vcs(_) => return Some("is a repository, which has no hash"),
        What::Named(requirement) => match named(requirement) {
            Ok(hashes) => hashes,
            Err(problem) => return Some(problem),
        },
        What::Path(reference) => reference.hashes.clone(),
        What::Url(reference) => reference.hashes.clone(),
    };
    (wanted.hashes.is_empty() && of_fragment.is_empty()).then_some("has no hash")
}

fn named(requirement: &Requirement) -> Result<WantedHashes, &'static str> {
    match &requirement.source {
        RequirementSource::Url(url) if url.expose().split(':').next().is_some_and(|scheme| scheme.contains('+')) => {
            Err("is a repository, which has no hash")
        }
        RequirementSource::Url(url) => Ok(WantedHashes::of_fragment(url.expose())),
        RequirementSource::Versions(_) if requirement.pinned().is_none() => {
            Err("is not pinned to one version with `==`")
        }
        RequirementSource::Versions(_) => Ok(WantedHashes::default()),
    }
}
