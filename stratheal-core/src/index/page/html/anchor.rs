//! What the attributes of an anchor say about the file it leads to.

use url::Url;

use crate::index::page::left_out::{LeftOutReason, name_of};
use crate::index::page::loose::LooseHashes;
use crate::index::page::tokens::Attributes;
use crate::index::page::{CoreMetadata, IndexFile, Yanked};

/// An anchor whose text is still to come.
pub(super) struct Anchor {
    pub(super) href: String,
    pub(super) text: String,
    /// Everything that attributes say; name, URL and the hash in the URL are still missing.
    requires_python: Option<String>,
    yanked: Yanked,
    core_metadata: CoreMetadata,
    gpg_sig: Option<bool>,
    provenance: Option<String>,
    is_too_long: bool,
}

impl Anchor {
    pub(super) fn new(href: &str, attributes: &Attributes, limit: usize) -> Self {
        let owned = |name| attributes.get(name).map(str::to_owned);
        let texts = ["data-requires-python", "data-yanked", "data-provenance"];
        Self {
            href: href.to_owned(),
            text: String::new(),
            requires_python: owned("data-requires-python"),
            yanked: owned("data-yanked").map_or(Yanked::No, Yanked::Yes),
            core_metadata: ["data-core-metadata", "data-dist-info-metadata"]
                .into_iter()
                .find_map(|name| attributes.get(name))
                .map(core_metadata)
                .unwrap_or_default(),
            gpg_sig: attributes.get("data-gpg-sig").and_then(|text| text.parse().ok()),
            provenance: owned("data-provenance"),
            is_too_long: texts.iter().any(|name| attributes.get(name).is_some_and(|text| text.len() > limit)),
        }
    }

    /// The file it leads to, unless that has to be left out.
    pub(super) fn file(self, name: String, url: Url, fragment: Option<&str>) -> Result<IndexFile, LeftOutReason> {
        if self.is_too_long {
            return Err(LeftOutReason::TooLong);
        }
        let name = name_of(name.into())?;
        let found = fragment.map(hashes).unwrap_or_default();
        if found.is_bad {
            return Err(LeftOutReason::Hash);
        }
        Ok(IndexFile {
            name,
            url,
            hashes: found.hashes,
            size: None,
            upload_time: None,
            requires_python: self.requires_python,
            yanked: self.yanked,
            core_metadata: self.core_metadata,
            gpg_sig: self.gpg_sig,
            provenance: self.provenance,
            unknown: serde_json::Map::new(),
        })
    }
}

/// `true`, or a hash as in a fragment.
fn core_metadata(text: &str) -> CoreMetadata {
    if text.eq_ignore_ascii_case("false") {
        return CoreMetadata::Absent;
    }
    let found = hashes(text);
    // A hash that is none cannot be checked, so the metadata is taken from the wheel instead.
    if found.is_bad { CoreMetadata::Absent } else { CoreMetadata::Present(found.hashes) }
}

/// `sha256=...`, as it stands in fragments; several are joined with `&`.
fn hashes(text: &str) -> LooseHashes {
    let mut found = LooseHashes::default();
    for (algorithm, digest) in text.split('&').filter_map(|pair| pair.split_once('=')) {
        // `egg=` and `subdirectory=` may stand there, too.
        if !matches!(algorithm, "egg" | "subdirectory") {
            found.add(algorithm, digest);
        }
    }
    found
}
