//! The hosts the proxy answers for.

use url::Url;

use crate::fetch::Page;
use crate::index::Chain;

/// More hosts than this no chain has.
const MOST: usize = 256;

/// A host with its port. The name is in the form URLs have it: lower case, IPv6 in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct Host {
    pub name: String,
    pub port: u16,
}

impl Host {
    /// The host of an HTTP URL.
    pub(in crate::gateway) fn of(url: &Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        Some(Self { name: url.host_str()?.to_owned(), port: url.port_or_known_default()? })
    }
}

/// Hosts, each once.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct Hosts(Vec<Host>);

impl Hosts {
    /// Those of a chain's members.
    pub(super) fn of_chain(chain: &Chain) -> Self {
        let mut hosts = Self::default();
        let members = chain.sources.iter().flat_map(|source| &source.members);
        members.filter_map(|member| Host::of(&member.url)).for_each(|host| hosts.add(host));
        hosts
    }

    /// Those of the files of a page as well.
    pub(super) fn learn(&mut self, page: &Page) {
        page.page.files.iter().filter_map(|file| Host::of(&file.url)).for_each(|host| self.add(host));
    }

    pub(super) fn add(&mut self, host: Host) {
        if self.0.len() < MOST && !self.0.contains(&host) {
            self.0.push(host);
        }
    }

    pub(super) fn contains(&self, name: &str, port: u16) -> bool {
        self.0.iter().any(|host| host.port == port && host.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Host> {
        self.0.iter()
    }
}
