//! Reads the JSON form of a project's page in one pass, without a tree in between.
//!
//! PEP 691 (form), 592 (yanked), 629 (versions of the API), 658 and 714 (metadata), 700 (versions, size, upload time), 708
//! (tracks, alternate locations), 740 (provenance), 792 (status). Unknown keys are kept, because the page is passed on.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::left_out::without_doubles;
use super::loose::{Kept, Loose, Text};
use super::{IndexFile, LeftOut, PageContext, PageError, PageMeta, ParsedPage, ProjectPage, ProjectStatus};

impl ProjectPage {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`PageError`] when the page cannot be believed as a whole: cut off, too large, of another project or a newer major version.
    pub fn from_json(body: &[u8], context: &PageContext) -> Result<ParsedPage, PageError> {
        if body.len() > context.limits.bytes {
            return Err(PageError::TooLarge(context.limits.bytes));
        }
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(PageError::Empty);
        }
        let reading =
            Reading { context, unknown_budget: Cell::new(context.limits.unknown_values), too_many: Cell::new(false) };
        let mut deserializer = serde_json::Deserializer::from_slice(body);
        let draft = (&reading)
            .deserialize(&mut deserializer)
            .and_then(|draft| deserializer.end().map(|()| draft))
            .map_err(|error| reading.explain(&error))?;
        draft.finish(context)
    }
}

/// `major.minor` of the API version; an absent one is 1.0. A newer minor version only adds (PEP 629).
pub(super) fn api_version(text: Option<&str>) -> Result<(u32, u32), PageError> {
    let Some(text) = text.map(str::trim) else { return Ok((1, 0)) };
    let parsed = match text.split_once('.') {
        Some((major, minor)) => major.parse().ok().zip(minor.parse().ok()),
        None => text.parse().ok().map(|major| (major, 0)),
    };
    match parsed {
        Some((1, minor)) => Ok((1, minor)),
        Some((0, _)) | None => Err(PageError::Damaged(format!("`{}` is no API version", super::left_out::shown(text)))),
        Some(_) => Err(PageError::NewerMajor(super::left_out::shown(text))),
    }
}

mod file;

use file::File;

struct Reading<'c> {
    context: &'c PageContext,
    unknown_budget: Cell<usize>,
    too_many: Cell<bool>,
}

impl Reading<'_> {
    fn explain(&self, error: &serde_json::Error) -> PageError {
        if self.too_many.get() {
            PageError::TooMany(self.context.limits.entries)
        } else if error.is_eof() {
            PageError::Truncated(error.to_string())
        } else {
            PageError::Damaged(error.to_string())
        }
    }

    /// Counts up to the limit of entries.
    fn within_limit<E: Error>(&self, count: usize) -> Result<(), E> {
        if count <= self.context.limits.entries {
            return Ok(());
        }
        self.too_many.set(true);
        Err(E::custom("too many entries"))
    }
}

#[derive(Default)]
struct Draft {
    name: Option<String>,
    api_version: Option<String>,
    last_serial: Option<u64>,
    tracks: Vec<String>,
    meta_unknown: Map<String, Value>,
    files: Option<Vec<IndexFile>>,
    left_out: LeftOut,
    versions: Option<Vec<String>>,
    status: Option<ProjectStatus>,
    alternate_locations: Vec<String>,
    unknown: Map<String, Value>,
}

impl Draft {
    fn finish(mut self, context: &PageContext) -> Result<ParsedPage, PageError> {
        let api_version = api_version(self.api_version.as_deref())?;
        if let Some(got) = self.name
            && got.parse().ok().as_ref() != Some(&context.project)
        {
            let (asked, got) = (context.project.to_string(), super::left_out::shown(&got));
            return Err(PageError::OtherProject { asked, got });
        }
        let files = self.files.ok_or_else(|| PageError::NotAnIndex("it has no `files`".to_owned()))?;
        let files = without_doubles(files, context, &mut self.left_out);
        let meta =
            PageMeta { api_version, last_serial: self.last_serial, tracks: self.tracks, unknown: self.meta_unknown };
        let page = ProjectPage {
            name: context.project.clone(),
            meta,
            files,
            versions: self.versions,
            status: self.status,
            alternate_locations: self.alternate_locations,
            unknown: self.unknown,
        };
        Ok(ParsedPage { page, left_out: self.left_out })
    }
}

