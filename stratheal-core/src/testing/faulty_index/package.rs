//! Packages made in memory: a wheel of any size, or a source distribution that builds itself.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::archive;
use super::body::Body;

/// One release of one project, as one file. The same settings make the same bytes.
#[derive(Debug, Clone)]
pub struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) requires: Vec<String>,
    pub(super) requires_python: Option<String>,
    pub(super) yanked: Option<String>,
    payload: u64,
    files: u32,
    more: Vec<(String, Bytes)>,
    seed: u64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Wheel,
    /// A source distribution, whose backend needs these from the index.
    Sdist(Vec<String>),
}

impl Package {
    /// A small wheel for every Python.
    #[must_use]
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            requires: Vec::new(),
            requires_python: None,
            yanked: None,
            payload: 0,
            files: 1,
            more: Vec::new(),
            seed: 0,
            kind: Kind::Wheel,
        }
    }

    /// Adds a dependency, such as `beta>=1`.
    #[must_use]
    pub fn requires(mut self, requirement: &str) -> Self {
        self.requires.push(requirement.to_owned());
        self
    }

    /// The Python versions it is for.
    #[must_use]
    pub fn requires_python(mut self, specifier: &str) -> Self {
        self.requires_python = Some(specifier.to_owned());
        self
    }

    /// Withdraws it, with this reason.
    #[must_use]
    pub fn yanked(mut self, reason: &str) -> Self {
        self.yanked = Some(reason.to_owned());
        self
    }

    /// How many bytes of noise it carries. A source distribution carries none.
    #[must_use]
    pub const fn payload(mut self, bytes: u64) -> Self {
        self.payload = bytes;
        self
    }

    /// Over how many files the noise is spread.
    #[must_use]
    pub const fn files(mut self, count: u32) -> Self {
        self.files = if count == 0 { 1 } else { count };
        self
    }

    /// One more file of the wheel, under this path: harmless or not.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Bytes>) -> Self {
        self.more.push((path.to_owned(), content.into()));
        self
    }

    /// Another seed gives other noise, under the same name.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Makes it a source distribution with a build backend of its own.
    #[must_use]
    pub fn sdist(mut self) -> Self {
        self.kind = Kind::Sdist(Vec::new());
        self
    }

    /// Makes it a source distribution whose build needs another project of the index, which it imports.
    #[must_use]
    pub fn sdist_needing(mut self, project: &str) -> Self {
        self.kind = Kind::Sdist(vec![project.to_owned()]);
        self
    }

    /// The module it installs.
    #[must_use]
    pub fn module(&self) -> String {
        self.name.to_lowercase().replace(['-', '.'], "_")
    }

    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        match self.kind {
            Kind::Wheel => format!("{}-{}-py3-none-any.whl", self.module(), self.version),
            Kind::Sdist(_) => format!("{}-{}.tar.gz", self.module(), self.version),
        }
    }

    /// Its core metadata.
    #[must_use]
    pub fn metadata(&self) -> String {
        let mut text = format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version);
        if let Some(specifier) = &self.requires_python {
            let _ = writeln!(text, "Requires-Python: {specifier}");
        }
        for requirement in &self.requires {
            let _ = writeln!(text, "Requires-Dist: {requirement}");
        }
        text
    }

    pub(super) const fn is_wheel(&self) -> bool {
        matches!(self.kind, Kind::Wheel)
    }

    /// Its file.
    #[must_use]
    pub fn body(&self) -> Body {
        match &self.kind {
            Kind::Wheel => self.wheel(),
            Kind::Sdist(needs) => archive::tar_gz(&self.sources(needs)).into(),
        }
    }

    fn wheel(&self) -> Body {
        let module = self.module();
        let information = format!("{module}-{}.dist-info", self.version);
        let init = format!("__version__ = {:?}\n", self.version);
        let mut members = vec![(format!("{module}/__init__.py"), Body::from(init))];
        let each = self.payload / u64::from(self.files);
        for number in 0..self.files {
            let rest = if number == 0 { self.payload % u64::from(self.files) } else { 0 };
            let noise = Body::noise(self.noise_seed(number), each + rest);
            members.push((format!("{module}/data{number}.bin"), noise));
        }
        members.extend(self.more.iter().map(|(path, content)| (path.clone(), Body::from(content.clone()))));
        let about = "Wheel-Version: 1.0\nGenerator: faulty-index\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        members.push((format!("{information}/METADATA"), Body::from(self.metadata())));
        members.push((format!("{information}/WHEEL"), Body::from(about)));
        let mut record = String::new();
        for (name, body) in &members {
            let digest = BASE64_URL_SAFE_NO_PAD.encode(body.id().as_bytes());
            let _ = writeln!(record, "{name},sha256={digest},{}", body.length());
        }
        let _ = writeln!(record, "{information}/RECORD,,");
        members.push((format!("{information}/RECORD"), Body::from(record)));
        archive::zip(members)
    }

    /// Every file of every package gets noise of its own: FNV-1a of what tells it apart.
    fn noise_seed(&self, number: u32) -> u64 {
        let text = format!("{} {} {} {number}", self.name, self.version, self.seed);
        text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// The files of a source distribution.
    fn sources(&self, needs: &[String]) -> Vec<(String, String)> {
        let folder = format!("{}-{}", self.module(), self.version);
        let project = format!(
            "[build-system]\nrequires = {needs:?}\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\n[project]\nname = {:?}\nversion = \
             {:?}\ndependencies = {:?}\n",
            self.name, self.version, self.requires
        );
        let imports = needs.iter().fold(String::new(), |mut text, need| {
            let name: String = need.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
            let _ = writeln!(text, "import {}", name.to_lowercase().replace(['-', '.'], "_"));
            text
        });
        let metadata = self.metadata();
        let backend = BACKEND
            .replace("@IMPORTS@", &imports)
            .replace("@MODULE@", &format!("{:?}", self.module()))
            .replace("@VERSION@", &format!("{:?}", self.version))
            .replace("@METADATA@", &format!("{metadata:?}"));
        [("pyproject.toml", project), ("PKG-INFO", metadata), ("backend.py", backend)]
            .map(|(name, text)| (format!("{folder}/{name}"), text))
            .into()
    }
}

/// A build backend (PEP 517) without any dependency.
const BACKEND: &str = r#""""Builds the one wheel it knows about."""

import zipfile
@IMPORTS@
MODULE = @MODULE@
VERSION = @VERSION@
METADATA = @METADATA@


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = f"{MODULE}-{VERSION}-py3-none-any.whl"
    folder = f"{MODULE}-{VERSION}.dist-info"
    files = {
        f"{MODULE}/__init__.py": f"__version__ = {VERSION!r}\n",
        f"{folder}/METADATA": METADATA,
        f"{folder}/WHEEL": "Wheel-Version: 1.0\nGenerator: backend\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{folder}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{folder}/RECORD"])
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"#;
