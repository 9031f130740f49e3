//! Reading a lock.

use std::path::Path;

use pep440_rs::Version;
use toml::Table;

use super::fields::Fields;
use super::{
    Lock, LockError, LockedArchive, LockedDirectory, LockedFile, LockedPackage, LockedSource, LockedVcs, places,
};
use crate::base::redact::Secret;
use crate::index::{DistributionKind, DistributionName, Hashes, ProjectName, Surroundings, check_file_name};

/// The largest lock that is read, in bytes.
const LARGEST: usize = 64 << 20;

/// The most entries.
const MOST_PACKAGES: usize = 100_000;

/// The most wheels of all entries together.
const MOST_WHEELS: usize = 1_000_000;

/// The most notes; more would not be read.
const MOST_NOTES: usize = 20;

/// A lock, and what a person should know about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedLock {
    /// The lock.
    pub lock: Lock,
    /// A newer version of the format, and keys that are not known.
    pub notes: Vec<String>,
}

impl Lock {
    /// The lock in a file whose versions are kept where they will do; an empty one where there is none that counts.
    #[must_use]
    pub fn earlier(path: &Path, surroundings: &dyn Surroundings) -> Self {
        match Self::read(path, surroundings) {
            Ok(parsed) => parsed.lock,
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "no earlier lock counts");
                Self::new(Vec::new())
            }
        }
    }

    /// Reads the lock in a file.
    ///
    /// # Errors
    /// [`LockError`], with the package and the key where it is about one.
    pub fn read(path: &Path, surroundings: &dyn Surroundings) -> Result<ParsedLock, LockError> {
        let unreadable = |source| LockError::Unreadable { path: path.to_owned(), source };
        let bytes = surroundings.read(path, LARGEST).map_err(unreadable)?;
        match String::from_utf8(bytes) {
            Ok(text) => Self::parse(&text),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = valid.split(|byte| *byte == b'\n').count();
                Err(LockError::NotToml { line, problem: "it is not UTF-8".to_owned() })
            }
        }
    }

    /// Reads a lock.
    ///
    /// # Errors
    /// [`LockError`], with the package and the key where it is about one.
    ///
    /// ```
    /// use stratheal_core::installer::lock::Lock;
    /// let text = r#"
    ///     lock-version = "1.0"
    ///     created-by = "by hand"
    ///     [[packages]]
    ///     name = "six"
    ///     version = "1.17.0"
    ///     wheels = [{ url = "https://files.example/six-1.17.0-py2.py3-none-any.whl", hashes = { md5 = "00" } }]
    /// "#;
    /// let lock = Lock::parse(text)?.lock;
    /// assert_eq!(lock.packages[0].version, Some("1.17.0".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(text: &str) -> Result<ParsedLock, LockError> {
        if text.len() > LARGEST {
            return Err(LockError::TooLarge { most: LARGEST });
        }
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let problem = error.message().lines().next().unwrap_or_default().chars().take(200).collect();
            LockError::NotToml { line: before.matches('\n').count() + 1, problem }
        })?;
        Reader { notes: Vec::new(), wheels: 0 }.lock(Fields::new(table))
    }
}

struct Reader {
    notes: Vec<String>,
    wheels: usize,
}

impl Reader {
    fn lock(mut self, mut fields: Fields) -> Result<ParsedLock, LockError> {
        // First of all, as another version may mean something else by everything that follows.
        let lock_version: Version = fields.read("lock-version")?.ok_or_else(|| fields.missing("lock-version"))?;
        if lock_version.epoch() != 0 || lock_version.release().first() != Some(&1) {
            return Err(LockError::NewerMajor(lock_version));
        }
        if lock_version > Version::new([1, 0]) {
            self.notes.push(format!("the lock has version {lock_version} of the format, and version 1.0 is known"));
        }
        let mut lock = Lock {
            lock_version,
            environments: fields.list("environments")?.unwrap_or_default(),
            requires_python: fields.read("requires-python")?,
            extras: fields.list("extras")?,
            dependency_groups: fields.list("dependency-groups")?,
            default_groups: fields.list("default-groups")?.unwrap_or_default(),
            created_by: fields.text("created-by")?.ok_or_else(|| fields.missing("created-by"))?,
            packages: Vec::new(),
            tool: fields.table("tool")?.unwrap_or_default(),
        };
        let packages = fields.several("packages")?.ok_or_else(|| fields.missing("packages"))?;
        if packages.len() > MOST_PACKAGES {
            return Err(LockError::TooMany { what: "packages", most: MOST_PACKAGES });
        }
        self.leftovers(&fields);
        for (index, package) in packages.into_iter().enumerate() {
            lock.packages.push(self.package(package, index)?);
        }
        Ok(ParsedLock { lock, notes: self.notes })
    }

