//! What a requirement is: a project by its name, or a path, a URL or a repository.
//!
//! Decided by the text alone, as pip does it where it does not look at the disk: a scheme makes a URL; a separator in front, or the
//! ending of an archive, makes a path.

use std::path::{Path, PathBuf};

use super::read::lexical;
use super::{Reference, WantedHashes, What};
use crate::base::redact::Secret;
use crate::index::{DistributionKind, DistributionName};
use crate::installer::requirement::cursor::Cursor;
use crate::installer::requirement::named::read_extras;
use crate::installer::requirement::{ExtraName, InvalidRequirement, Marker, Requirement, RequirementSource};

const REPOSITORIES: &[&str] = &["git", "hg", "svn", "bzr"];

const ARCHIVES: &[&str] =
    &[".whl", ".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.lz", ".tlz", ".tar.lzma"];

/// Reads a requirement. Relative paths lead from `folder`.
pub(super) fn parse(text: &str, folder: &Path) -> Result<What, InvalidRequirement> {
    if let Some(kind) = scheme(text) {
        return url(text, kind, folder);
    }
    if is_path(text) {
        return path(text, folder);
    }
    text.parse().map(What::Named)
}

/// Reads what is to be installed as an editable: a path unless it is a repository.
pub(super) fn parse_editable(text: &str, folder: &Path) -> Result<What, InvalidRequirement> {
    let refused = "is no path and no repository such as `git+https://`, and only these can be editable";
    let error = || Cursor::new(text).map_or_else(|error| error, |cursor| cursor.error(refused));
    if let Ok(named) = text.parse::<Requirement>()
        && let RequirementSource::Url(url) = &named.source
    {
        let may_be = matches!(scheme(url.expose()), Some(Kind::Vcs | Kind::File));
        return if may_be { Ok(What::Named(named)) } else { Err(error()) };
    }
    // `git://host/path` means the same as `git+git://host/path`.
    let short = REPOSITORIES.iter().find(|name| text.to_ascii_lowercase().starts_with(&format!("{name}:")));
    let text = short.map_or_else(|| text.to_owned(), |name| format!("{name}+{text}"));
    match scheme(&text) {
        Some(Kind::Remote) => Err(error()),
        Some(kind) => url(&text, kind, folder),
        None => path(&text, folder),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Remote,
    Vcs,
}

fn scheme(text: &str) -> Option<Kind> {
    let scheme = text.split_once(':')?.0.to_ascii_lowercase();
    match scheme.as_str() {
        "file" => Some(Kind::File),
        "http" | "https" | "ftp" => Some(Kind::Remote),
        other => other.split_once('+').filter(|(name, _)| REPOSITORIES.contains(name)).map(|_| Kind::Vcs),
    }
}

fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ARCHIVES.iter().any(|ending| name.ends_with(ending))
}

fn is_path(text: &str) -> bool {
    let before_marker = text.split(';').next().unwrap_or_default().trim();
    let (place, _) = before_marker.split_once('[').unwrap_or((before_marker, ""));
    // A slash behind an `@` belongs to a URL.
    let plain = !place.contains(['@', '=', '<', '>', '~', '!', ',', '(']);
    place.starts_with(['.', '/', '\\']) || (plain && (place.contains(['/', '\\']) || is_archive(place)))
}

/// Divides `path[extras] ; marker`.
fn path(text: &str, folder: &Path) -> Result<What, InvalidRequirement> {
    let (place, marker) = text.split_once(';').map_or((text, None), |(place, marker)| (place, Some(marker)));
    let (place, extras) = divide_extras(place.trim())?;
    if place.is_empty() || place.contains('\0') {
        return Err(Cursor::new(text)?.error("has no path"));
    }
    let marker = marker.filter(|marker| !marker.trim().is_empty()).map(str::parse).transpose()?;
    Ok(local(&folder.join(place), extras, marker, ""))
}

/// The part before brackets at the end, and the extras in them.
fn divide_extras(text: &str) -> Result<(&str, Vec<ExtraName>), InvalidRequirement> {
    let Some(at) = text.rfind('[').filter(|at| *at > 0 && text.ends_with(']')) else { return Ok((text, Vec::new())) };
    let mut cursor = Cursor::new(text)?;
    cursor.back_to(at);
    let extras = read_extras(&mut cursor)?;
    Ok((text[..at].trim_end(), extras))
}

fn local(path: &Path, extras: Vec<ExtraName>, marker: Option<Marker>, fragment: &str) -> What {
    let path = lexical(path);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    What::Path(reference(path.clone(), name, extras, marker, fragment))
}

fn url(text: &str, kind: Kind, folder: &Path) -> Result<What, InvalidRequirement> {
    let mut cursor = Cursor::new(text)?;
    let mut url = cursor.take_while(|character| !matches!(character, ' ' | '\t'));
    cursor.skip_blanks();
    let has_marker = match url.strip_suffix(';') {
        Some(before) => {
            url = before;
            !cursor.rest().is_empty()
        }
        None => cursor.eat(";"),
    };
    let marker = if has_marker { Some(Marker::read(&mut cursor)?) } else { None };
    cursor.end("has something behind the URL: a marker needs ` ; ` before it")?;
    if url.chars().any(char::is_control) {
        return Err(Cursor::new(text)?.error("has a control character in its URL"));
    }
    let (place, fragment) = url.split_once('#').unwrap_or((url, ""));
    if kind == Kind::File {
        let (_, extras) = divide_extras(place)?;
        let path = file_path(place).ok_or_else(|| cursor.error_at(0, "names a file on another machine"))?;
        return Ok(local(&folder.join(path), extras, marker, fragment));
    }
    let file = place.split('?').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let reference = reference(Secret::new(url.to_owned()), file, Vec::new(), marker, fragment);
    Ok(if kind == Kind::Vcs { What::Vcs(reference) } else { What::Url(reference) })
}

/// The path of a `file:` URL on this machine.
pub(in crate::installer) fn file_path(url: &str) -> Option<PathBuf> {
    let place = url.split('#').next().unwrap_or_default().get("file:".len()..)?;
    let place = place.split_once('[').map_or(place, |(place, _)| place);
    let Some(rest) = place.strip_prefix("//") else {
        return Some(PathBuf::from(crate::index::percent_decoded(place).as_ref()));
    };
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    path.starts_with('/').then(|| PathBuf::from(crate::index::percent_decoded(path).as_ref()))
}

fn reference<T>(target: T, file: &str, extras: Vec<ExtraName>, marker: Option<Marker>, fragment: &str) -> Reference<T> {
    let value = |key: &str| fragment.split('&').filter_map(|part| part.split_once('=')).find(|(name, _)| *name == key);
    // An `egg` that is no name says nothing, as in pip before it refused them.
    let egg = value("egg").and_then(|(_, egg)| crate::index::percent_decoded(egg).parse::<Requirement>().ok());
    let file = DistributionName::parse(&crate::index::percent_decoded(file), None).ok();
    let wheel = file.filter(|name| matches!(name.kind, DistributionKind::Wheel(_))).map(|name| name.project);
    let (name, egg_extras) = egg.map_or((None, Vec::new()), |egg| (Some(egg.name), egg.extras));
    Reference {
        target,
        name: wheel.or(name),
        extras: if extras.is_empty() { egg_extras } else { extras },
        subdirectory: value("subdirectory").map(|(_, folder)| crate::index::percent_decoded(folder).into_owned()),
        hashes: WantedHashes::of_fragment(&format!("#{fragment}")),
        marker,
    }
}

#[cfg(test)]
mod tests;
