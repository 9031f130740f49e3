//! What is installed, as wheels that it can be made of again.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use pep440_rs::Version;

use super::Sought;
use super::direct_url;
use crate::index::{DistributionKind, DistributionName, ProjectName};
use crate::installer::build::BuildSettings;
use crate::installer::engine::{Installer, LockChoice};
use crate::installer::environment::Environment;
use crate::installer::error::InstallError;
use crate::installer::installed::{Distribution, Installed, NotADistribution, Owned, named_by, read_record};
use crate::installer::lock::{Lock, LockedPackage};
use crate::installer::origin::{Origin, Origins};
use crate::installer::prepare::{WantedWheel, WheelSource};
use crate::installer::python::Compatibility;
use crate::installer::switch::Register;
use crate::installer::verify::{Vanished, packages_of, vanished};

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
            let origin = origin.filter(|origin| is_accepted(origin, found.name(), &accepts));
            let direct_url = found.direct_url();
            match direct_url.as_ref().filter(|_| origin.is_none()) {
                Some(url) => locked.push((package(found, url)?, found.is_requested())),
                None => looked_for.push(Meant {
                    name: found.name().clone(),
                    version: found.version().clone(),
                    origin,
                    requested: found.is_requested(),
                    direct_url,
                }),
            }
        }
        for Vanished { name, version, folder, .. } in vanished_of(environment, &installed, &origins) {
            let own = origins.of(&name);
            let origin = own.filter(|origin| is_accepted(origin, &name, &accepts));
            let (requested, direct_url) = own.map_or((false, None), |own| (own.requested, own.direct_url.clone()));
            if origin.is_none() && direct_url.is_some() {
                let reason = format!("{} is gone: repair it first, or name the requirements", folder.display());
                return Err(InstallError::Origin { name, reason });
            }
            looked_for.push(Meant { name, version, origin, requested, direct_url });
        }
        let each = looked_for.into_iter().map(|meant| self.wheel_of(meant, &accepts));
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

    async fn wheel_of(&self, meant: Meant<'_>, accepts: &Compatibility) -> Result<WantedWheel, InstallError> {
        let Meant { name, version, origin, requested, direct_url } = meant;
        let cannot = |reason| InstallError::Origin { name: name.clone(), reason };
        let sought = Sought { name: &name, version: Some(&version), origin };
        let candidates = self.candidates(sought, Some(accepts)).await.map_err(cannot)?;
        let [first, ..] = candidates.as_slice() else { return Err(cannot("there is no wheel of it".to_owned())) };
        let from = WheelSource::File(self.place(first).await?);
        Ok(WantedWheel { name, version, from, requested, extras: Vec::new(), direct_url, may_differ: false })
    }
}

/// A project that is to come again in the version that it has.
struct Meant<'a> {
    name: ProjectName,
    version: Version,
    /// The wheel that it was installed from, if it can come from there.
    origin: Option<&'a Origin>,
    requested: bool,
    direct_url: Option<serde_json::Value>,
}

/// Projects that were installed, and whose metadata is gone although nobody has uninstalled them.
fn vanished_of(environment: &Environment, installed: &Installed, origins: &Origins) -> Vec<Vanished> {
    let root = environment.root();
    // Of something that is damaged it is said by itself that nobody knows what it was.
    let damaged: Vec<_> = installed.others.iter().filter_map(|(path, _)| named_by(path).0).collect();
    let there = installed.distributions.keys().chain(&damaged).collect();
    let folders = packages_of(root);
    let scheme = environment.interpreter.scheme.purelib.strip_prefix(root).ok();
    let packages = folders.first().and_then(|folder| folder.strip_prefix(root).ok()).or(scheme);
    let claimed: OnceCell<BTreeSet<PathBuf>> = OnceCell::new();
    let is_claimed = |path: &str| claimed.get_or_init(|| owned(installed, root)).contains(Path::new(path));
    let found = vanished(root, packages, &there, origins, is_claimed);
    found.into_iter().filter(|one| !one.is_uninstalled).collect()
}

/// The files of everything that is installed, relative to the root.
fn owned(installed: &Installed, root: &Path) -> BTreeSet<PathBuf> {
    let each = installed.distributions.values().filter_map(|found| {
        let packages = found.folder.parent()?.strip_prefix(root).ok()?;
        Some(Owned::of(&read_record(&found.folder).ok()?.0, packages, root).files)
    });
    each.flatten().collect()
}

/// Whether the interpreter takes the wheel that it was installed from. Another one may be needed where the environment was for another Python.
fn is_accepted(origin: &Origin, name: &ProjectName, accepts: &Compatibility) -> bool {
    match DistributionName::parse(&origin.file, Some(name)).map(|parsed| parsed.kind) {
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
