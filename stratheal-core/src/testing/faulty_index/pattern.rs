//! Ways in which a whole source misbehaves: one server, or several that are meant to offer the same.

use std::io;
use std::time::Duration;

use super::content::Content;
use super::fault::Fault;
use super::hole::{BlackHole, ClosedPort};
use super::rule::Rule;
use super::server::{self, FaultyIndex};
use super::settings::Settings;

/// How the members of a source misbehave.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// What it is called: `reset-within`.
    pub name: &'static str,
    /// How long it takes at least, whoever fetches: what the fault itself sets.
    pub floor: Duration,
    members: Vec<Plan>,
}

/// What a member is.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// A server with these rules.
    Server(Vec<Rule>),
    /// A server with these settings.
    Set(Settings),
    /// A server of another content.
    Other(fn(Content) -> Content),
    /// A server of another content, with rules.
    OtherWith(fn(Content) -> Content, Vec<Rule>),
    /// A server that redirects files to another host.
    Redirects,
    /// A server whose pages link to another host.
    Links,
    /// Nobody listens.
    Refused,
    /// Connections are never made.
    Hole,
    /// A name that stands for no address.
    NoSuchHost,
    /// `https`, but the server does not know how.
    NotTls,
}

/// A source that runs.
#[derive(Debug)]
pub struct Scenario {
    urls: Vec<String>,
    servers: Vec<FaultyIndex>,
    /// Kept for their addresses.
    holes: Vec<BlackHole>,
    ports: Vec<ClosedPort>,
}

impl Pattern {
    /// One server with these rules.
    #[must_use]
    pub fn new(name: &'static str, rules: Vec<Rule>) -> Self {
        Self::of(name, vec![Plan::Server(rules)])
    }

    pub(super) const fn of(name: &'static str, members: Vec<Plan>) -> Self {
        Self { name, floor: Duration::ZERO, members }
    }

    pub(super) const fn floor(mut self, floor: Duration) -> Self {
        self.floor = floor;
        self
    }

    /// The same with the faults of another one, where both are single servers; else `None`.
    #[must_use]
    pub fn and(&self, other: &Self) -> Option<Self> {
        match (self.members.as_slice(), other.members.as_slice()) {
            ([Plan::Server(first)], [Plan::Server(second)]) => {
                let rules = first.iter().chain(second).cloned().collect();
                Some(Self { floor: self.floor + other.floor, ..Self::new(self.name, rules) })
            }
            _ => None,
        }
    }

    /// Starts its servers.
    ///
    /// # Errors
    /// When one of them cannot listen.
    pub async fn start(&self, content: &Content) -> io::Result<Scenario> {
        self.start_with(content, &Settings::default()).await
    }

    /// Starts its servers with these settings, where the pattern has none of its own.
    ///
    /// # Errors
    /// When one of them cannot listen.
    pub async fn start_with(&self, content: &Content, settings: &Settings) -> io::Result<Scenario> {
        let mut scenario = Scenario { urls: Vec::new(), servers: Vec::new(), holes: Vec::new(), ports: Vec::new() };
        for plan in &self.members {
            scenario.add(plan, content, settings).await?;
        }
        Ok(scenario)
    }
}

impl Scenario {
    async fn add(&mut self, plan: &Plan, content: &Content, settings: &Settings) -> io::Result<()> {
        let (mut content, mut rules, mut settings) = (content.clone(), Vec::new(), settings.clone());
        match plan {
            Plan::Server(own) => rules.clone_from(own),
            Plan::Set(own) => settings = own.clone(),
            Plan::Other(change) => content = change(content),
            Plan::OtherWith(change, own) => {
                content = change(content);
                rules.clone_from(own);
            }
            Plan::Redirects | Plan::Links => {
                let elsewhere = FaultyIndex::start_with(content.clone(), Vec::new(), settings.clone()).await?;
                if matches!(plan, Plan::Links) {
                    content = content.files_at(&elsewhere.origin());
                } else {
                    rules.push(Rule::files(Fault::RedirectTo(elsewhere.origin())));
                    rules.push(Rule::metadata(Fault::RedirectTo(elsewhere.origin())));
                }
                self.servers.push(elsewhere);
            }
            Plan::Refused => {
                let port = ClosedPort::new()?;
                self.urls.push(port.url()?);
                self.ports.push(port);
                return Ok(());
            }
            Plan::Hole => {
                let hole = BlackHole::start().await?;
                self.urls.push(hole.url()?);
                self.holes.push(hole);
                return Ok(());
            }
            Plan::NoSuchHost => {
                // RFC 6761 keeps this name from ever being registered.
                self.urls.push("http://index.invalid/simple/".to_owned());
                return Ok(());
            }
            Plan::NotTls => {}
        }
        let server = FaultyIndex::start_with(content, rules, settings).await?;
        let url = server.url();
        let not_tls = matches!(plan, Plan::NotTls);
        self.urls.push(if not_tls { url.replacen("http://", "https://", 1) } else { url });
        self.servers.push(server);
        Ok(())
    }

    /// The URLs of its members, in order.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Its servers, members or not. Addresses where nobody answers have none.
    #[must_use]
    pub fn servers(&self) -> &[FaultyIndex] {
        &self.servers
    }

    /// Bytes of files that were sent although they had been sent before, by whichever server.
    #[must_use]
    pub fn repeated_bytes(&self) -> u64 {
        server::repeated_by_all(self.servers.iter())
    }

    /// Bytes of files sent, by whichever server.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        let logs = self.servers.iter().flat_map(FaultyIndex::log);
        logs.filter(|served| served.target == super::rule::Target::File).map(|served| served.bytes_sent).sum()
    }

    /// Requests, to whichever server.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.servers.iter().map(|server| server.requests(super::rule::Target::Any)).sum()
    }
}
