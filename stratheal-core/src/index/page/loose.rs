//! Values of JSON that may have a type which the specification does not foresee, without allocation where the text allows.
//!
//! A wrong type in one field of one file must not hide the whole page; an endless unknown value must not fill the memory.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::index::Hashes;

/// The most hashes of one file. Indexes give one to three.
const MOST_HASHES: usize = 16;

/// The longest digest in hexadecimal digits: twice that of SHA-512.
const LONGEST_DIGEST: usize = 256;

/// A text, borrowed unless it holds an escape.
pub(super) struct Text<'de>(pub(super) Cow<'de, str>);

/// Any value as far as a field of a page can use it.
pub(super) enum Loose<'de> {
    Null,
    Bool(bool),
    Number(u64),
    Text(Cow<'de, str>),
    /// A map of texts: hashes.
    Hashes(LooseHashes),
    /// Something that no field of a page can be.
    Other,
}

/// The hashes of a file. A SHA-256 that is none is told apart from one that is missing.
#[derive(Default)]
pub(super) struct LooseHashes {
    pub(super) hashes: Hashes,
    pub(super) is_bad: bool,
}

impl LooseHashes {
    /// Adds one, if it can be one at all: algorithm and digest go into HTML later.
    pub(super) fn add(&mut self, algorithm: &str, digest: &str) {
        if algorithm.eq_ignore_ascii_case("sha256") {
            self.hashes.sha256 = digest.parse().ok();
            self.is_bad = self.hashes.sha256.is_none();
            return;
        }
        let is_name = algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let is_digest = digest.bytes().all(|byte| byte.is_ascii_hexdigit()) && !digest.is_empty();
        let fits = algorithm.len() <= 32 && digest.len() <= LONGEST_DIGEST && self.hashes.others.len() < MOST_HASHES;
        if is_name && is_digest && fits && !algorithm.is_empty() {
            self.hashes.others.insert(algorithm.to_ascii_lowercase(), digest.to_ascii_lowercase());
        }
    }
}

impl<'de> Loose<'de> {
    pub(super) fn into_text(self) -> Option<Cow<'de, str>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub(super) const fn as_number(&self) -> Option<u64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Loose::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Loose::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut hashes = LooseHashes::default();
        while let Some(Text(algorithm)) = entries.next_key()? {
            match entries.next_value::<Loose<'de>>()? {
                Loose::Text(digest) => hashes.add(&algorithm, &digest),
                _ if algorithm == "sha256" => hashes.is_bad = true,
                _ => {}
            }
        }
        Ok(Loose::Hashes(hashes))
    }
}

impl<'de> Deserialize<'de> for Loose<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

/// Keeps a value whole, as long as there is a budget for its parts: in memory a small value takes twenty times its text.
pub(super) struct Kept<'b>(pub(super) &'b Cell<usize>);

impl Kept<'_> {
    fn spend<E: Error>(&self) -> Result<(), E> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| E::custom("too many values of unknown keys"))?;
        self.0.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Kept<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.spend()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Kept<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut kept = Vec::new();
        while let Some(item) = items.next_element_seed(Kept(self.0))? {
            kept.push(item);
        }
        Ok(Value::Array(kept))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(Text(key)) = entries.next_key()? {
            kept.insert(key.into_owned(), entries.next_value_seed(Kept(self.0))?);
        }
        Ok(Value::Object(kept))
    }
}
