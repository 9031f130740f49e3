//! The variables of a child that is to use the gateway.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::{Change, Client, ClientPlan, Environment, Mode, NoProxy};

/// Where a child finds the gateway. Both URLs hold a secret.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Addresses {
    /// The index, with user-info.
    pub index: String,
    /// The proxy.
    pub proxy: Option<ProxyAddress>,
    /// How long a client may hear nothing: longer than the fetcher's own deadline.
    pub silence: Duration,
}

/// Where a child finds the proxy.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct ProxyAddress {
    /// Its URL, with user-info.
    pub url: String,
    /// The user's certificates and the gateway's.
    pub bundle: PathBuf,
    /// The hosts it answers for.
    pub hosts: Vec<(String, u16)>,
}

const INDEX: &str = "the gateway is the index";
const OTHER_INDEX: &str = "an empty value would not override configuration files, so the gateway stands here too";
const MAPPED: &str = "the gateway has it in its chain";
const SILENCE: &str = "the gateway may be silent while it tries mirrors; it has a deadline of its own";
const RETRIES: &str = "the gateway retries; retries behind retries would multiply";
const LOOPBACK: &str = "the gateway is asked directly";
const PROXY: &str = "the gateway is the proxy";
const NOT_AROUND: &str = "the hosts of the chain are asked through the gateway, which keeps to the user's own NO_PROXY";
const BUNDLE: &str = "the user's certificates and the gateway's, which lives as long as this run";
const CHOSEN: &str = "the index that was chosen, asked through the gateway";
const ITS_PROXY: &str = "the gateway uses the user's proxy; the client asks the gateway";

/// The names under which clients look for a proxy. Lower-case ones win in most of them, so both are set.
const PROXIES: &[&str] =
    &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "PIP_PROXY"];
/// The names under which clients look for certificates.
const BUNDLES: &[&str] = &["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"];

/// Each variable in which the child of this plan differs from its parent.
pub(in crate::gateway) fn changes(plan: &ClientPlan, addresses: &Addresses) -> Vec<Change> {
    let mut changes = Changes { parent: &plan.environment, wanted: BTreeMap::new() };
    match (&plan.mode, &addresses.proxy) {
        (Mode::Index, _) => index(&mut changes, plan, addresses),
        (Mode::Proxy, Some(address)) => proxy(&mut changes, plan, address),
        // A gateway without a proxy was started for a plan that needs one: nothing is changed then, and `Running` says so.
        (Mode::Proxy, None) | (Mode::Refused { .. }, _) => return Vec::new(),
    }
    patience(&mut changes, addresses.silence);
    changes.list()
}

struct Changes<'a> {
    parent: &'a Environment,
    wanted: BTreeMap<&'static str, (Option<OsString>, &'static str)>,
}

impl Changes<'_> {
    fn set(&mut self, name: &'static str, value: impl Into<OsString>, why: &'static str) {
        self.wanted.insert(name, (Some(value.into()), why));
    }

    fn remove(&mut self, name: &'static str, why: &'static str) {
        self.wanted.insert(name, (None, why));
    }

    /// Sets a number, unless the user has a larger one (or, for retries, a smaller one) already.
    fn at_least(&mut self, name: &'static str, seconds: u64) {
        let enough = |text: &str| text.trim().parse::<f64>().is_ok_and(|given| given >= seconds as f64);
        if !self.parent.text(name).is_some_and(enough) {
            self.set(name, seconds.to_string(), SILENCE);
        }
    }

    fn at_most(&mut self, name: &'static str, times: u32) {
        if !self.parent.text(name).is_some_and(|text| text.trim().parse::<u32>().is_ok_and(|given| given <= times)) {
            self.set(name, times.to_string(), RETRIES);
        }
    }

    /// What really differs.
    fn list(self) -> Vec<Change> {
        let parent = self.parent;
        let changes = self.wanted.into_iter().map(|(name, (value, why))| {
            let before = parent.value(name).map(OsString::from);
            Change { name, value, before, why }
        });
        changes.filter(|change| change.value != change.before).collect()
    }
}

