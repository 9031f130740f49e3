//! Requirements files that are as good as a lock.

use std::collections::BTreeMap;

use pep440_rs::{Version, VersionSpecifiers};

use super::{Origin, Wanted, WantedHashes, WantedRequirement, What};
use crate::index::ProjectName;
use crate::installer::requirement::{
    Choice, ExtraName, Marker, MarkerEnvironment, RequirementError, RequirementSource, satisfies,
};

/// One version of a project, and the files that may be taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The project.
    pub name: ProjectName,
    /// The version.
    pub version: Version,
    versions: VersionSpecifiers,
    /// The extras, sorted, each once.
    pub extras: Vec<ExtraName>,
    /// The hashes that are named.
    pub hashes: WantedHashes,
    /// The marker, which holds.
    pub marker: Option<Marker>,
    /// Where it was written.
    pub origin: Origin,
}

impl Wanted {
    /// The pins, sorted by name, when everything that is wanted in an environment is pinned by `==` and has a SHA-256; `None` when
    /// anything is not, or when two lines contradict each other.
    ///
    /// Whether the pins are complete is not known here: what they depend on must be among them.
    ///
    /// # Errors
    /// [`RequirementError::Marker`] when a marker has no answer.
    pub fn pins(&self, environment: &MarkerEnvironment) -> Result<Option<Vec<Pin>>, RequirementError> {
        let pins = self.exact(environment)?;
        Ok(pins.filter(|pins| pins.iter().all(|pin| !pin.hashes.sha256.is_empty())))
    }

    /// The same, whether there are hashes or not.
    ///
    /// # Errors
    /// [`RequirementError::Marker`] when a marker has no answer.
    pub fn exact(&self, environment: &MarkerEnvironment) -> Result<Option<Vec<Pin>>, RequirementError> {
        let mut pins: BTreeMap<ProjectName, Pin> = BTreeMap::new();
        for wanted in &self.requirements {
            if !applies(wanted, environment)? {
                continue;
            }
            let Some(pin) = pin(wanted) else { return Ok(None) };
            match pins.get_mut(&pin.name) {
                None => {
                    pins.insert(pin.name.clone(), pin);
                }
                Some(known) if known.version == pin.version && known.hashes == pin.hashes => {
                    known.extras.extend(pin.extras);
                    known.extras.sort_unstable();
                    known.extras.dedup();
                }
                Some(_) => return Ok(None),
            }
        }
        for constraint in &self.constraints {
            let pin = constraint.what.name().and_then(|name| pins.get(name));
            if let Some(pin) = pin
                && applies(constraint, environment)?
                && !allows(constraint, pin)
            {
                return Ok(None);
            }
        }
        Ok(Some(pins.into_values().collect()))
    }
}

impl Pin {
    /// Whether a version is the one that is meant: `==1.0` means `1.0+local` too.
    #[must_use]
    pub fn allows(&self, version: &Version) -> bool {
        satisfies(&self.versions, version)
    }
}

fn applies(wanted: &WantedRequirement, environment: &MarkerEnvironment) -> Result<bool, RequirementError> {
    let Some(marker) = wanted.what.marker() else { return Ok(true) };
    let held = marker.evaluate(environment, &Choice::default());
    held.map_err(|source| RequirementError::Marker { origin: wanted.origin.clone(), source })
}

fn pin(wanted: &WantedRequirement) -> Option<Pin> {
    let What::Named(requirement) = &wanted.what else { return None };
    if wanted.is_editable || (!wanted.hashes.is_empty() && wanted.hashes.sha256.is_empty()) {
        return None;
    }
    let RequirementSource::Versions(versions) = &requirement.source else { return None };
    Some(Pin {
        name: requirement.name.clone(),
        versions: versions.clone(),
        version: requirement.pinned()?.clone(),
        extras: requirement.extras.clone(),
        hashes: wanted.hashes.clone(),
        marker: requirement.marker.clone(),
        origin: wanted.origin.clone(),
    })
}

fn allows(constraint: &WantedRequirement, pin: &Pin) -> bool {
    let What::Named(requirement) = &constraint.what else { return false };
    let RequirementSource::Versions(specifiers) = &requirement.source else { return false };
    let allows_hash = constraint.hashes.is_empty() || !constraint.hashes.sha256.is_disjoint(&pin.hashes.sha256);
    satisfies(specifiers, &pin.version) && allows_hash
}
