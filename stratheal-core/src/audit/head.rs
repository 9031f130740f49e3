//! [`Head`]: the end of a log, which stands for all that is before it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The SHA-256 of a record and, through the one before it, of all records before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordHash([u8; 32]);

impl RecordHash {
    /// How many characters it has as text.
    pub(super) const LENGTH: usize = 64;

    /// The hash of a record with these bytes behind a record with this hash.
    pub(super) fn chained(previous: Self, body: &[u8]) -> Self {
        Self(Sha256::new().chain_update(previous.0).chain_update(body).finalize().into())
    }

    /// The hash of bytes that are no record.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RecordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<RecordHash> for String {
    fn from(hash: RecordHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for RecordHash {
    type Error = InvalidHead;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl FromStr for RecordHash {
    type Err = InvalidHead;

    /// Only lowercase: one hash has one text, so that a changed letter is a changed record.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        if text.len() != Self::LENGTH {
            return Err(InvalidHead);
        }
        for (place, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *place = digit(pair[0]).zip(digit(pair[1])).map(|(high, low)| high * 16 + low).ok_or(InvalidHead)?;
        }
        Ok(Self(bytes))
    }
}

/// The end of a log. Written down elsewhere, it proves later that nothing before it was changed or cut off.
///
/// ```
/// use stratheal_core::audit::Head;
/// let head = Head::default();
/// assert_eq!(head.to_string().parse(), Ok(head));
/// assert!("7:abc".parse::<Head>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Head {
    /// The number of the last record; 0 for an empty log.
    pub seq: u64,
    /// Its hash; zeros for an empty log.
    pub hash: RecordHash,
}

/// A text is no head of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no head of an audit log: it is a number, a colon, and 64 lowercase hexadecimal digits")]
pub struct InvalidHead;

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (seq, hash) = text.split_once(':').ok_or(InvalidHead)?;
        Ok(Self { seq: seq.parse().map_err(|_| InvalidHead)?, hash: hash.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_hash_has_one_text() {
        let text = RecordHash::of(b"x").to_string();
        assert_eq!(text.parse(), Ok(RecordHash::of(b"x")));
        assert!(text.to_uppercase().parse::<RecordHash>().is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,70}", near in "[0-9]{0,20}:[0-9a-fé]{60,66}") {
            for text in [text, near] {
                if let Ok(head) = text.parse::<Head>() {
                    prop_assert_eq!(head.to_string().parse(), Ok(head));
                }
            }
        }
    }
}