impl<'de> DeserializeSeed<'de> for &Reading<'_> {
    type Value = Draft;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Draft, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &Reading<'_> {
    type Value = Draft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the page of a project")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Draft, A::Error> {
        let mut draft = Draft::default();
        while let Some(Text(key)) = entries.next_key()? {
            match key.as_ref() {
                "meta" => entries.next_value_seed(Meta { reading: self, draft: &mut draft })?,
                "name" => draft.name = entries.next_value::<Loose<'de>>()?.into_text().map(Into::into),
                "files" => {
                    draft.left_out = LeftOut::default();
                    let files = entries.next_value_seed(Files { reading: self, left_out: &mut draft.left_out })?;
                    draft.files = Some(files);
                }
                "versions" => draft.versions = entries.next_value_seed(Texts(self))?,
                "alternate-locations" => {
                    draft.alternate_locations = entries.next_value_seed(Texts(self))?.unwrap_or_default();
                }
                "project-status" => draft.status = status(&entries.next_value_seed(Kept(&self.unknown_budget))?),
                _ => {
                    let value = entries.next_value_seed(Kept(&self.unknown_budget))?;
                    draft.unknown.insert(key.into_owned(), value);
                }
            }
        }
        Ok(draft)
    }
}

/// PEP 792: an object; a bare text is taken for the status alone.
fn status(value: &Value) -> Option<ProjectStatus> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let status = value.as_str().map_or_else(|| value.get("status").and_then(text), |status| Some(status.to_owned()))?;
    Some(ProjectStatus { status, reason: value.get("reason").and_then(text) })
}

struct Meta<'a, 'c> {
    reading: &'a Reading<'c>,
    draft: &'a mut Draft,
}

impl<'de> DeserializeSeed<'de> for Meta<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Meta<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`meta`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = entries.next_key()? {
            match key.as_ref() {
                "api-version" => {
                    let version = entries.next_value::<Loose<'de>>()?.into_text();
                    // One of a wrong type is no version, and must not pass for an absent one.
                    self.draft.api_version = Some(version.map(Into::into).unwrap_or_default());
                }
                "_last-serial" => self.draft.last_serial = entries.next_value::<Loose<'de>>()?.as_number(),
                "tracks" => self.draft.tracks = entries.next_value_seed(Texts(self.reading))?.unwrap_or_default(),
                _ => {
                    let value = entries.next_value_seed(Kept(&self.reading.unknown_budget))?;
                    self.draft.meta_unknown.insert(key.into_owned(), value);
                }
            }
        }
        Ok(())
    }
}

/// A list of texts, or `None` for anything else.
struct Texts<'a, 'c>(&'a Reading<'c>);

impl<'de> DeserializeSeed<'de> for Texts<'_, '_> {
    type Value = Option<Vec<String>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_, '_> {
    type Value = Option<Vec<String>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        let mut count = 0;
        while let Some(item) = items.next_element::<Loose<'de>>()? {
            count += 1;
            self.0.within_limit(count)?;
            if let Some(text) = item.into_text()
                && text.len() <= self.0.context.limits.text
            {
                texts.push(text.into_owned());
            }
        }
        Ok(Some(texts))
    }
}

struct Files<'a, 'c> {
    reading: &'a Reading<'c>,
    left_out: &'a mut LeftOut,
}

impl<'de> DeserializeSeed<'de> for Files<'_, '_> {
    type Value = Vec<IndexFile>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Files<'_, '_> {
    type Value = Vec<IndexFile>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut files = Vec::new();
        let mut count = 0;
        while let Some(draft) = items.next_element_seed(File(self.reading))? {
            count += 1;
            self.reading.within_limit(count)?;
            let name = draft.name.as_deref().unwrap_or_default().to_owned();
            match draft.finish(self.reading.context) {
                Ok(file) => files.push(file),
                Err(reason) => self.left_out.add(&name, reason),
            }
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests;
