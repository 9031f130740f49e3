//! Looks in all places, in the order of their weight.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::assemble::{Assembly, DiscoverError, Discovered};
use super::environment::is_true;
use super::finding::{Finding, Note, NoteKind, Role};
use super::interpreter::default_of_pip;
use super::options::{DiscoverOptions, MirrorSettings, SourceSettings};
use super::{environment, pip, project, requirements, uv};
use crate::index::credentials::Netrc;
use crate::index::surroundings::Surroundings;

/// The largest configuration file that is read, in bytes.
const LARGEST: usize = 4 << 20;

/// How many folders above the project are looked at.
const HIGHEST: usize = 64;

/// Finds out which indexes are asked, and where each of them was found.
///
/// ```
/// use stratheal_core::index::{DiscoverOptions, ThisProcess, discover};
/// let options = DiscoverOptions {
///     index: Some("https://me:pw@packages.example.com/simple".to_owned()),
///     only_settings: true,
///     ..DiscoverOptions::default()
/// };
/// let found = discover(&options, &ThisProcess)?;
/// assert_eq!(found.chain.sources[0].members[0].url.as_str(), "https://packages.example.com/simple/");
/// # Ok::<(), stratheal_core::index::DiscoverError>(())
/// ```
///
/// # Errors
/// [`DiscoverError`] when there is no default index, or none that can be used.
pub fn discover(options: &DiscoverOptions, surroundings: &dyn Surroundings) -> Result<Discovered, DiscoverError> {
    let mut assembly = Assembly::new(surroundings);
    let mirrors = mirrors_of_default(options);
    let add = |assembly: &mut Assembly<'_>, mut found: Finding, is_direct| {
        if found.role == Role::Default && !assembly.has_default() {
            found.mirrors.extend(mirrors.iter().map(|mirror| (mirror.url.clone(), mirror.trust)));
            found.is_mutable |= options.settings.is_mutable;
        }
        assembly.add(found, is_direct)
    };
    for found in given(options) {
        add(&mut assembly, found, false)?;
    }
    if !options.only_settings {
        for found in requirements::read(&options.requirements, surroundings) {
            add(&mut assembly, found, true)?;
        }
        let files = Files { surroundings, folder: &options.folder };
        let (of_pip, of_project) = (files.pip(options), files.project());
        for found in &of_pip {
            assembly.of_pip(found);
        }
        for found in &of_project {
            assembly.of_project(found);
        }
        let places = [environment::read(surroundings), files.uv(), of_pip, of_project];
        for found in places.into_iter().flatten() {
            add(&mut assembly, found, false)?;
        }
    }
    if !assembly.has_default() {
        let of_pip = default_of_pip(options.interpreter.as_deref(), &options.folder, surroundings)
            .map(|(url, from)| (url, format!("the default of pip, {}", from.display())));
        let of_uv = || surroundings.ask_uv().map(|url| (url, "the default of uv".to_owned()));
        if let Some((url, from)) = of_pip.or_else(of_uv) {
            add(&mut assembly, Finding::new(Role::Default, &url, &from), false)?;
        }
    }
    read_netrc(&mut assembly, surroundings);
    assembly.finish()
}

fn mirrors_of_default(options: &DiscoverOptions) -> Vec<MirrorSettings> {
    let given = options.mirrors.iter().map(|url| MirrorSettings { url: url.clone(), ..MirrorSettings::default() });
    given.chain(options.settings.mirrors.iter().cloned()).collect()
}

/// What options and settings say.
fn given(options: &DiscoverOptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(options.index.iter().map(|url| Finding::new(Role::Default, url, "the option --index")));
    findings.extend(options.extra.iter().map(|url| Finding::new(Role::Extra, url, "the option --extra-index")));
    findings.extend(options.settings.url.iter().map(|url| Finding::new(Role::Default, url, "the setting [index] url")));
    findings.extend(options.settings.extra.iter().map(|extra: &SourceSettings| {
        // One that is asked about a few projects only is asked first about them.
        let role = if extra.only.is_empty() { Role::Extra } else { Role::Explicit };
        Finding {
            only: extra.only.clone(),
            mirrors: extra.mirrors.iter().map(|mirror| (mirror.url.clone(), mirror.trust)).collect(),
            is_mutable: extra.is_mutable,
            ..Finding::new(role, &extra.url, "the settings [index] extra").named(extra.name.as_deref())
        }
    }));
    findings
}

struct Files<'s> {
    surroundings: &'s dyn Surroundings,
    folder: &'s Path,
}