    fn leftovers(&mut self, fields: &Fields) {
        let room = MOST_NOTES.saturating_sub(self.notes.len());
        let note = |key: String| format!("{}: a key that is not known", key.chars().take(200).collect::<String>());
        self.notes.extend(fields.unknown().take(room).map(note));
    }

    fn package(&mut self, mut fields: Fields, index: usize) -> Result<LockedPackage, LockError> {
        let name: ProjectName = fields.read("name")?.ok_or_else(|| fields.missing("name"))?;
        fields.owned_by(format!("package `{name}` (packages[{index}])"));
        let version = fields.read("version")?;
        let package = LockedPackage {
            marker: fields.read("marker")?,
            requires_python: fields.read("requires-python")?,
            dependencies: fields.tables("dependencies")?.unwrap_or_default(),
            index: fields.text("index")?.map(Secret::new),
            source: self.source(&mut fields, &name, version.as_ref())?,
            attestation_identities: identities(&mut fields)?,
            tool: fields.table("tool")?.unwrap_or_default(),
            name,
            version,
        };
        self.leftovers(&fields);
        Ok(package)
    }

    fn source(
        &mut self,
        fields: &mut Fields,
        name: &ProjectName,
        version: Option<&Version>,
    ) -> Result<LockedSource, LockError> {
        let vcs = fields.inner("vcs")?;
        let directory = fields.inner("directory")?;
        let archive = fields.inner("archive")?;
        let sdist = fields.inner("sdist")?;
        // An empty list of wheels is as good as none.
        let wheels = fields.several("wheels")?.unwrap_or_default();
        let has_files = sdist.is_some() || !wheels.is_empty();
        match (vcs, directory, archive) {
            (None, None, None) if has_files => {
                self.wheels += wheels.len();
                if self.wheels > MOST_WHEELS {
                    return Err(LockError::TooMany { what: "wheels", most: MOST_WHEELS });
                }
                let mut file = |fields, is_wheel| self.file(fields, name, version, is_wheel);
                let sdist = sdist.map(|fields| file(fields, false)).transpose()?;
                let wheels = wheels.into_iter().map(|fields| file(fields, true)).collect::<Result<_, _>>()?;
                Ok(LockedSource::Files { sdist, wheels })
            }
            (Some(fields), None, None) if !has_files => self.vcs(fields).map(LockedSource::Vcs),
            (None, Some(fields), None) if !has_files => self.directory(fields).map(LockedSource::Directory),
            (None, None, Some(fields)) if !has_files => self.archive(fields).map(LockedSource::Archive),
            (None, None, None) => {
                Err(fields.error("", "it has no source: wheels, sdist, archive, vcs or directory is needed"))
            }
            _ => Err(fields.error("", "it has several sources, of which only sdist and wheels may stand together")),
        }
    }

    fn file(
        &mut self,
        mut fields: Fields,
        project: &ProjectName,
        version: Option<&Version>,
        is_wheel: bool,
    ) -> Result<LockedFile, LockError> {
        let (url, path) = place(&mut fields)?;
        let given = fields.text("name")?;
        let name = given.or_else(|| places::file_name(path.as_deref(), url.as_ref()));
        let name = name.ok_or_else(|| fields.missing("name"))?;
        check_file_name(&name).map_err(|error| fields.error("name", format!("it {error}")))?;
        let read =
            DistributionName::parse(&name, Some(project)).map_err(|error| fields.error("name", error.to_string()))?;
        let is_right_kind = match read.kind {
            DistributionKind::Wheel(_) => is_wheel,
            DistributionKind::Sdist => !is_wheel,
            DistributionKind::Legacy => false,
        };
        if !is_right_kind || read.project != *project || version.is_some_and(|version| *version != read.version) {
            let kind = if is_wheel { "wheel" } else { "source distribution" };
            return Err(fields.error("name", format!("`{name}` is no {kind} of this package and version")));
        }
        let file = LockedFile {
            name,
            upload_time: fields.time("upload-time")?,
            url,
            path,
            size: fields.whole_number("size")?,
            hashes: hashes(&mut fields)?,
        };
        self.leftovers(&fields);
        Ok(file)
    }

