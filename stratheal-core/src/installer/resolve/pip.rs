//! pip as an engine: its installation report says which files it would install.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use serde::Deserialize;

use super::engine::{BuildFrom, BuildRequest, Engine, ResolveRequest, said};
use super::error::{EngineFailure, ResolveError};
use super::uv::settings;
use crate::base::fs::read_text;
use crate::base::redact::Secret;
use crate::index::{DistributionKind, DistributionName, Hashes, ProjectName, check_file_name};
use crate::installer::lock::{
    Lock, LockedArchive, LockedDirectory, LockedFile, LockedPackage, LockedSource, LockedVcs,
};

const NAME: &str = "pip";

/// The largest report that is read, in bytes: a thousand packages have about 10 MB.
const LARGEST: u64 = 256 << 20;

/// The most packages of a report.
const MOST: usize = 100_000;

/// The pip of an interpreter, or one in a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pip {
    /// What comes before `install`: an interpreter with `-m pip`, or with the path of pip inside its wheel.
    pub program: Vec<OsString>,
}

impl Pip {
    /// The pip that an interpreter has.
    #[must_use]
    pub fn of(interpreter: PathBuf) -> Self {
        Self { program: vec![interpreter.into(), "-m".into(), "pip".into()] }
    }

    fn report(request: &ResolveRequest<'_>) -> PathBuf {
        request.scratch.join("report.json")
    }

    /// The preferred versions, as constraints: pip knows nothing weaker.
    fn preferred(request: &ResolveRequest<'_>) -> PathBuf {
        request.scratch.join("preferred.in")
    }
}

#[async_trait]
impl Engine for Pip {
    fn name(&self) -> &'static str {
        NAME
    }

    fn command(&self, request: &ResolveRequest<'_>) -> Vec<OsString> {
        let mut argv = self.program.clone();
        argv.extend(["--python".into(), request.python.into()]);
        argv.extend(["install", "--dry-run", "--ignore-installed", "--no-input"].map(Into::into));
        argv.extend(["--disable-pip-version-check".into(), "--report".into(), Self::report(request).into()]);
        argv.extend(["--constraint".into(), request.constraints.into()]);
        if !request.preferred.packages.is_empty() {
            argv.extend(["--constraint".into(), Self::preferred(request).into()]);
        }
        if request.pre {
            argv.push("--pre".into());
        }
        argv.extend(["--requirement".into(), request.requirements.into()]);
        argv
    }

    fn reads_settings(&self) -> bool {
        true
    }

    fn insists(&self) -> bool {
        true
    }

    fn prepare(&self, request: &ResolveRequest<'_>) -> io::Result<()> {
        let versions = request.preferred.packages.iter().filter_map(|one| Some((&one.name, one.version.as_ref()?)));
        let lines: Vec<String> = versions.map(|(name, version)| format!("{name}=={version}\n")).collect();
        fs::write(Self::preferred(request), lines.concat())
    }

    fn build(&self, request: &BuildRequest<'_>) -> Option<Vec<OsString>> {
        let mut argv = self.program.clone();
        argv.extend(["--python".into(), request.python.into()]);
        let common = ["--no-deps", "--no-input", "--quiet", "--disable-pip-version-check"].map(OsString::from);
        match request.from {
            BuildFrom::Editable(path) => {
                argv.extend(["install".into(), "--editable".into(), path.into()]);
            }
            BuildFrom::Path(path) => {
                argv.extend(["wheel".into(), "--wheel-dir".into(), request.into.into(), path.into()]);
            }
            BuildFrom::Url(url) => argv.extend(["wheel".into(), "--wheel-dir".into(), request.into.into(), url.into()]),
        }
        argv.extend(common);
        argv.extend(settings("--config-settings", request.settings));
        Some(argv)
    }

    fn failure(&self, code: i32, text: &str) -> ResolveError {
        if text.contains("no such option") || text.contains("No module named pip") {
            return EngineFailure::TooOld { engine: NAME, said: said(text) }.into();
        }
        if text.contains("ResolutionImpossible") || text.contains("No matching distribution found") {
            return ResolveError::NoSolution { engine: NAME, explanation: said(text) };
        }
        match code {
            1 => EngineFailure::Refused { engine: NAME, said: said(text) }.into(),
            code => EngineFailure::Broken { engine: NAME, how: format!("exited with {code}"), said: said(text) }.into(),
        }
    }

    async fn lock(&self, request: &ResolveRequest<'_>) -> Result<Lock, ResolveError> {
        let text = read_text(&Self::report(request), LARGEST)
            .map_err(|source| ResolveError::Storage { action: "read pip's report", source })?;
        parse_report(&text).map_err(|source| ResolveError::Storage { action: "read pip's report", source })
    }
}