impl Files<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        self.surroundings.variable(name).filter(|value| !value.is_empty())
    }

    /// A text file, if it is there; one that cannot be read becomes a finding.
    fn text(&self, path: &Path, findings: &mut Vec<Finding>) -> Option<String> {
        let error = match self.surroundings.read(path, LARGEST) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => return Some(text),
                Err(_) => "it is not UTF-8".to_owned(),
            },
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
            Err(error) => error.to_string(),
        };
        findings.push(Finding::new(Role::Damaged, &error, &path.display().to_string()));
        None
    }

    fn table(&self, path: &Path, findings: &mut Vec<Finding>) -> Option<Table> {
        let table = self.text(path, findings)?.parse().ok();
        if table.is_none() {
            // Not the parser's own message: it may quote a line with a password in it.
            findings.push(Finding::new(Role::Damaged, "it is no valid TOML", &path.display().to_string()));
        }
        table
    }

    fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").or_else(|| self.variable("USERPROFILE")).map(PathBuf::from)
    }

    /// Where a user keeps configuration files.
    fn user_folders(&self) -> Vec<PathBuf> {
        let xdg = self.variable("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = xdg.or_else(|| self.home().map(|home| home.join(".config")));
        home.into_iter().chain(self.variable("APPDATA").map(PathBuf::from)).collect()
    }

    /// Where a machine keeps configuration files.
    fn system_folders(&self) -> Vec<PathBuf> {
        let text = self.variable("XDG_CONFIG_DIRS").unwrap_or_else(|| "/etc/xdg".to_owned());
        std::env::split_paths(&text).collect()
    }

    /// `[tool]` of the nearest `pyproject.toml`.
    fn tool(&self, folder: &Path, findings: &mut Vec<Finding>) -> Option<(Table, String)> {
        let path = folder.join("pyproject.toml");
        match self.table(&path, findings)?.remove("tool") {
            Some(Value::Table(tool)) => Some((tool, path.display().to_string())),
            _ => Some((Table::new(), path.display().to_string())),
        }
    }

    fn uv(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.variable("UV_NO_CONFIG").is_some_and(|value| is_true(&value)) {
            return findings;
        }
        let single = self.variable("UV_CONFIG_FILE").map(PathBuf::from);
        if single.is_none() {
            for folder in self.folder.ancestors().take(HIGHEST) {
                // uv takes the nearest folder that says anything about it, and there `uv.toml` before `pyproject.toml`.
                let path = folder.join("uv.toml");
                let whole = self.table(&path, &mut findings).map(|table| (table, path.display().to_string()));
                let settings = whole.or_else(|| {
                    // A damaged one is reported with the sources of poetry and pdm.
                    let (mut tool, from) = self.tool(folder, &mut Vec::new())?;
                    let Value::Table(uv) = tool.remove("uv")? else { return None };
                    Some((uv, format!("{from}, [tool.uv]")))
                });
                if let Some((table, from)) = settings {
                    findings.extend(uv::read(&table, &from));
                    break;
                }
            }
        }
        let folders = [self.user_folders(), self.system_folders(), vec!["/etc".into()]].concat();
        let paths = single
            .map_or_else(|| folders.into_iter().map(|folder| folder.join("uv/uv.toml")).collect(), |path| vec![path]);
        for path in paths {
            if let Some(table) = self.table(&path, &mut findings) {
                findings.extend(uv::read(&table, &path.display().to_string()));
            }
        }
        findings
    }

    fn pip(&self, options: &DiscoverOptions) -> Vec<Finding> {
        let name = if cfg!(windows) { "pip.ini" } else { "pip.conf" };
        let file = self.variable("PIP_CONFIG_FILE").map(PathBuf::from);
        // pip's way to say: no files at all.
        if file.as_deref().is_some_and(|path| path == Path::new("/dev/null") || path == Path::new("nul")) {
            return Vec::new();
        }
        let mut paths: Vec<PathBuf> =
            self.system_folders().into_iter().map(|folder| folder.join("pip").join(name)).collect();
        paths.push(Path::new("/etc").join(name));
        paths.extend(self.home().map(|home| home.join(".pip").join(name)));
        paths.extend(self.home().map(|home| home.join("Library/Application Support/pip").join(name)));
        paths.extend(self.user_folders().into_iter().map(|folder| folder.join("pip").join(name)));
        // That of the environment: an interpreter lies two folders deeper.
        let environment = options.interpreter.clone().or_else(|| self.variable("VIRTUAL_ENV").map(PathBuf::from));
        let above = environment.as_deref().and_then(Path::parent).and_then(Path::parent);
        paths.extend(above.filter(|_| options.interpreter.is_some()).map(|prefix| prefix.join(name)));
        paths.extend(environment.as_deref().map(|prefix| prefix.join(name)));
        paths.extend(file);
        let mut findings = Vec::new();
        let texts = paths.iter().filter_map(|path| Some((path.display().to_string(), self.text(path, &mut findings)?)));
        let texts: Vec<_> = texts.collect();
        findings.extend(pip::read(&texts));
        findings
    }

    fn project(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let nearest = self.folder.ancestors().take(HIGHEST).find_map(|folder| self.tool(folder, &mut findings));
        findings.extend(nearest.into_iter().flat_map(|(tool, from)| project::read(&tool, &from)));
        findings
    }
}

fn read_netrc(assembly: &mut Assembly<'_>, surroundings: &dyn Surroundings) {
    let files = Files { surroundings, folder: Path::new("") };
    let paths = match files.variable("NETRC") {
        Some(path) => vec![PathBuf::from(path)],
        None => files.home().map(|home| vec![home.join(".netrc"), home.join("_netrc")]).unwrap_or_default(),
    };
    let mut findings = Vec::new();
    let text = paths.iter().find_map(|path| Some((path, files.text(path, &mut findings)?)));
    let mut problems: Vec<(String, String)> =
        findings.into_iter().map(|found| (found.from, found.text.expose().clone())).collect();
    if let Some((path, text)) = text {
        match Netrc::parse(&text) {
            Ok(netrc) => assembly.credentials().set_netrc(netrc),
            Err(error) => problems.push((path.display().to_string(), error.to_string())),
        }
    }
    for (from, what) in problems {
        assembly.note(Note {
            kind: NoteKind::Damaged,
            from,
            what,
            meaning: "no credentials come from this file".to_owned(),
        });
    }
}

#[cfg(test)]
mod tests;
