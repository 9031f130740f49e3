//! Counting what the gateway does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::StatusCode;
use tokio::sync::broadcast;

use super::environment::Bypass;
use super::report::{MemberReport, Report};
use crate::fetch::{Event, FileOrigin};

/// Entries of each list in a report. What is beyond is counted only.
const MOST: usize = 256;

/// The counters.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub requests: AtomicU64,
    pub refused_requests: AtomicU64,
    pub client_errors: AtomicU64,
    pub server_errors: AtomicU64,
    pub pages: AtomicU64,
    pub pages_from_memory: AtomicU64,
    pub not_modified: AtomicU64,
    pub stale_pages: AtomicU64,
    pub files: AtomicU64,
    pub metadata: AtomicU64,
    pub bytes_sent: AtomicU64,
    pub tunnels: AtomicU64,
    pub passed_on: AtomicU64,
    told: Mutex<Told>,
}

/// What the fetcher told.
#[derive(Debug, Default)]
struct Told {
    bytes_from_network: u64,
    bytes_from_store: u64,
    bytes_resumed: u64,
    fetched_files: u64,
    stored_files: u64,
    retries: u64,
    lost_events: u64,
    members: BTreeMap<String, MemberReport>,
    refused: Vec<String>,
    stale: Vec<String>,
    bypasses: Vec<Bypass>,
    resumed_at: BTreeMap<String, u64>,
}

pub(super) fn add(counter: &AtomicU64, value: u64) {
    counter.fetch_add(value, Relaxed);
}

impl Tally {
    /// Counts one answer.
    pub(super) fn answered(&self, status: StatusCode) {
        if status.is_client_error() {
            add(&self.client_errors, 1);
        } else if status.is_server_error() {
            add(&self.server_errors, 1);
        } else if status == StatusCode::NOT_MODIFIED {
            add(&self.not_modified, 1);
        }
    }

    /// Remembers what goes past the gateway, each once.
    pub(super) fn bypass(&self, bypass: Bypass) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.bypasses.contains(&bypass) {
            keep(&mut told.bypasses, bypass);
        }
    }

    /// A page was served that could not be fetched again.
    pub(super) fn stale(&self, project: &str) {
        add(&self.stale_pages, 1);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.stale.iter().any(|known| known == project) {
            keep(&mut told.stale, project.to_owned());
        }
    }

    /// Files that are not offered, with the reason.
    pub(super) fn refused(&self, files: &[(String, String)]) {
        if files.is_empty() {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for (file, reason) in files {
            let text = format!("{file}: {reason}");
            if !told.refused.contains(&text) {
                keep(&mut told.refused, text);
            }
        }
    }

    fn event(&self, event: Event) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::FileStarted { file, resumed_at, .. } if resumed_at > 0 && told.resumed_at.len() < MOST => {
                told.resumed_at.insert(file, resumed_at);
            }
            Event::FileDone { file, size, origin, transferred, .. } => {
                told.bytes_from_network += transferred;
                match origin {
                    FileOrigin::Store => {
                        told.stored_files += 1;
                        told.bytes_from_store += size;
                    }
                    FileOrigin::Members(members) => {
                        told.fetched_files += 1;
                        told.bytes_resumed += told.resumed_at.remove(&file).unwrap_or(0);
                        for member in members {
                            if let Some(member) = told.member(&member) {
                                member.files += 1;
                            }
                        }
                    }
                }
            }
            Event::Trouble { member, problem, .. } => {
                told.retries += 1;
                if let Some(member) = told.member(&member) {
                    member.failures += 1;
                    member.last_problem = Some(problem);
                }
            }
            Event::Member { member, usable, reason } => {
                if let Some(member) = told.member(&member) {
                    member.usable = usable;
                    member.last_problem = Some(reason);
                }
            }
            Event::Refused { file, reason } => {
                let text = format!("{file}: {reason}");
                if !told.refused.contains(&text) {
                    keep(&mut told.refused, text);
                }
            }
            _ => {}
        }
    }

    /// Listens to a fetcher until it is gone.
    pub(super) async fn listen(self: Arc<Self>, mut events: broadcast::Receiver<Event>) {
        loop {
            match events.recv().await {
                Ok(event) => self.event(event),
                Err(broadcast::error::RecvError::Lagged(lost)) => {
                    self.told.lock().unwrap_or_else(PoisonError::into_inner).lost_events += lost;
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    /// Where the counters stand.
    pub(super) fn report(&self) -> Report {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Report {
            requests: read(&self.requests),
            refused_requests: read(&self.refused_requests),
            client_errors: read(&self.client_errors),
            server_errors: read(&self.server_errors),
            pages: read(&self.pages),
            pages_from_memory: read(&self.pages_from_memory),
            not_modified: read(&self.not_modified),
            stale_pages: read(&self.stale_pages),
            files: read(&self.files),
            metadata: read(&self.metadata),
            bytes_sent: read(&self.bytes_sent),
            tunnels: read(&self.tunnels),
            passed_on: read(&self.passed_on),
            bytes_from_network: told.bytes_from_network,
            bytes_from_store: told.bytes_from_store,
            bytes_resumed: told.bytes_resumed,
            fetched_files: told.fetched_files,
            stored_files: told.stored_files,
            retries: told.retries,
            lost_events: told.lost_events,
            members: told.members.values().cloned().collect(),
            refused: told.refused.clone(),
            stale: told.stale.clone(),
            bypasses: told.bypasses.clone(),
        }
    }
}

impl Told {
    fn member(&mut self, name: &str) -> Option<&mut MemberReport> {
        if self.members.len() >= MOST && !self.members.contains_key(name) {
            return None;
        }
        let report =
            || MemberReport { member: name.to_owned(), usable: true, files: 0, failures: 0, last_problem: None };
        Some(self.members.entry(name.to_owned()).or_insert_with(report))
    }
}

fn keep<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MOST {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn counts_what_the_fetcher_tells() {
        let tally = Arc::new(Tally::default());
        let (sender, receiver) = broadcast::channel(16);
        let done = |origin, transferred| Event::FileDone {
            file: "six.whl".to_owned(),
            size: 100,
            origin,
            transferred,
            took: Duration::ZERO,
        };
        sender.send(Event::FileStarted { file: "six.whl".to_owned(), size: None, resumed_at: 40 }).unwrap();
        sender.send(done(FileOrigin::Members(vec!["a.example".to_owned()]), 60)).unwrap();
        sender.send(done(FileOrigin::Store, 0)).unwrap();
        let trouble = || ("a.example".to_owned(), "six.whl".to_owned());
        let ((member, wanted), next) = (trouble(), "again".to_owned());
        sender.send(Event::Trouble { member, wanted, problem: "answered 503".to_owned(), next }).unwrap();
        for _ in 0..2 {
            sender.send(Event::Refused { file: "x".to_owned(), reason: "changed".to_owned() }).unwrap();
        }
        drop(sender);
        tally.clone().listen(receiver).await;
        let report = tally.report();
        assert_eq!((report.bytes_from_network, report.bytes_from_store, report.bytes_resumed), (60, 100, 40));
        assert_eq!((report.fetched_files, report.stored_files, report.retries), (1, 1, 1));
        assert_eq!(report.refused, ["x: changed"]);
        assert_eq!((report.members[0].files, report.members[0].failures), (1, 1));
    }
}
