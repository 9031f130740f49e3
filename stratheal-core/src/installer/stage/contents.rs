//! What one wheel puts into an environment.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use pep440_rs::Version;

use super::{Content, Placed};
use crate::index::ProjectName;
use crate::installer::python::{Interpreter, Scheme};
use crate::installer::wheel::{
    CoreFields, EntryPoint, Part, Row, WheelError, WheelFile, launcher, parse_entry_points, parse_metadata, place,
    reserved, with_shebang, write_record,
};
use crate::objects::{ContentId, Pack, RecordProblem, StoreError, Tree, TreeFile};

/// The largest script whose first line is filled in, and the largest `entry_points.txt`, in bytes.
const LARGEST_SCRIPT: u64 = 64 << 20;
const LARGEST_TEXT: u64 = 16 << 20;

/// A wheel that is to be installed.
#[derive(Debug, Clone)]
pub struct Addition {
    /// The project.
    pub name: ProjectName,
    /// Its version.
    pub version: Version,
    /// The wheel.
    pub wheel: Pack,
    /// Whether somebody asked for it by name (`REQUESTED`).
    pub requested: bool,
    /// Where it came from when that is no index (`direct_url.json`, PEP 610).
    pub direct_url: Option<serde_json::Value>,
}

/// What a wheel puts into an environment.
#[derive(Debug)]
pub(in crate::installer) struct Contents {
    pub(in crate::installer) tree: Tree,
    pub(in crate::installer) files: Vec<Placed>,
    /// Its `.dist-info`, relative to the root.
    pub(in crate::installer) metadata: PathBuf,
    /// What its METADATA says.
    pub(in crate::installer) fields: CoreFields,
    /// In what its RECORD is wrong.
    pub(in crate::installer) problems: Vec<RecordProblem>,
}

impl Contents {
    /// Whether a path of `files` lies in the project's own `.dist-info`: a wheel may hold others, as parts of test data.
    pub(in crate::installer) fn is_metadata(&self, path: &Path) -> bool {
        path.parent() == Some(self.metadata.as_path())
    }
}

/// Unpacks a wheel into the store, unless it is there, and says what goes where. `interpreter` is that of the environment, with its
/// final paths.
pub(in crate::installer) fn contents_of(
    addition: &Addition,
    tree: Tree,
    interpreter: &Interpreter,
) -> Result<Contents, WheelError> {
    let refused = |reason: String| WheelError::Refused { name: addition.wheel.name().to_owned(), reason };
    let folder = tree.files().iter().find_map(|file| {
        let (top, rest) = file.path.split_once('/')?;
        (rest == "WHEEL" && top.ends_with(".dist-info")).then(|| top.to_owned())
    });
    let folder = folder.ok_or_else(|| refused("it has no WHEEL".to_owned()))?;
    let read = |name: &str, limit: u64| -> Result<Option<String>, WheelError> {
        let Some(file) = tree.file(&format!("{folder}/{name}")) else { return Ok(None) };
        let bytes = tree.read(file, limit)?;
        String::from_utf8(bytes).map(Some).map_err(|_| refused(format!("its {name} is not UTF-8")))
    };
    let wheel = read("WHEEL", WheelFile::LARGEST)?.ok_or_else(|| refused("it has no WHEEL".to_owned()))?;
    let wheel = WheelFile::parse(&wheel).map_err(refused)?;
    let metadata = read("METADATA", CoreFields::LARGEST)?.ok_or_else(|| refused("it has no METADATA".to_owned()))?;
    let metadata = parse_metadata(&metadata).map_err(|error| refused(error.to_string()))?;
    if metadata.name != addition.name || metadata.version != addition.version {
        let text = format!(
            "it is {} {}, and {} {} was wanted",
            metadata.name, metadata.version, addition.name, addition.version
        );
        return Err(refused(text));
    }
    let entry_points = match read("entry_points.txt", LARGEST_TEXT)? {
        Some(text) => parse_entry_points(&text).map_err(|error| refused(error.to_string()))?,
        None => Vec::new(),
    };
    let stem = folder.trim_end_matches(".dist-info").to_owned();
    let roots = Roots::of(interpreter, &addition.name).map_err(refused)?;
    let mut placing = Placing { tree: &tree, interpreter, roots: &roots, files: Vec::new(), rows: Vec::new() };
    let record = format!("{folder}/RECORD");
    for (number, file) in tree.files().iter().enumerate() {
        // Written anew, with what is added; signatures of the old one would be wrong.
        let is_record = file.path.strip_prefix(&record).is_some_and(|rest| matches!(rest, "" | ".jws" | ".p7s"));
        if !is_record {
            let (part, inside) = place(&file.path, &stem, wheel.root_is_purelib).map_err(refused)?;
            let path = roots.part(part).join(inside);
            // All other parts are folders of their own.
            let may_meet = matches!(part, Part::Data | Part::Scripts);
            if let Some(what) = may_meet.then(|| reserved(&path, &roots.scripts)).flatten() {
                return Err(refused(format!("its {} would replace {what}", file.path)));
            }
            placing.file(number, file, part, path)?;
        }
    }
    placing.launchers(&entry_points);
    placing.notes(addition, &folder, wheel.root_is_purelib);
    let Placing { files, .. } = placing;
    let mut seen = HashSet::new();
    if let Some(twice) = files.iter().find(|file| !seen.insert(file.path.as_os_str())) {
        return Err(refused(format!("it puts two files at {}", twice.path.display())));
    }
    let problems = tree.problems().to_vec();
    let packages = if wheel.root_is_purelib { &roots.purelib } else { &roots.platlib };
    Ok(Contents { metadata: packages.join(folder), tree, files, fields: metadata, problems })
}

