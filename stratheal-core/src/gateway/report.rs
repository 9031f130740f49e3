//! What a gateway did, for people and for machines.

use std::fmt;

use serde::Serialize;

use super::environment::Bypass;

/// What a gateway did since it started. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// Requests that were read.
    pub requests: u64,
    /// Requests without the secret, or for another host.
    pub refused_requests: u64,
    /// Answers with a status of 400 to 499.
    pub client_errors: u64,
    /// Answers with a status of 500 or more.
    pub server_errors: u64,
    /// Pages that were asked for.
    pub pages: u64,
    /// Of these, the ones that were rendered before.
    pub pages_from_memory: u64,
    /// Answers that what the client has is still good.
    pub not_modified: u64,
    /// Pages that were older than the index wants, because no member could be asked.
    pub stale_pages: u64,
    /// Files that were sent, whole or in part.
    pub files: u64,
    /// Files of metadata that were sent.
    pub metadata: u64,
    /// Bytes of bodies that were sent to clients, not counting tunnels.
    pub bytes_sent: u64,
    /// Connections that were passed on untouched.
    pub tunnels: u64,
    /// Requests to hosts of the chain that were passed on, because they are not for a page or a file.
    pub passed_on: u64,
    /// Bytes that crossed the network for files.
    pub bytes_from_network: u64,
    /// Bytes that did not, because the file was in the store.
    pub bytes_from_store: u64,
    /// Bytes that did not, because an interrupted transfer was continued.
    pub bytes_resumed: u64,
    /// Files that were fetched.
    pub fetched_files: u64,
    /// Files that were in the store.
    pub stored_files: u64,
    /// Failures that were survived: asked again, or somebody else.
    pub retries: u64,
    /// Events that came too fast to be counted.
    pub lost_events: u64,
    /// What is known about each member that did anything.
    pub members: Vec<MemberReport>,
    /// Files that are not offered, with the reason.
    pub refused: Vec<String>,
    /// Projects whose page was stale.
    pub stale: Vec<String>,
    /// What went past the gateway.
    pub bypasses: Vec<Bypass>,
}

/// What is known about one member of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberReport {
    /// Which one, as a safe URL or a host.
    pub member: String,
    /// Whether it is used at the moment.
    pub usable: bool,
    /// Files that came from it, in part at least.
    pub files: u64,
    /// How often it failed.
    pub failures: u64,
    /// Its last failure, or why it is used again.
    pub last_problem: Option<String>,
}

impl Report {
    /// The numbers with their names, in the form of OpenMetrics: name, help, value.
    pub(super) fn counters(&self) -> [(&'static str, &'static str, u64); 20] {
        [
            ("requests", "Requests that were read.", self.requests),
            ("refused_requests", "Requests without the secret or for another host.", self.refused_requests),
            ("client_errors", "Answers with a status of 400 to 499.", self.client_errors),
            ("server_errors", "Answers with a status of 500 or more.", self.server_errors),
            ("pages", "Pages that were asked for.", self.pages),
            ("pages_from_memory", "Pages that had been rendered before.", self.pages_from_memory),
            ("not_modified", "Answers that what the client has is still good.", self.not_modified),
            ("stale_pages", "Pages that could not be fetched again.", self.stale_pages),
            ("files", "Files that were sent.", self.files),
            ("metadata", "Files of metadata that were sent.", self.metadata),
            ("sent_bytes", "Bytes of bodies sent to clients.", self.bytes_sent),
            ("tunnels", "Connections passed on untouched.", self.tunnels),
            ("passed_on", "Requests passed on to hosts of the chain.", self.passed_on),
            ("network_bytes", "Bytes that crossed the network for files.", self.bytes_from_network),
            ("store_bytes", "Bytes that came out of the store instead.", self.bytes_from_store),
            ("resumed_bytes", "Bytes of interrupted transfers that were kept.", self.bytes_resumed),
            ("fetched_files", "Files that were fetched.", self.fetched_files),
            ("stored_files", "Files that were in the store.", self.stored_files),
            ("upstream_failures", "Failures of members that were survived.", self.retries),
            ("lost_events", "Events that came too fast to be counted.", self.lost_events),
        ]
    }
}

impl fmt::Display for Report {
    /// A few lines for the end of a run.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} pages, {} files: {} fetched ({}), {} from the cache ({} saved)",
            self.pages,
            self.files,
            self.fetched_files,
            size(self.bytes_from_network),
            self.stored_files,
            size(self.bytes_from_store + self.bytes_resumed),
        )?;
        if self.retries > 0 {
            writeln!(f, "{} failures of members were survived", self.retries)?;
        }
        for member in self.members.iter().filter(|member| member.failures > 0 || !member.usable) {
            let problem = member.last_problem.as_deref().unwrap_or("no reason known");
            let state = if member.usable { "" } else { ", left alone" };
            writeln!(f, "  {}: {} failures{state}: {problem}", member.member, member.failures)?;
        }
        for project in &self.stale {
            writeln!(f, "  {project}: the page is an old one, because no member could be asked")?;
        }
        for refused in &self.refused {
            writeln!(f, "  refused: {refused}")?;
        }
        for bypass in &self.bypasses {
            writeln!(f, "  past the gateway: {bypass}")?;
        }
        Ok(())
    }
}

fn size(bytes: u64) -> String {
    crate::model::quantity::show_bytes(bytes as f64)
}
