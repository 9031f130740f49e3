//! Editables: what an engine installs in an environment of its own, packed as a wheel.
//!
//! Build backends make wheels of editables for the installer that asks (PEP 660), but no engine hands one out. What it installs says the
//! same: its RECORD lists the files, and where they lie tells where a wheel has them ("Binary distribution format").

use std::fmt::Write as _;
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::base::fs::read_text;
use crate::installer::installed::{Distribution, Installed, Owned};
use crate::installer::python::Interpreter;
use crate::installer::wheel::{Row, parse_entry_points, write_record};
use crate::objects::ContentId;

/// The largest file of an editable, in bytes: its modules stay where they are.
const LARGEST: u64 = 256 << 20;

/// What installers add.
const OF_INSTALLERS: &[&str] =
    &["INSTALLER", "REQUESTED", "direct_url.json", "RECORD", "uv_cache.json", "uv_build.json"];

/// Packs what is installed in an environment, which has to be one project. Answers the name of the wheel and its bytes.
pub(super) fn pack(interpreter: &Interpreter) -> io::Result<(String, Vec<u8>)> {
    let root = &interpreter.prefix;
    let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let scheme = &interpreter.scheme;
    let installed = Installed::scan([scheme.purelib.as_path(), scheme.platlib.as_path()])?;
    let mut projects = installed.distributions.values();
    let (Some(project), None) = (projects.next(), projects.next()) else {
        return Err(invalid("more or less than one project was installed".to_owned()));
    };
    let record = project.record().map_err(invalid)?;
    let packages = project.folder.parent().and_then(|folder| folder.strip_prefix(root).ok());
    let packages = packages.ok_or_else(|| invalid("it was installed somewhere else".to_owned()))?;
    let owned = Owned::of(&record, packages, root);
    let packing = Packing::of(project, packages, interpreter)?;
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut rows = Vec::new();
    for path in &owned.files {
        let Some(name) = packing.name(path) else { continue };
        let (bytes, mode) = read(&root.join(path))?;
        let bytes = if name.starts_with(&packing.scripts) { without_shebang(bytes, root) } else { bytes };
        rows.push(Row { path: name.clone(), content: Some((ContentId::of(&bytes), bytes.len() as u64)) });
        put(&mut writer, &name, &bytes, mode)?;
    }
    let record = format!("{}/RECORD", packing.folder);
    rows.push(Row { path: record.clone(), content: None });
    put(&mut writer, &record, write_record(rows).as_bytes(), 0o644)?;
    let bytes = writer.finish().map_err(io::Error::other)?.into_inner();
    Ok((packing.wheel, bytes))
}

/// What becomes of which file.
struct Packing {
    /// The name of the wheel.
    wheel: String,
    /// The `.dist-info`.
    folder: String,
    /// Where scripts lie in it.
    scripts: String,
    /// The programs that installers make.
    launchers: Vec<String>,
    packages: PathBuf,
    programs: PathBuf,
}

impl Packing {
    fn of(project: &Distribution, packages: &Path, interpreter: &Interpreter) -> io::Result<Self> {
        /// The largest WHEEL and `entry_points.txt`, in bytes.
        const LARGEST: u64 = 1 << 20;
        let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidData, text.to_owned());
        let folder = project.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let stem = folder.strip_suffix(".dist-info").ok_or_else(|| invalid("its metadata has an odd name"))?;
        let wheel = read_text(&project.folder.join("WHEEL"), LARGEST)?;
        let tag = wheel.lines().find_map(|line| line.strip_prefix("Tag:")).map_or("py3-none-any", str::trim);
        let entry_points = match read_text(&project.folder.join("entry_points.txt"), LARGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            text => parse_entry_points(&text?).map_err(|error| invalid(&error.to_string()))?,
        };
        let programs = interpreter.scheme.scripts.strip_prefix(&interpreter.prefix);
        let programs = programs.map_err(|_| invalid("its programs lie elsewhere"))?.to_owned();
        Ok(Self {
            wheel: format!("{stem}-{tag}.whl"),
            scripts: format!("{stem}.data/scripts/"),
            launchers: entry_points.into_iter().map(|one| one.name).collect(),
            folder,
            packages: packages.to_owned(),
            programs,
        })
    }

    /// What a wheel calls a file. `None` for what installers make.
    fn name(&self, path: &Path) -> Option<String> {
        if path.extension().is_some_and(|extension| extension == "pyc") {
            return None;
        }
        if let Ok(inside) = path.strip_prefix(&self.packages) {
            let name = slashes(inside);
            let note = name.strip_prefix(&self.folder).and_then(|rest| rest.strip_prefix('/'));
            return (!note.is_some_and(|note| OF_INSTALLERS.contains(&note))).then_some(name);
        }
        if let Ok(inside) = path.strip_prefix(&self.programs) {
            let name = slashes(inside);
            return (!self.launchers.contains(&name)).then(|| format!("{}{name}", self.scripts));
        }
        let data = self.scripts.trim_end_matches("scripts/");
        Some(format!("{data}data/{}", slashes(path)))
    }
}

fn slashes(path: &Path) -> String {
    path.iter().fold(String::new(), |mut text, part| {
        let slash = if text.is_empty() { "" } else { "/" };
        let _ = write!(text, "{slash}{}", part.to_string_lossy());
        text
    })
}

fn read(path: &Path) -> io::Result<(Vec<u8>, u32)> {
    let metadata = std::fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is no file for a wheel", path.display())));
    }
    #[cfg(unix)]
    let mode = std::os::unix::fs::MetadataExt::mode(&metadata) & 0o777;
    #[cfg(not(unix))]
    let mode = 0o644;
    Ok((std::fs::read(path)?, mode))
}

fn put(writer: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    // The same files are the same wheel: no time of day.
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(mode);
    writer.start_file(name, options).map_err(io::Error::other)?;
    writer.write_all(bytes)
}

/// A script as a wheel has it: the first line is for whoever installs it to fill in.
fn without_shebang(bytes: Vec<u8>, root: &Path) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let line = String::from_utf8_lossy(&bytes[..end]);
    if !line.starts_with("#!") || !line.contains(&*root.to_string_lossy()) {
        return bytes;
    }
    [b"#!python", &bytes[end..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let packing = Packing {
            wheel: String::new(),
            folder: "demo-1.dist-info".to_owned(),
            scripts: "demo-1.data/scripts/".to_owned(),
            launchers: vec!["demo".to_owned()],
            packages: "lib/python3.12/site-packages".into(),
            programs: "bin".into(),
        };
        for (path, expected) in [
            ("lib/python3.12/site-packages/demo.pth", Some("demo.pth")),
            ("lib/python3.12/site-packages/demo-1.dist-info/METADATA", Some("demo-1.dist-info/METADATA")),
            ("lib/python3.12/site-packages/demo-1.dist-info/RECORD", None),
            ("lib/python3.12/site-packages/demo-1.dist-info/direct_url.json", None),
            ("lib/python3.12/site-packages/__pycache__/a.pyc", None),
            ("bin/demo", None),
            ("bin/other", Some("demo-1.data/scripts/other")),
            ("share/x", Some("demo-1.data/data/share/x")),
        ] {
            assert_eq!(packing.name(Path::new(path)).as_deref(), expected, "{path}");
        }
        assert_eq!(without_shebang(b"#!/s/env/bin/python\nx".to_vec(), Path::new("/s/env")), b"#!python\nx");
        assert_eq!(without_shebang(b"#!/bin/sh\nx".to_vec(), Path::new("/s/env")), b"#!/bin/sh\nx");
    }
}