/// The parts of an environment, relative to its root.
struct Roots {
    purelib: PathBuf,
    platlib: PathBuf,
    scripts: PathBuf,
    headers: PathBuf,
    data: PathBuf,
}

impl Roots {
    fn of(interpreter: &Interpreter, project: &ProjectName) -> Result<Self, String> {
        let inside = |path: &Path| {
            // Plain components, whatever the interpreter wrote: paths are compared as bytes later.
            let relative =
                path.strip_prefix(&interpreter.prefix).map(|inside| inside.components().collect::<PathBuf>());
            relative.map_err(|_| format!("{} lies outside the environment", path.display()))
        };
        let Scheme { purelib, platlib, scripts, data, include } = &interpreter.scheme;
        Ok(Self {
            purelib: inside(purelib)?,
            platlib: inside(platlib)?,
            scripts: inside(scripts)?,
            headers: inside(include)?.join(project.as_str()),
            data: inside(data)?,
        })
    }

    fn part(&self, part: Part) -> &Path {
        match part {
            Part::Purelib => &self.purelib,
            Part::Platlib => &self.platlib,
            Part::Scripts => &self.scripts,
            Part::Headers => &self.headers,
            Part::Data => &self.data,
        }
    }
}

struct Placing<'a> {
    tree: &'a Tree,
    interpreter: &'a Interpreter,
    roots: &'a Roots,
    files: Vec<Placed>,
    rows: Vec<(PathBuf, ContentId, u64)>,
}

impl Placing<'_> {
    fn file(&mut self, number: usize, file: &TreeFile, part: Part, path: PathBuf) -> Result<(), StoreError> {
        if part == Part::Scripts {
            let bytes = self.tree.read(file, LARGEST_SCRIPT)?;
            let filled = with_shebang(&bytes, &self.interpreter.executable);
            // Programs can be executed, whatever the archive says.
            if filled.is_some() || file.mode != 0o755 {
                self.bytes(path, filled.unwrap_or(bytes), 0o755);
                return Ok(());
            }
        }
        self.rows.push((path.clone(), file.sha256, file.size()));
        self.files.push(Placed { path, content: Content::Tree(number), id: file.sha256 });
        Ok(())
    }

    fn bytes(&mut self, path: PathBuf, bytes: Vec<u8>, mode: u32) {
        let id = ContentId::of(&bytes);
        self.rows.push((path.clone(), id, bytes.len() as u64));
        self.files.push(Placed { path, content: Content::Bytes(bytes, mode), id });
    }

    fn launchers(&mut self, entry_points: &[EntryPoint]) {
        for entry in entry_points {
            let path = self.roots.scripts.join(&entry.name);
            // A script of the same name that the wheel brings itself counts more.
            if !self.files.iter().any(|file| file.path.as_os_str() == path.as_os_str()) {
                self.bytes(path, launcher(entry, &self.interpreter.executable), 0o755);
            }
        }
    }

    /// What an installer says about what it did, and the list of it all.
    fn notes(&mut self, addition: &Addition, folder: &str, root_is_purelib: bool) {
        let packages = if root_is_purelib { &self.roots.purelib } else { &self.roots.platlib };
        let (packages, folder) = (packages.clone(), packages.join(folder));
        let own = |name: &str| folder.join(name);
        let ours = ["INSTALLER", "REQUESTED", "direct_url.json"].map(own);
        let is_ours = |path: &Path| ours.iter().any(|own| own.as_os_str() == path.as_os_str());
        self.files.retain(|file| !is_ours(&file.path));
        self.rows.retain(|(path, ..)| !is_ours(path));
        self.bytes(own("INSTALLER"), b"stratheal\n".to_vec(), 0o644);
        if addition.requested {
            self.bytes(own("REQUESTED"), Vec::new(), 0o644);
        }
        if let Some(url) = &addition.direct_url {
            self.bytes(own("direct_url.json"), url.to_string().into_bytes(), 0o644);
        }
        let row = |path: &Path, content| Row { path: relative(path, &packages), content };
        let mut rows: Vec<Row> = self.rows.iter().map(|(path, id, size)| row(path, Some((*id, *size)))).collect();
        rows.push(row(&own("RECORD"), None));
        let text = write_record(rows);
        self.bytes(own("RECORD"), text.into_bytes(), 0o644);
    }
}

/// A path relative to a folder, both relative to the root, as RECORD writes it.
fn relative(path: &Path, folder: &Path) -> String {
    let same = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().count() - same;
    let down = path.components().skip(same).filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    let parts: Vec<_> = std::iter::repeat_n("..".into(), up).chain(down).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_relative() {
        let at = |path: &str| relative(Path::new(path), Path::new("lib/python3.12/site-packages"));
        assert_eq!(at("lib/python3.12/site-packages/a/b.py"), "a/b.py");
        assert_eq!(at("bin/run"), "../../../bin/run");
        assert_eq!(at("lib/python3.12/x"), "../x");
    }
}
