//! What is installed, as wheels that it can be made of again.

use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};

use super::Sought;
use super::direct_url;
use crate::index::{DistributionKind, DistributionName};
use crate::installer::build::BuildSettings;
use crate::installer::engine::{Installer, LockChoice};
use crate::installer::environment::Environment;
use crate::installer::error::InstallError;
use crate::installer::installed::{Distribution, Installed, NotADistribution, named_by, read_record};
use crate::installer::lock::{Lock, LockedPackage};
use crate::installer::origin::{Origin, Origins};
use crate::installer::prepare::{WantedWheel, WheelSource};
use crate::installer::python::Compatibility;
use crate::installer::switch::Register;
use crate::installer::verify::packages_of;

/// Projects that are looked for at the same time.
const AT_ONCE: usize = 16;

impl Installer {
    /// The wheels of everything that is installed: those that it was installed from, where that is known and the interpreter still takes
    /// them; else what its `direct_url.json` names, built anew; else a wheel of the same version. And what the user should know.
    ///
    /// # Cancellation
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// [`InstallError::Origin`] when something cannot be had again, and what building reports.
    pub(in crate::installer) async fn wheels_of_installed(
        &self,
        environment: &Environment,
        build: &Arc<BuildSettings>,
    ) -> Result<(Vec<WantedWheel>, Vec<String>), InstallError> {
        let storage = |source| InstallError::storage("read what is installed", source);
        // It may be made for another interpreter: then its packages are where that one had them.
        let mut folders = packages_of(environment.root());
        let scheme = &environment.interpreter.scheme;
        folders.extend([scheme.purelib.clone(), scheme.platlib.clone()]);
        let mut installed = Installed::scan(folders.iter().map(AsRef::as_ref)).map_err(storage)?;
        let notes = unreadable(&installed, environment.root())?;
        let register = Register::open(self.state(), environment.root()).map_err(storage)?;
        let origins = Origins::read(&register);
        origins.prefer(&mut installed);
        let accepts = Compatibility::of(&environment.interpreter);
        let (mut locked, mut looked_for) = (Vec::new(), Vec::new());
        for found in installed.distributions.values() {
            let record = read_record(&found.folder).ok().map(|(_, id)| id);
            let origin = origins.of(found.name()).filter(|origin| origin.is_of(found.version(), record));
            let origin = origin.filter(|origin| is_accepted(origin, found, &accepts));
            match found.direct_url().filter(|_| origin.is_none()) {
                Some(url) => locked.push((package(found, &url)?, found.is_requested())),
                None => looked_for.push((found, origin)),
            }
        }
        let each = looked_for.into_iter().map(|(found, origin)| self.wheel_of(found, origin, &accepts));
        let each: Vec<_> = each.collect();
        let mut wheels: Vec<_> = futures::stream::iter(each).buffered(AT_ONCE).try_collect().await?;
        let requested = |name: &_| {
            let is_requested = locked.iter().any(|(package, requested)| package.name == *name && *requested);
            is_requested.then(Vec::new)
        };
        let lock = Lock::new(locked.iter().map(|(package, _)| package.clone()).collect());
        let choice = LockChoice { extras: &[], groups: None, requested: &requested, build: Some(build) };
        wheels.extend(self.wheels(environment, &lock, &choice, Path::new("/")).await?);
        Ok((wheels, notes))
    }

    async fn wheel_of(
        &self,
        found: &Distribution,
        origin: Option<&Origin>,
        accepts: &Compatibility,
    ) -> Result<WantedWheel, InstallError> {
        let (name, version) = (found.name(), found.version());
        let cannot = |reason| InstallError::Origin { name: name.clone(), reason };
        let sought = Sought { name, version: Some(version), origin };
        let candidates = self.candidates(sought, Some(accepts)).await.map_err(cannot)?;
        let [first, ..] = candidates.as_slice() else { return Err(cannot("there is no wheel of it".to_owned())) };
        Ok(WantedWheel {
            name: name.clone(),
            version: version.clone(),
            from: WheelSource::File(self.place(first).await?),
            requested: found.is_requested(),
            extras: Vec::new(),
            direct_url: found.direct_url(),
            may_differ: false,
        })
    }
}

/// Whether the interpreter takes the wheel that it was installed from. Another one may be needed where the environment was for another Python.
fn is_accepted(origin: &Origin, found: &Distribution, accepts: &Compatibility) -> bool {
    match DistributionName::parse(&origin.file, Some(found.name())).map(|parsed| parsed.kind) {
        Ok(DistributionKind::Wheel(tags)) => accepts.rank(&tags).is_some(),
        _ => false,
    }
}

fn package(found: &Distribution, url: &serde_json::Value) -> Result<LockedPackage, InstallError> {
    let reason = || "its direct_url.json does not say where to get it: name the requirements of the environment";
    let source = direct_url::source(url)
        .ok_or_else(|| InstallError::Origin { name: found.name().clone(), reason: reason().to_owned() })?;
    Ok(LockedPackage {
        name: found.name().clone(),
        version: Some(found.version().clone()),
        marker: None,
        requires_python: None,
        dependencies: Vec::new(),
        index: None,
        source,
        attestation_identities: Vec::new(),
        tool: toml::Table::new(),
    })
}

/// What does not come along; an error when nobody knows what it was.
fn unreadable(installed: &Installed, root: &Path) -> Result<Vec<String>, InstallError> {
    let mut notes = Vec::new();
    for (path, why) in &installed.others {
        let shown = path.strip_prefix(root).unwrap_or(path).display();
        match why {
            NotADistribution::Leftover => {}
            // What is there once more, whole, is what was meant.
            NotADistribution::Damaged(_)
                if named_by(path).0.is_some_and(|name| installed.distributions.contains_key(&name)) => {}
            NotADistribution::Egg => notes.push(format!("{shown} has no metadata to go by, and does not come along")),
            NotADistribution::Damaged(reason) => {
                let reason =
                    format!("nobody knows what {shown} was ({reason}): repair it first, or name the requirements");
                return Err(InstallError::Environment { root: root.to_owned(), reason });
            }
        }
    }
    Ok(notes)
}