#[derive(Deserialize)]
struct Report {
    install: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    download_info: Download,
    #[serde(default)]
    is_direct: bool,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

/// PEP 610.
#[derive(Deserialize)]
struct Download {
    url: String,
    #[serde(default)]
    archive_info: Option<ArchiveInfo>,
    #[serde(default)]
    dir_info: Option<DirectoryInfo>,
    #[serde(default)]
    vcs_info: Option<VcsInfo>,
    #[serde(default)]
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
struct ArchiveInfo {
    #[serde(default)]
    hashes: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct DirectoryInfo {
    #[serde(default)]
    editable: bool,
}

#[derive(Deserialize)]
struct VcsInfo {
    vcs: String,
    #[serde(default)]
    requested_revision: Option<String>,
    commit_id: String,
}

/// Reads an installation report (pip's "Installation Report" format, version 1).
fn parse_report(text: &str) -> io::Result<Lock> {
    let report: Report = serde_json::from_str(text)?;
    if report.install.len() > MOST {
        return Err(io::Error::other(format!("it has more than {MOST} packages")));
    }
    let packages: io::Result<Vec<_>> = report.install.into_iter().map(package).collect();
    Ok(Lock::new(packages?))
}

fn package(item: Item) -> io::Result<LockedPackage> {
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let name: ProjectName = item.metadata.name.parse().map_err(|error| invalid(format!("{error}")))?;
    let version = item.metadata.version.parse().map_err(|_| invalid(format!("{name} has no version")))?;
    let Download { url, archive_info, dir_info, vcs_info, subdirectory } = item.download_info;
    let hashes = archive_info.map(|info| hashes(info.hashes)).unwrap_or_default();
    let url = Some(Secret::new(url));
    let source = if let Some(vcs) = vcs_info {
        let VcsInfo { vcs: kind, requested_revision, commit_id } = vcs;
        LockedSource::Vcs(LockedVcs { kind, url, path: None, requested_revision, commit_id, subdirectory })
    } else if let Some(info) = dir_info {
        let path = url.as_ref().and_then(|url| url::Url::parse(url.expose()).ok()?.to_file_path().ok());
        let path = path.ok_or_else(|| invalid(format!("{name} is in a folder that cannot be found")))?;
        let path = path.display().to_string();
        LockedSource::Directory(LockedDirectory { path, is_editable: info.editable, subdirectory })
    } else if item.is_direct {
        LockedSource::Archive(LockedArchive { url, path: None, size: None, upload_time: None, hashes, subdirectory })
    } else {
        let file_name = url.as_ref().and_then(|url| file_name(url.expose()));
        let file_name = file_name.filter(|name| check_file_name(name).is_ok());
        let file_name = file_name.ok_or_else(|| invalid(format!("{name} has a file without a usable name")))?;
        let kind = DistributionName::parse(&file_name, Some(&name)).map_err(|error| invalid(error.to_string()))?.kind;
        let file = LockedFile { name: file_name, upload_time: None, url, path: None, size: None, hashes };
        match kind {
            DistributionKind::Wheel(_) => LockedSource::Files { sdist: None, wheels: vec![file] },
            _ => LockedSource::Files { sdist: Some(file), wheels: Vec::new() },
        }
    };
    Ok(LockedPackage {
        name,
        version: Some(version),
        marker: None,
        requires_python: None,
        dependencies: Vec::new(),
        index: None,
        source,
        attestation_identities: Vec::new(),
        tool: toml::Table::new(),
    })
}

fn hashes(given: std::collections::BTreeMap<String, String>) -> Hashes {
    let mut hashes = Hashes { sha256: None, others: given };
    hashes.sha256 = hashes.others.remove("sha256").and_then(|text| text.parse().ok());
    hashes
}

/// The last component of a URL's path, decoded.
pub(super) fn file_name(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let last = url.path_segments()?.next_back().filter(|name| !name.is_empty())?;
    Some(crate::index::percent_decoded(last).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_report_is_a_lock() {
        let id = "a".repeat(64);
        let text = format!(
            r#"{{"version": "1", "install": [
            {{"metadata": {{"name": "Six", "version": "1.0+x"}}, "download_info": {{"url": "http://h/f/six-1.0%2Bx-py3-none-any.whl", "archive_info": {{"hashes": {{"sha256": "{id}"}}}}}}}},
            {{"metadata": {{"name": "built", "version": "2"}}, "download_info": {{"url": "http://h/f/built-2.tar.gz", "archive_info": {{}}}}}},
            {{"metadata": {{"name": "own", "version": "3"}}, "is_direct": true, "download_info": {{"url": "file:///srv/own", "dir_info": {{"editable": true}}}}}},
            {{"metadata": {{"name": "repo", "version": "4"}}, "is_direct": true, "download_info": {{"url": "https://g/r", "vcs_info": {{"vcs": "git", "commit_id": "abc"}}}}}}
        ]}}"#
        );
        let lock = parse_report(&text).unwrap();
        let [six, built, own, repo] = &lock.packages[..] else { panic!("{lock:?}") };
        assert!(
            matches!(&six.source, LockedSource::Files { sdist: None, wheels } if wheels[0].name == "six-1.0+x-py3-none-any.whl" && wheels[0].hashes.sha256.is_some())
        );
        assert!(matches!(&built.source, LockedSource::Files { sdist: Some(_), .. }));
        assert!(
            matches!(&own.source, LockedSource::Directory(folder) if folder.is_editable && folder.path == "/srv/own")
        );
        assert!(matches!(&repo.source, LockedSource::Vcs(vcs) if vcs.commit_id == "abc"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "[{}\\[\\]\":,a-z]{0,40}") {
            let _ = (parse_report(&text), parse_report(&near), file_name(&text));
        }
    }
}
