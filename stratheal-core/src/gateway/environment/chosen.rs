//! The indexes that somebody chose for a command, where the command asks them itself, through the proxy.
//!
//! A client whose index is not the gateway asks its own default, unless it is told otherwise. It is told the URL as it was written: a
//! lock holds it like that. Its credentials are the gateway's to send.

use url::Url;

use super::{Bypass, Client, Given, Plugin};
use crate::base::redact::safe_url;

/// The indexes of an option or a setting, without credentials. Empty: the client is left to its own configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chosen {
    default: Option<String>,
    extra: Vec<String>,
}

impl Chosen {
    /// What a bypass calls the place of an index that is not followed.
    pub const PLACE: &'static str = "the chosen index";

    /// Takes the default index and further ones, as they were written. What is no URL is left out.
    #[must_use]
    pub fn new<'a>(default: Option<&str>, extra: impl IntoIterator<Item = &'a str>) -> Self {
        Self { default: default.and_then(without_login), extra: extra.into_iter().filter_map(without_login).collect() }
    }

    /// The default index.
    #[must_use]
    pub fn default_index(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Further indexes, in their order.
    #[must_use]
    pub fn extra_indexes(&self) -> &[String] {
        &self.extra
    }

    /// What a client of the proxy does not learn, because it reads no variable for it.
    pub(super) fn not_followed(&self, client: Client, given: &Given, plugin: Plugin) -> Option<Bypass> {
        let meaning = match client {
            Client::Poetry if plugin != Plugin::Found => {
                "poetry reads no variable for its index without poetry-plugin-pypi-mirror: it asks the sources in pyproject.toml or its \
                 own default; name it there as a source"
            }
            Client::Pip if given.ignores_variables => {
                "--isolated keeps pip from reading variables, so it asks its own default; name the index with --index-url"
            }
            _ => return None,
        };
        let what = safe_url(self.default.as_deref()?);
        Some(Bypass { what, place: Self::PLACE.to_owned(), meaning: format!("not followed: {meaning}") })
    }
}

fn without_login(text: &str) -> Option<String> {
    let mut url = Url::parse(text.trim()).ok()?;
    if url.username().is_empty() && url.password().is_none() {
        return Some(text.trim().to_owned());
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_written_but_for_the_login() {
        let chosen = Chosen::new(Some(" https://a.example/simple "), ["https://me:hunter2@b.example/x/", "nonsense"]);
        assert_eq!(chosen.default_index(), Some("https://a.example/simple"));
        assert_eq!(chosen.extra_indexes(), ["https://b.example/x/"]);
    }
}
