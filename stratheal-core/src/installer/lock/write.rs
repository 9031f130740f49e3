//! Writing a lock, the same text for the same lock: packages and files sorted, keys in the order of the specification.

use pep440_rs::VersionSpecifiers;
use toml::{Table, Value};

use super::value::{braces, inline, inline_table, key, quoted};
use super::{Lock, LockedArchive, LockedDirectory, LockedFile, LockedPackage, LockedSource, LockedVcs};
use crate::base::redact::Secret;
use crate::index::Hashes;

impl Lock {
    /// The lock as TOML, with the secrets of its URLs.
    ///
    /// ```
    /// use stratheal_core::installer::lock::Lock;
    /// let text = Lock::new(Vec::new()).to_toml();
    /// assert!(text.starts_with("lock-version = \"1.0\"\n") && text.ends_with('\n'));
    /// assert_eq!(Lock::parse(&text)?.lock.created_by, "stratheal");
    /// # Ok::<(), stratheal_core::installer::lock::LockError>(())
    /// ```
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut lines = Lines::default();
        lines.text("lock-version", &self.lock_version.to_string());
        if !self.environments.is_empty() {
            lines.list("environments", &self.environments);
        }
        lines.specifiers("requires-python", self.requires_python.as_ref());
        if let Some(extras) = &self.extras {
            lines.list("extras", extras);
        }
        if let Some(groups) = &self.dependency_groups {
            lines.list("dependency-groups", groups);
        }
        if !self.default_groups.is_empty() {
            lines.list("default-groups", &self.default_groups);
        }
        lines.text("created-by", &self.created_by);
        if self.packages.is_empty() {
            lines.add("packages", "[]");
        }
        let mut packages: Vec<_> =
            self.packages.iter().map(|entry| (&entry.name, &entry.version, package(entry))).collect();
        packages.sort_unstable();
        let mut text = lines.0;
        for (_, _, package) in packages {
            text.extend(["\n[[packages]]\n", &package]);
        }
        if !self.tool.is_empty() {
            let mut top = Table::new();
            top.insert("tool".to_owned(), Value::Table(self.tool.clone()));
            text.extend(["\n", top.to_string().trim_end(), "\n"]);
        }
        text
    }
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, key: &str, value: &str) {
        self.0.extend([key, " = ", value, "\n"]);
    }

    fn text(&mut self, key: &str, text: &str) {
        self.add(key, &quoted(text));
    }

    fn list<T: ToString>(&mut self, key: &str, values: &[T]) {
        let values: Vec<_> = values.iter().map(|value| quoted(&value.to_string())).collect();
        self.add(key, &format!("[{}]", values.join(", ")));
    }

    fn specifiers(&mut self, key: &str, specifiers: Option<&VersionSpecifiers>) {
        if let Some(specifiers) = specifiers {
            let specifiers: Vec<_> = specifiers.iter().map(ToString::to_string).collect();
            self.text(key, &specifiers.join(","));
        }
    }

    /// A list with a line for each of its values.
    fn rows(&mut self, key: &str, rows: &[String]) {
        if !rows.is_empty() {
            let rows: String = rows.iter().fold(String::new(), |text, row| text + "    " + row + ",\n");
            self.add(key, &format!("[\n{rows}]"));
        }
    }
}

fn package(package: &LockedPackage) -> String {
    let mut lines = Lines::default();
    lines.text("name", package.name.as_str());
    if let Some(version) = &package.version {
        lines.text("version", &version.to_string());
    }
    if let Some(marker) = &package.marker {
        lines.text("marker", &marker.to_string());
    }
    lines.specifiers("requires-python", package.requires_python.as_ref());
    lines.rows("dependencies", &package.dependencies.iter().map(inline_table).collect::<Vec<_>>());
    match &package.source {
        LockedSource::Vcs(source) => lines.add("vcs", &vcs(source)),
        LockedSource::Directory(source) => lines.add("directory", &directory(source)),
        LockedSource::Archive(source) => lines.add("archive", &archive(source)),
        LockedSource::Files { .. } => {}
    }
    if let Some(index) = &package.index {
        lines.text("index", index.expose());
    }
    if let LockedSource::Files { sdist, wheels } = &package.source {
        if let Some(sdist) = sdist {
            lines.add("sdist", &file(sdist));
        }
        let mut wheels: Vec<_> = wheels.iter().map(|wheel| (&wheel.name, file(wheel))).collect();
        wheels.sort_unstable();
        lines.rows("wheels", &wheels.into_iter().map(|(_, row)| row).collect::<Vec<_>>());
    }
    lines.rows("attestation-identities", &package.attestation_identities.iter().map(inline_table).collect::<Vec<_>>());
    if !package.tool.is_empty() {
        lines.add("tool", &inline_table(&package.tool));
    }
    lines.0
}

/// The entries of an inline table, in the order in which they are added.
#[derive(Default)]
struct Entries(Vec<String>);

impl Entries {
    fn add(&mut self, name: &str, value: &str) {
        self.0.push(format!("{name} = {value}"));
    }

    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.add(name, &quoted(text));
        }
    }

    fn place(&mut self, url: Option<&Secret<String>>, path: Option<&str>) {
        self.text("url", url.map(|url| url.expose().as_str()));
        self.text("path", path);
    }

    fn size(&mut self, size: Option<u64>) {
        if let Some(size) = size {
            self.add("size", &size.to_string());
        }
    }

    fn time(&mut self, time: Option<&toml::value::Datetime>) {
        if let Some(time) = time {
            self.add("upload-time", &inline(&Value::Datetime(*time)));
        }
    }

    fn hashes(&mut self, hashes: &Hashes) {
        let sha256 = hashes.sha256.map(|digest| ("sha256", digest.to_string()));
        let others = hashes.others.iter().map(|(algorithm, digest)| (algorithm.as_str(), digest.clone()));
        let mut all: Vec<_> = sha256.into_iter().chain(others).collect();
        all.sort_unstable();
        let entries: Vec<_> = all.iter().map(|(name, digest)| format!("{} = {}", key(name), quoted(digest))).collect();
        self.add("hashes", &braces(&entries));
    }
}

fn file(file: &LockedFile) -> String {
    let mut entries = Entries::default();
    entries.text("name", Some(&file.name));
    entries.time(file.upload_time.as_ref());
    entries.place(file.url.as_ref(), file.path.as_deref());
    entries.size(file.size);
    entries.hashes(&file.hashes);
    braces(&entries.0)
}

fn archive(archive: &LockedArchive) -> String {
    let mut entries = Entries::default();
    entries.place(archive.url.as_ref(), archive.path.as_deref());
    entries.size(archive.size);
    entries.time(archive.upload_time.as_ref());
    entries.hashes(&archive.hashes);
    entries.text("subdirectory", archive.subdirectory.as_deref());
    braces(&entries.0)
}

fn vcs(vcs: &LockedVcs) -> String {
    let mut entries = Entries::default();
    entries.text("type", Some(&vcs.kind));
    entries.place(vcs.url.as_ref(), vcs.path.as_deref());
    entries.text("requested-revision", vcs.requested_revision.as_deref());
    entries.text("commit-id", Some(&vcs.commit_id));
    entries.text("subdirectory", vcs.subdirectory.as_deref());
    braces(&entries.0)
}

fn directory(directory: &LockedDirectory) -> String {
    let mut entries = Entries::default();
    entries.text("path", Some(&directory.path));
    if directory.is_editable {
        entries.add("editable", "true");
    }
    entries.text("subdirectory", directory.subdirectory.as_deref());
    braces(&entries.0)
}

#[cfg(test)]
mod tests;