    fn archive(&mut self, mut fields: Fields) -> Result<LockedArchive, LockError> {
        let (url, path) = place(&mut fields)?;
        let archive = LockedArchive {
            url,
            path,
            size: fields.whole_number("size")?,
            upload_time: fields.time("upload-time")?,
            hashes: hashes(&mut fields)?,
            subdirectory: subdirectory(&mut fields)?,
        };
        self.leftovers(&fields);
        Ok(archive)
    }

    fn vcs(&mut self, mut fields: Fields) -> Result<LockedVcs, LockError> {
        let (url, path) = place(&mut fields)?;
        let vcs = LockedVcs {
            kind: required(&mut fields, "type")?,
            url,
            path,
            requested_revision: fields.text("requested-revision")?,
            commit_id: required(&mut fields, "commit-id")?,
            subdirectory: subdirectory(&mut fields)?,
        };
        self.leftovers(&fields);
        Ok(vcs)
    }

    fn directory(&mut self, mut fields: Fields) -> Result<LockedDirectory, LockError> {
        let directory = LockedDirectory {
            path: required(&mut fields, "path")?,
            is_editable: fields.boolean("editable")?.unwrap_or_default(),
            subdirectory: subdirectory(&mut fields)?,
        };
        self.leftovers(&fields);
        Ok(directory)
    }
}

/// A text that must be there, and be one that can be handed to another program.
fn required(fields: &mut Fields, key: &str) -> Result<String, LockError> {
    let text = fields.text(key)?.ok_or_else(|| fields.missing(key))?;
    places::check_text(&text).map_err(|problem| fields.error(key, problem))?;
    if text.starts_with('-') {
        return Err(fields.error(key, "must not look like an option"));
    }
    Ok(text)
}

fn place(fields: &mut Fields) -> Result<(Option<Secret<String>>, Option<String>), LockError> {
    let (url, path) = (fields.text("url")?, fields.text("path")?);
    for (key, text) in [("url", &url), ("path", &path)] {
        let checked = text.as_deref().map_or(Ok(()), places::check_text);
        checked.map_err(|problem| fields.error(key, problem))?;
    }
    if url.is_none() && path.is_none() {
        return Err(fields.error("", "`url` or `path` must be there"));
    }
    Ok((url.map(Secret::new), path))
}

fn subdirectory(fields: &mut Fields) -> Result<Option<String>, LockError> {
    let folder = fields.text("subdirectory")?;
    let checked = folder.as_deref().map_or(Ok(()), places::check_inside);
    checked.map_err(|problem| fields.error("subdirectory", problem))?;
    Ok(folder)
}

fn hashes(fields: &mut Fields) -> Result<Hashes, LockError> {
    let given = fields.inner("hashes")?.ok_or_else(|| fields.missing("hashes"))?.texts()?;
    let mut hashes = Hashes::default();
    for (algorithm, digest) in given {
        let algorithm = algorithm.to_ascii_lowercase();
        if algorithm == "sha256" {
            let digest =
                digest.parse().map_err(|_| fields.error("hashes.sha256", "must have 64 hexadecimal digits"))?;
            hashes.sha256 = Some(digest);
        } else {
            hashes.others.insert(algorithm, digest);
        }
    }
    if hashes.sha256.is_none() && hashes.others.is_empty() {
        return Err(fields.error("hashes", "must have at least one hash"));
    }
    Ok(hashes)
}

fn identities(fields: &mut Fields) -> Result<Vec<Table>, LockError> {
    let identities = fields.tables("attestation-identities")?.unwrap_or_default();
    if let Some(index) = identities.iter().position(|identity| !identity.get("kind").is_some_and(toml::Value::is_str)) {
        return Err(fields.error(&format!("attestation-identities[{index}].kind"), "must be there, as a text"));
    }
    Ok(identities)
}

#[cfg(test)]
mod tests;
