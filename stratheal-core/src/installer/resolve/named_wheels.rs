//! Wheels that are named by their place: looked at before an engine is asked, which would say the same in words of its own, as a fault
//! of its own, or not at all.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::error::ResolveError;
use super::pip::file_name;
use crate::base::fs::named;
use crate::index::{DistributionKind, DistributionName};
use crate::installer::python::{Compatibility, Interpreter};
use crate::installer::requirement::{Choice, MarkerEnvironment, Reference, RequirementSource, Wanted, What, file_path};
use crate::installer::wheel::{CoreFields, WheelError, parse_metadata};
use crate::objects::archive::Archive;
use crate::objects::metadata_folder;

/// Refuses what is not for this interpreter, if it has to be, and opens what lies on this machine: no engine could use what is refused.
/// What is not there is for the engine to tell.
pub(super) async fn look_at_named_wheels(
    wanted: &Wanted,
    interpreter: &Interpreter,
    fitting_only: bool,
) -> Result<(), ResolveError> {
    let wheels = named_wheels(wanted, &interpreter.markers);
    if wheels.is_empty() {
        return Ok(());
    }
    if fitting_only {
        let accepts = Compatibility::of(interpreter);
        for NamedWheel { name, .. } in &wheels {
            // One whose name makes no sense is refused when it is opened, or by the engine.
            if let Ok(DistributionName { kind: DistributionKind::Wheel(tags), .. }) =
                DistributionName::parse(name, None)
            {
                accepts.check(name, &tags)?;
            }
        }
    }
    let paths: Vec<PathBuf> = wheels.into_iter().filter_map(|wheel| wheel.path).collect();
    let looked = tokio::task::spawn_blocking(move || paths.iter().try_for_each(|path| look(path)));
    let cannot = |source| ResolveError::Storage { action: "look at a wheel", source };
    looked.await.map_err(|error| cannot(io::Error::other(error)))?
}

struct NamedWheel {
    /// Its file name.
    name: String,
    /// Where it is, if that is this machine.
    path: Option<PathBuf>,
}

impl NamedWheel {
    fn at(path: PathBuf) -> Option<Self> {
        Some(Self { name: path.file_name()?.to_string_lossy().into_owned(), path: Some(path) })
    }

    fn of_url(url: &str) -> Option<Self> {
        if url.to_ascii_lowercase().starts_with("file:") {
            return Self::at(file_path(url)?);
        }
        Some(Self { name: file_name(url)?, path: None })
    }
}

/// The wheels that are named and wanted in an environment.
fn named_wheels(wanted: &Wanted, markers: &MarkerEnvironment) -> Vec<NamedWheel> {
    // A marker that cannot be judged is for the engine to tell.
    let applies =
        |what: &What| what.marker().is_none_or(|marker| marker.evaluate(markers, &Choice::default()).unwrap_or(false));
    let place = |what: &What| match what {
        What::Path(Reference { target, .. }) => NamedWheel::at(target.clone()),
        What::Url(Reference { target, .. }) => NamedWheel::of_url(target.expose()),
        What::Named(requirement) => match &requirement.source {
            RequirementSource::Url(url) => NamedWheel::of_url(url.expose()),
            RequirementSource::Versions(_) => None,
        },
        What::Vcs(_) => None,
    };
    let is_wheel = |wheel: &NamedWheel| {
        Path::new(&wheel.name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("whl"))
    };
    let all = wanted.requirements.iter().map(|one| &one.what).filter(|what| applies(what));
    all.filter_map(place).filter(is_wheel).collect()
}

fn look(path: &Path) -> Result<(), ResolveError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => {
            opened.map_err(|error| ResolveError::Storage { action: "open a wheel", source: named(path, &error) })?
        }
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let refused = |reason: String| WheelError::Refused { name: path.display().to_string(), reason };
    let parsed = DistributionName::parse(&name, None).map_err(|error| refused(error.to_string()))?;
    let mut archive = Archive::new(file).map_err(|error| refused(error.to_string()))?;
    let folder = metadata_folder(archive.entries().iter().map(|entry| entry.path.as_str())).map_err(refused)?;
    let [metadata, record] = ["METADATA", "RECORD"].map(|name| format!("{folder}/{name}"));
    if archive.entry(&record).is_none() {
        return Err(refused(format!("it has no {record}")).into());
    }
    let text = archive.read(&metadata, CoreFields::LARGEST).map_err(|error| refused(error.to_string()))?;
    let text = String::from_utf8(text).map_err(|_| refused("its METADATA is not UTF-8".to_owned()))?;
    let fields = parse_metadata(&text).map_err(|error| refused(error.to_string()))?;
    if fields.name != parsed.project {
        return Err(refused(format!("its name says {}, and it is {}", parsed.project, fields.name)).into());
    }
    if fields.version != parsed.version {
        let name = path.display().to_string();
        return Err(WheelError::other_version(name, &parsed.version, &fields.version).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::ThisProcess;
    use crate::installer::requirement::{WantedSources, linux};

    #[test]
    fn those_that_are_wanted_here() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.txt");
        let lines = "./a-1-py3-none-any.whl\nb @ file:///w/b-1-py3-none-any.WHL\nfile:///w/c-1-py3-none-any.whl\n./d.tar.gz\ne==1\n\
                     ./f-1-py3-none-any.whl ; sys_platform == 'win32'\n./g-1-py3-none-any.whl ; sys_platform == 'linux'\n\
                     https://h.example/h-1-py3-none-any.whl#sha256=0\ngit+https://h.example/i.whl\n";
        std::fs::write(&file, lines).unwrap();
        let sources = WantedSources {
            requirements: &[file],
            constraints: &[],
            arguments: &[],
            editables: &[],
            folder: folder.path(),
        };
        let wanted = Wanted::read(&sources, &ThisProcess).unwrap();
        let found = named_wheels(&wanted, &linux());
        let told: Vec<_> = found.iter().map(|wheel| format!("{} {}", &wheel.name[..1], wheel.path.is_some())).collect();
        assert_eq!(told, ["a true", "b true", "c true", "g true", "h false"]);
    }
}