fn index(changes: &mut Changes<'_>, plan: &ClientPlan, addresses: &Addresses) {
    let url = &addresses.index;
    // Whatever the client is, builds inside it start pip or uv.
    changes.set("PIP_INDEX_URL", url, INDEX);
    changes.set("PIP_EXTRA_INDEX_URL", url, OTHER_INDEX);
    changes.set("UV_DEFAULT_INDEX", url, INDEX);
    changes.set("UV_INDEX", url, OTHER_INDEX);
    for name in ["UV_INDEX_URL", "UV_EXTRA_INDEX_URL"] {
        changes.remove(name, MAPPED);
    }
    match plan.client {
        Client::Poetry => changes.set("POETRY_PYPI_MIRROR_URL", url, INDEX),
        Client::Pdm => changes.set("PDM_PYPI_URL", url, INDEX),
        Client::Tox | Client::Hatch | Client::Other => {
            changes.set("POETRY_PYPI_MIRROR_URL", url, INDEX);
            changes.set("PDM_PYPI_URL", url, INDEX);
        }
        _ => {}
    }
    // pip would ask this proxy for the gateway as well, whatever NO_PROXY says. The general variables stay: direct URLs and
    // version control need them.
    changes.remove("PIP_PROXY", ITS_PROXY);
    if let Some(proxy) = plan.environment.text("PIP_PROXY") {
        for name in ["HTTP_PROXY", "HTTPS_PROXY"] {
            if plan.environment.text(name).is_none() && plan.environment.text(&name.to_ascii_lowercase()).is_none() {
                changes.set(name, proxy, "stands in for PIP_PROXY, which would also be asked for the gateway");
            }
        }
    }
    for name in ["NO_PROXY", "no_proxy"] {
        let list = NoProxy::parse(user_no_proxy(&plan.environment, name)).with(&["127.0.0.1", "localhost"]);
        changes.set(name, list.text(), LOOPBACK);
    }
}

fn proxy(changes: &mut Changes<'_>, plan: &ClientPlan, address: &ProxyAddress) {
    for &name in PROXIES {
        changes.set(name, &address.url, PROXY);
    }
    for &name in BUNDLES {
        changes.set(name, &address.bundle, BUNDLE);
    }
    for name in ["NO_PROXY", "no_proxy"] {
        let given = NoProxy::parse(user_no_proxy(&plan.environment, name));
        let left = given.without(&address.hosts);
        if left.text().is_empty() {
            changes.remove(name, NOT_AROUND);
        } else {
            changes.set(name, left.text(), NOT_AROUND);
        }
    }
    chosen(changes, plan);
}

/// A client of the proxy asks its own default index, so it is told the one that was chosen. Whatever the client is, it may start others.
fn chosen(changes: &mut Changes<'_>, plan: &ClientPlan) {
    if let Some(url) = plan.chosen.default_index().filter(|_| plan.given.default_index.is_none()) {
        for name in ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "PDM_PYPI_URL", "POETRY_PYPI_MIRROR_URL"] {
            changes.set(name, url, CHOSEN);
        }
        changes.remove("UV_INDEX_URL", CHOSEN);
    }
    let extra = plan.chosen.extra_indexes();
    if !extra.is_empty() {
        for name in ["PIP_EXTRA_INDEX_URL", "UV_INDEX"] {
            let given = plan.environment.text(name).into_iter().flat_map(str::split_whitespace);
            let given = given.filter(|url| extra.iter().all(|extra| extra != url));
            let all: Vec<&str> = extra.iter().map(String::as_str).chain(given).collect();
            changes.set(name, all.join(" "), CHOSEN);
        }
    }
}

/// Both spellings get the same value, so that it does not matter which one a client prefers.
fn user_no_proxy<'a>(environment: &'a Environment, name: &str) -> &'a str {
    let other = if name == "NO_PROXY" { "no_proxy" } else { "NO_PROXY" };
    environment.text(name).or_else(|| environment.text(other)).unwrap_or_default()
}

fn patience(changes: &mut Changes<'_>, silence: Duration) {
    let seconds = silence.as_secs().max(1);
    for name in ["PIP_DEFAULT_TIMEOUT", "UV_HTTP_TIMEOUT", "POETRY_REQUESTS_TIMEOUT", "PDM_REQUEST_TIMEOUT"] {
        changes.at_least(name, seconds);
    }
    for name in ["PIP_RETRIES", "UV_HTTP_RETRIES"] {
        changes.at_most(name, 1);
    }
    // The older name of the same setting is only read without the newer one, but two values would puzzle whoever reads them.
    changes.remove("UV_REQUEST_TIMEOUT", SILENCE);
}

#[cfg(test)]
mod tests {
    use super::super::{Chosen, plan};
    use super::*;

    const URL: &str = "http://stratheal:secret@127.0.0.1:4711/simple/";

    fn child(line: &str, parent: &[(&str, &str)]) -> Environment {
        child_asking(line, parent, Chosen::default())
    }

    fn child_asking(line: &str, parent: &[(&str, &str)], chosen: Chosen) -> Environment {
        let environment = parent.iter().copied().collect::<Environment>();
        let argv: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let addresses = Addresses {
            index: URL.to_owned(),
            proxy: Some(ProxyAddress {
                url: "http://stratheal:other@127.0.0.1:4711".to_owned(),
                bundle: "/run/bundle.pem".into(),
                hosts: vec![("index.example".to_owned(), 443)],
            }),
            silence: Duration::from_mins(15),
        };
        environment.clone().with(&changes(&plan(&argv, &environment).asking(chosen), &addresses))
    }

