//! One file of a page in JSON.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::Reading;
use crate::index::Hashes;
use crate::index::page::left_out::{LeftOutReason, name_of, url_of};
use crate::index::page::loose::{Kept, Loose, LooseHashes, Text};
use crate::index::page::{CoreMetadata, IndexFile, PageContext, Yanked};

/// What an entry says, before it is judged.
#[derive(Default)]
pub(super) struct FileDraft<'de> {
    pub(super) name: Option<Cow<'de, str>>,
    url: Option<Cow<'de, str>>,
    hashes: LooseHashes,
    size: Option<u64>,
    upload_time: Option<Timestamp>,
    requires_python: Option<String>,
    yanked: Yanked,
    /// By spelling: `core-metadata`, `dist-info-metadata`, and what one index once sent by mistake. The first one wins (PEP 714).
    core_metadata: [Option<CoreMetadata>; 3],
    gpg_sig: Option<bool>,
    provenance: Option<String>,
    unknown: Map<String, Value>,
    is_too_long: bool,
}

/// Reads one entry of `files`.
pub(super) struct File<'a, 'c>(pub(super) &'a Reading<'c>);

impl<'de> DeserializeSeed<'de> for File<'_, '_> {
    type Value = FileDraft<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_, '_> {
    type Value = FileDraft<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut file = FileDraft::default();
        let limit = self.0.context.limits.text;
        while let Some(Text(key)) = entries.next_key()? {
            let spelling = match key.as_ref() {
                "filename" | "url" | "hashes" | "size" | "upload-time" | "requires-python" | "yanked" | "gpg-sig"
                | "provenance" => None,
                "core-metadata" => Some(0),
                "dist-info-metadata" => Some(1),
                "data-dist-info-metadata" => Some(2),
                _ => {
                    let value = entries.next_value_seed(Kept(&self.0.unknown_budget))?;
                    file.unknown.insert(key.into_owned(), value);
                    continue;
                }
            };
            let value = entries.next_value::<Loose<'de>>()?;
            if let Loose::Text(text) = &value {
                file.is_too_long |= text.len() > limit;
            }
            match spelling {
                Some(spelling) => file.core_metadata[spelling] = core_metadata(value),
                None => file.set(&key, value),
            }
        }
        Ok(file)
    }
}

fn core_metadata(value: Loose<'_>) -> Option<CoreMetadata> {
    match value {
        Loose::Bool(true) => Some(CoreMetadata::Present(Hashes::default())),
        Loose::Bool(false) => Some(CoreMetadata::Absent),
        // A hash that is none cannot be checked, so the metadata is taken from the wheel instead.
        Loose::Hashes(found) if found.is_bad => Some(CoreMetadata::Absent),
        Loose::Hashes(found) => Some(CoreMetadata::Present(found.hashes)),
        _ => None,
    }
}

impl<'de> FileDraft<'de> {
    fn set(&mut self, key: &str, value: Loose<'de>) {
        match (key, value) {
            ("filename", value) => self.name = value.into_text(),
            ("url", value) => self.url = value.into_text(),
            ("hashes", Loose::Hashes(found)) => self.hashes = found,
            ("size", value) => self.size = value.as_number(),
            ("upload-time", value) => self.upload_time = value.into_text().and_then(|text| text.parse().ok()),
            ("requires-python", value) => self.requires_python = value.into_text().map(Into::into),
            ("yanked", Loose::Bool(true)) => self.yanked = Yanked::Yes(String::new()),
            ("yanked", Loose::Text(reason)) => self.yanked = Yanked::Yes(reason.into_owned()),
            ("gpg-sig", Loose::Bool(value)) => self.gpg_sig = Some(value),
            ("provenance", value) => self.provenance = value.into_text().map(Into::into),
            _ => {}
        }
    }

    /// The file, unless it has to be left out.
    pub(super) fn finish(self, context: &PageContext) -> Result<IndexFile, LeftOutReason> {
        if self.is_too_long {
            return Err(LeftOutReason::TooLong);
        }
        let (name, url) = self.name.zip(self.url).ok_or(LeftOutReason::Incomplete)?;
        let name = name_of(name)?;
        let (url, _) = url_of(&url, &context.base, context.limits.text)?;
        if self.hashes.is_bad {
            return Err(LeftOutReason::Hash);
        }
        let core_metadata = self.core_metadata.into_iter().flatten().next().unwrap_or_default();
        Ok(IndexFile {
            name,
            url,
            hashes: self.hashes.hashes,
            size: self.size,
            upload_time: self.upload_time,
            requires_python: self.requires_python,
            yanked: self.yanked,
            core_metadata,
            gpg_sig: self.gpg_sig,
            provenance: self.provenance,
            unknown: self.unknown,
        })
    }
}
