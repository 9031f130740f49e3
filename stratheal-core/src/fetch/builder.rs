//! Settings of a fetcher.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::broadcast;
use tokio::time::Instant;

use super::member::Members;
use super::pages::{Folders, Pages};
use super::shared::Shared;
use super::totals::Counters;
use super::transfer::Transfers;
use super::transport::Transport;
use super::{FetchError, Fetcher, TransportSettings};
use crate::base::budget::Budget;
use crate::base::clock::{Clock, SystemClock};
use crate::base::redact::safe_url;
use crate::index::{Chain, Trust};
use crate::objects::{Store, StoreError};

/// Settings of a [`Fetcher`].
#[derive(Debug, Clone)]
pub struct Builder {
    chain: Chain,
    cache: PathBuf,
    offline: bool,
    deadline: Duration,
    transport: TransportSettings,
    clock: Arc<dyn Clock>,
}

impl Builder {
    pub(super) fn new(chain: Chain, cache: PathBuf) -> Self {
        Self {
            chain,
            cache,
            offline: false,
            deadline: Duration::from_mins(2),
            transport: TransportSettings::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Never opens a socket: what is not in the cache is an error.
    #[must_use]
    pub const fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// How long one page or file may take without any progress, all retries included; default 120 s.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How connections are made: certificates, proxies, credentials.
    #[must_use]
    pub fn transport(mut self, transport: TransportSettings) -> Self {
        self.transport = transport;
        self
    }

    /// What shows the wall time, for tests of what gets old.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the cache.
    ///
    /// # Errors
    /// [`FetchError::Settings`] when connections cannot be made like that, [`FetchError::Store`] when the cache cannot be opened.
    pub fn build(self) -> Result<Fetcher, FetchError> {
        self.open().map(Fetcher::new)
    }

    /// What the parts of the fetcher share.
    pub(super) fn open(self) -> Result<Shared, FetchError> {
        check(&self.chain)?;
        let (events, _) = broadcast::channel(1024);
        let transport = Transport::new(self.transport).map_err(|error| FetchError::Settings(error.to_string()))?;
        std::fs::create_dir_all(&self.cache)
            .map_err(|error| FetchError::Store(crate::base::fs::named(&self.cache, &error).to_string()))?;
        let folders = self
            .chain
            .sources
            .iter()
            .map(|source| Folders::of(&self.cache, source).map_err(|error| FetchError::Store(error.to_string())));
        let pages = Pages::new(folders.collect::<Result<_, _>>()?);
        let folder = self.cache.join("objects");
        let store = Store::open_with(&folder, self.clock.clone()).map_err(|error| match error {
            StoreError::DiskFull { .. } => FetchError::DiskFull { folder: self.cache.display().to_string() },
            error => FetchError::Store(crate::base::class::chain(&error)),
        })?;
        Ok(Shared {
            store,
            transfers: Transfers::default(),
            chain: self.chain,
            cache: self.cache,
            offline: self.offline,
            deadline: self.deadline,
            transport,
            members: Members::default(),
            pages,
            counters: Counters::default(),
            clock: self.clock,
            events,
            // Bursts of trouble are retried at once; when nearly everything fails, ten attempts a second are left.
            budget: Mutex::new(Budget::new(100.0, 0.5, 10.0, Instant::now())),
        })
    }
}

/// What could never work is said at once.
fn check(chain: &Chain) -> Result<(), FetchError> {
    let mut names = HashSet::new();
    for source in &chain.sources {
        let name = &source.name;
        if !names.insert(name) {
            return Err(FetchError::Settings(format!("two sources are named `{name}`: give each its own name")));
        }
        if !source.members.iter().any(|member| member.trust == Trust::Pages) {
            let text = format!(
                "no member of the source `{name}` is believed about pages: give it one without `trust = \"files\"`"
            );
            return Err(FetchError::Settings(text));
        }
        if let Some(member) = source.members.iter().find(|member| !matches!(member.url.scheme(), "http" | "https")) {
            let url = safe_url(member.url.as_str());
            return Err(FetchError::Settings(format!(
                "the source `{name}` has the URL {url}, which is neither http: nor https:"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Member, Source};

    #[test]
    fn what_could_never_work() {
        let member = |url: &str, trust| Member { url: url.parse().unwrap(), trust };
        let source = |name: &str, members| Source { name: name.to_owned(), members, only: Vec::new(), immutable: true };
        let good = || vec![member("http://a.test/", Trust::Pages), member("http://b.test/", Trust::Files)];
        for (sources, expected) in [
            (vec![source("a", good()), source("b", good())], ""),
            (vec![source("a", good()), source("a", good())], "two sources"),
            (vec![source("a", vec![])], "believed"),
            (vec![source("a", vec![member("http://a.test/", Trust::Files)])], "believed"),
            (vec![source("a", vec![member("file:///x/", Trust::Pages)])], "neither"),
        ] {
            let said = check(&Chain { sources }).err().map_or_else(String::new, |error| error.to_string());
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{said}");
        }
    }
}