    #[test]
    fn index_mode() {
        let found = child(
            "pip install six",
            &[
                ("PIP_EXTRA_INDEX_URL", ""),
                ("UV_EXTRA_INDEX_URL", "https://x.example"),
                ("PIP_CONFIG_FILE", "/etc/mine.conf"),
                ("PIP_CERT", "/corp.pem"),
                ("PIP_DEFAULT_TIMEOUT", "1800"),
                ("PIP_RETRIES", "0"),
                ("PIP_PROXY", "http://proxy.example"),
                ("no_proxy", "corp.example"),
            ],
        );
        for (name, expected) in [
            ("PIP_INDEX_URL", Some(URL)),
            ("PIP_EXTRA_INDEX_URL", Some(URL)),
            ("UV_DEFAULT_INDEX", Some(URL)),
            ("UV_INDEX", Some(URL)),
            ("UV_EXTRA_INDEX_URL", None),
            ("PIP_CONFIG_FILE", Some("/etc/mine.conf")),
            ("PIP_CERT", Some("/corp.pem")),
            ("PIP_DEFAULT_TIMEOUT", Some("1800")),
            ("UV_HTTP_TIMEOUT", Some("900")),
            ("PIP_RETRIES", Some("0")),
            ("UV_HTTP_RETRIES", Some("1")),
            ("PIP_PROXY", None),
            ("HTTPS_PROXY", Some("http://proxy.example")),
            ("NO_PROXY", Some("corp.example,127.0.0.1,localhost")),
            ("no_proxy", Some("corp.example,127.0.0.1,localhost")),
            ("POETRY_PYPI_MIRROR_URL", None),
        ] {
            assert_eq!(found.text(name), expected, "{name}");
        }
        assert_eq!(child("pdm install", &[]).text("PDM_PYPI_URL"), Some(URL));
    }

    #[test]
    fn proxy_mode_leaves_indexes_alone() {
        let found = child(
            "uv lock",
            &[
                ("UV_DEFAULT_INDEX", "https://index.example/simple"),
                ("UV_INDEX", "https://x.example"),
                ("SSL_CERT_FILE", "/corp.pem"),
                ("HTTPS_PROXY", "http://proxy.example"),
                ("NO_PROXY", "index.example,other.example"),
            ],
        );
        for (name, expected) in [
            ("UV_DEFAULT_INDEX", Some("https://index.example/simple")),
            ("UV_INDEX", Some("https://x.example")),
            ("SSL_CERT_FILE", Some("/run/bundle.pem")),
            ("REQUESTS_CA_BUNDLE", Some("/run/bundle.pem")),
            ("HTTPS_PROXY", Some("http://stratheal:other@127.0.0.1:4711")),
            ("http_proxy", Some("http://stratheal:other@127.0.0.1:4711")),
            ("NO_PROXY", Some("other.example")),
        ] {
            assert_eq!(found.text(name), expected, "{name}");
        }
    }

    #[test]
    fn proxy_mode_tells_the_chosen_index() {
        let chosen = || Chosen::new(Some("https://me:hunter2@index.example/simple"), ["https://gpu.example/whl"]);
        let parent = [
            ("UV_DEFAULT_INDEX", "https://other.example/simple"),
            ("UV_INDEX_URL", "https://other.example/simple"),
            ("UV_INDEX", "x=https://x.example https://gpu.example/whl"),
        ];
        for line in ["uv sync", "pip install --dry-run --report x.json six", "sh -c pip", "uvx ruff"] {
            let found = child_asking(line, &parent, chosen());
            for (name, expected) in [
                ("UV_DEFAULT_INDEX", Some("https://index.example/simple")),
                ("UV_INDEX_URL", None),
                ("PIP_INDEX_URL", Some("https://index.example/simple")),
                ("UV_INDEX", Some("https://gpu.example/whl x=https://x.example")),
                ("PIP_EXTRA_INDEX_URL", Some("https://gpu.example/whl")),
            ] {
                assert_eq!(found.text(name), expected, "{line} {name}");
            }
        }
        let named = child_asking("uv sync --default-index https://named.example", &parent, chosen());
        assert_eq!(named.text("UV_DEFAULT_INDEX"), Some("https://other.example/simple"), "the command line says it");
        let told = |line: &str| {
            let argv: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            plan(&argv, &Environment::default()).asking(chosen()).bypasses
        };
        for line in ["poetry install", "pip --isolated install six"] {
            let bypasses = told(line);
            assert_eq!(bypasses.len(), 1, "{line}");
            assert!(bypasses[0].meaning.starts_with("not followed") && bypasses[0].what.contains("index.example"));
        }
        assert_eq!((told("uv sync"), told("pip install six")), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_is_refused_is_not_touched() {
        let parent = [("HTTPS_PROXY", "http://proxy.example")];
        assert_eq!(child("uv sync --proxy http://x", &parent), parent.into_iter().collect::<Environment>());
    }
}
