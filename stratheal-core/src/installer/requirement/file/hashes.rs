//! The hashes that a requirement allows.

use std::collections::{BTreeMap, BTreeSet};

use crate::objects::ContentId;

/// The most hashes of one requirement. A project with a wheel for everybody has about a hundred.
const MOST: usize = 10_000;

/// The algorithms that are strong enough, with the length of their digests in hexadecimal digits.
const STRONG: &[(&str, usize)] = &[("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// Hashes of which a file must have one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WantedHashes {
    /// SHA-256.
    pub sha256: BTreeSet<ContentId>,
    /// The other strong ones: `sha384` or `sha512` to digests in lower case.
    pub others: BTreeMap<String, BTreeSet<String>>,
}

impl WantedHashes {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sha256.is_empty() && self.others.is_empty()
    }

    /// Adds `algorithm:digest`, as the option `--hash` has it.
    pub(super) fn add(&mut self, text: &str) -> Result<(), &'static str> {
        let (algorithm, digest) = text.split_once(':').ok_or("needs `--hash=sha256:` and a digest")?;
        self.add_digest(algorithm, digest)
    }

    fn add_digest(&mut self, algorithm: &str, digest: &str) -> Result<(), &'static str> {
        let digest = digest.trim().to_ascii_lowercase();
        let strong = STRONG.iter().find(|(name, _)| *name == algorithm);
        let (_, length) = strong.ok_or("has a hash that is none of sha256, sha384 and sha512")?;
        if digest.len() != *length || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("has a hash that is too short, too long, or not hexadecimal");
        }
        if self.sha256.len() + self.others.values().map(BTreeSet::len).sum::<usize>() >= MOST {
            return Err("has too many hashes");
        }
        match digest.parse() {
            Ok(id) if algorithm == "sha256" => {
                self.sha256.insert(id);
            }
            _ => {
                self.others.entry(algorithm.to_owned()).or_default().insert(digest);
            }
        }
        Ok(())
    }

    /// The strong hash in the fragment of a URL. A weak or damaged one is none.
    pub(super) fn of_fragment(url: &str) -> Self {
        let mut hashes = Self::default();
        let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
        for (algorithm, digest) in fragment.split('&').filter_map(|part| part.split_once('=')) {
            // What is not a strong hash is something else, such as `egg`.
            let _is_none = hashes.add_digest(algorithm, digest).is_err();
        }
        hashes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_fragments() {
        let id = ContentId::of(b"x");
        let mut hashes = WantedHashes::default();
        assert_eq!(hashes.add(&format!("sha256:{}", id.to_string().to_uppercase())), Ok(()));
        assert_eq!(hashes.add(&format!("sha512:{}", "0".repeat(128))), Ok(()));
        assert_eq!((hashes.sha256.first(), hashes.others.len()), (Some(&id), 1));
        for text in ["sha256", "md5:00", "sha256:00", &format!("sha256:{}", "x".repeat(64))] {
            assert!(hashes.add(text).is_err(), "{text}");
        }
        let url = format!("https://h.example/a.whl#egg=a&md5=0&sha256={id}");
        assert_eq!(WantedHashes::of_fragment(&url).sha256.first(), Some(&id));
        assert!(WantedHashes::of_fragment("https://h.example/a.whl").is_empty());
    }
}
