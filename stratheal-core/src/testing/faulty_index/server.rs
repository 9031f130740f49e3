//! The server: listens, keeps what it did, and can be told to behave differently at any time.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

#[cfg(feature = "gateway")]
use tokio::net::TcpStream;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connection;
use super::content::{Content, Resource};
use super::fault::Fault;
use super::log::{self, Served};
use super::rule::{Rule, Scope, Target};
use super::settings::Settings;
use super::stream::Stream;

/// The most answers that are remembered; later ones are served but not noted.
const LONGEST_LOG: usize = 200_000;

/// A running server. It ends when this is dropped.
#[derive(Debug)]
pub struct FaultyIndex {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
    #[cfg(feature = "gateway")]
    certificate: Option<String>,
}

/// What the server and its connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    content: Mutex<Arc<Content>>,
    rules: Mutex<Rules>,
    log: Mutex<Vec<Served>>,
    started: Instant,
    connections: AtomicU64,
    at_once: AtomicU64,
    total_sent: AtomicU64,
    died: watch::Sender<bool>,
    /// When the next byte may be sent, where all connections share a rate.
    free: Mutex<Instant>,
}

#[derive(Debug, Default)]
struct Rules {
    list: Vec<Rule>,
    /// How many requests each rule saw, by what its scope counts together.
    seen: HashMap<(usize, String), u64>,
    first: Option<Instant>,
}

impl FaultyIndex {
    /// Serves this content on a free port of loopback.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(content: Content, rules: Vec<Rule>) -> io::Result<Self> {
        Self::start_with(content, rules, Settings::default()).await
    }

    /// Serves this content as the settings say.
    ///
    /// # Errors
    /// When it cannot listen.
    #[expect(clippy::unused_async, reason = "only where a runtime runs can it be started, and `async` says so")]
    pub async fn start_with(content: Content, rules: Vec<Rule>, settings: Settings) -> io::Result<Self> {
        let listener = listen(&settings)?;
        let address = listener.local_addr()?;
        #[cfg(feature = "gateway")]
        let identity = settings.tls.then(|| super::tls::Identity::new(address.ip())).transpose()?;
        #[cfg(feature = "gateway")]
        let certificate = identity.as_ref().map(|identity| identity.authority.clone());
        let now = Instant::now();
        let shared = Arc::new(Shared {
            settings,
            content: Mutex::new(Arc::new(content)),
            rules: Mutex::new(Rules { list: rules, ..Rules::default() }),
            log: Mutex::default(),
            started: now,
            connections: AtomicU64::new(0),
            at_once: AtomicU64::new(0),
            total_sent: AtomicU64::new(0),
            died: watch::channel(false).0,
            free: Mutex::new(now),
        });
        let accept = Accept {
            shared: Arc::clone(&shared),
            #[cfg(feature = "gateway")]
            tls: identity.map(|identity| identity.acceptor),
        };
        let task = tokio::spawn(accept.run(listener));
        Ok(Self {
            shared,
            address,
            task,
            #[cfg(feature = "gateway")]
            certificate,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Scheme, host and port, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> String {
        #[cfg(feature = "gateway")]
        if self.certificate.is_some() {
            return format!("https://{}", self.address);
        }
        format!("http://{}", self.address)
    }

    /// The base URL of its Simple API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/simple/", self.origin())
    }

    /// The certificate of the authority that vouches for it, as PEM, where it serves HTTPS.
    #[cfg(feature = "gateway")]
    #[must_use]
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Behaves like this from the next request on; what was counted is forgotten.
    pub fn set_rules(&self, rules: Vec<Rule>) {
        *locked(&self.shared.rules) = Rules { list: rules, ..Rules::default() };
    }

    /// Offers this from the next request on.
    pub fn set_content(&self, content: Content) {
        *locked(&self.shared.content) = Arc::new(content);
    }

    /// What it offers.
    #[must_use]
    pub fn content(&self) -> Arc<Content> {
        self.shared.content()
    }

    /// What was served so far, answers that are under way included.
    #[must_use]
    pub fn log(&self) -> Vec<Served> {
        locked(&self.shared.log).clone()
    }

    /// Forgets what was served so far.
    ///
    /// Only between requests: an answer that is under way would be noted in the place of another one.
    pub fn clear_log(&self) {
        locked(&self.shared.log).clear();
    }

    /// How many requests there were for this.
    #[must_use]
    pub fn requests(&self, target: Target) -> usize {
        let log = locked(&self.shared.log);
        log.iter().filter(|served| target == Target::Any || served.target == target).count()
    }

    /// How many connections there were.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Bytes of bodies sent of one file.
    #[must_use]
    pub fn bytes_of(&self, file_name: &str) -> u64 {
        let log = locked(&self.shared.log);
        log.iter().filter(|served| is_of(served, file_name)).map(|served| served.bytes_sent).sum()
    }

    /// Bytes of one file that were sent although they had been sent before.
    #[must_use]
    pub fn repeated_bytes(&self, file_name: &str) -> u64 {
        log::repeated(locked(&self.shared.log).iter().filter(|served| is_of(served, file_name)))
    }

    /// Bytes of all files that were sent although they had been sent before.
    #[must_use]
    pub fn all_repeated_bytes(&self) -> u64 {
        repeated_by_all(std::iter::once(self))
    }

    /// Bytes of all bodies sent, pages included.
    #[must_use]
    pub fn total_sent(&self) -> u64 {
        self.shared.total_sent.load(Ordering::Relaxed)
    }

    /// Dies at once: connections are reset, and new ones refused.
    pub fn die(&self) {
        self.shared.died.send_replace(true);
    }

    /// Ends it, and waits until its port is free.
    pub async fn stop(mut self) {
        self.task.abort();
        // Being aborted is the only way it can end here.
        let _ = (&mut self.task).await;
    }
}

impl Drop for FaultyIndex {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Bytes of all files that were sent although they had been sent before, by any of several servers of the same content.
#[must_use]
pub(super) fn repeated_by_all<'a>(servers: impl Iterator<Item = &'a FaultyIndex>) -> u64 {
    let logs: Vec<_> = servers.map(FaultyIndex::log).collect();
    let mut files: HashMap<&str, Vec<&Served>> = HashMap::new();
    for served in logs.iter().flatten().filter(|served| served.target == Target::File) {
        files.entry(&served.path).or_default().push(served);
    }
    files.into_values().map(|answers| log::repeated(answers.into_iter())).sum()
}

/// Whether this is about a file, and not its metadata.
fn is_of(served: &Served, file_name: &str) -> bool {
    served.target == Target::File && served.path.rsplit('/').next() == Some(file_name)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most bytes that are on their way to somebody who has not read them yet. As much as the system would take are megabytes on
/// loopback, and would count as sent although they are dropped when a connection ends.
const ON_THE_WAY: u32 = 128 * 1024;

fn listen(settings: &Settings) -> io::Result<TcpListener> {
    let socket = if settings.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_send_buffer_size(ON_THE_WAY)?;
    socket.bind((settings.address, 0).into())?;
    socket.listen(1024)
}

/// Takes connections.
struct Accept {
    shared: Arc<Shared>,
    #[cfg(feature = "gateway")]
    tls: Option<tokio_rustls::TlsAcceptor>,
}

impl Accept {
    async fn run(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(self.shared.settings.most_connections));
        let mut connections = JoinSet::new();
        let mut died = self.shared.died();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                _ = died.wait_for(|died| *died) => break,
            };
            // A connection that went away before it was taken is nobody's business.
            let Ok((socket, _)) = accepted else { continue };
            let number = self.shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
            let shared = Arc::clone(&self.shared);
            #[cfg(feature = "gateway")]
            let tls = self.tls.clone();
            connections.spawn(async move {
                let _place = place;
                let _ = socket.set_nodelay(true);
                #[cfg(feature = "gateway")]
                let stream = secured(socket, tls).await;
                #[cfg(not(feature = "gateway"))]
                let stream: Option<Box<dyn Stream>> = Some(Box::new(socket));
                if let Some(stream) = stream {
                    connection::serve(stream, shared, number).await;
                }
            });
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }
}

/// The connection after its handshake, if it needs one. Whoever does not trust us ends it there.
#[cfg(feature = "gateway")]
async fn secured(socket: TcpStream, tls: Option<tokio_rustls::TlsAcceptor>) -> Option<Box<dyn Stream>> {
    match tls {
        None => Some(Box::new(socket)),
        Some(acceptor) => Some(Box::new(acceptor.accept(socket).await.ok()?)),
    }
}

/// A request that is being answered.
pub(super) struct Answering<'a> {
    counter: &'a AtomicU64,
    /// How many there are, this one included.
    pub(super) at_once: u64,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    pub(super) fn content(&self) -> Arc<Content> {
        Arc::clone(&locked(&self.content))
    }

    pub(super) fn died(&self) -> watch::Receiver<bool> {
        self.died.subscribe()
    }

    pub(super) fn answering(&self) -> Answering<'_> {
        Answering { counter: &self.at_once, at_once: self.at_once.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    /// The faults that strike this request. Counts it.
    pub(super) fn strikes(
        &self,
        resource: Option<&Resource<'_>>,
        path: &str,
        connection: u64,
        at_once: u64,
    ) -> Vec<Fault> {
        let mut rules = locked(&self.rules);
        let Rules { list, seen, first } = &mut *rules;
        let since = first.get_or_insert_with(Instant::now).elapsed();
        let about = list.iter().enumerate().filter(|(_, rule)| rule.is_about(resource));
        let striking = about.filter_map(|(index, rule)| {
            let counted_by = match rule.scope {
                Scope::Rule => String::new(),
                Scope::Path => path.to_owned(),
                Scope::Connection => connection.to_string(),
            };
            let number = seen.entry((index, counted_by)).or_default();
            *number += 1;
            rule.strikes(*number, at_once, since).then(|| rule.fault.clone())
        });
        striking.collect()
    }

    /// Notes an answer that is about to be sent.
    pub(super) fn note(&self, mut served: Served) -> Option<usize> {
        let mut log = locked(&self.log);
        served.at = self.started.elapsed();
        (log.len() < LONGEST_LOG).then(|| log.push(served))?;
        Some(log.len() - 1)
    }

    /// Changes what was noted; the function is told the time since the start.
    pub(super) fn noted(&self, entry: Option<usize>, change: impl FnOnce(&mut Served, Duration)) {
        let mut log = locked(&self.log);
        if let Some(served) = entry.and_then(|entry| log.get_mut(entry)) {
            change(served, self.started.elapsed());
        }
    }

    /// How many bytes may be sent before it dies.
    pub(super) fn left(&self) -> u64 {
        let sent = self.total_sent.load(Ordering::Relaxed);
        self.settings.dies_after.map_or(u64::MAX, |limit| limit.saturating_sub(sent).max(1))
    }

    /// Counts bytes that were sent, and waits where all connections share a rate.
    pub(super) async fn sent(&self, entry: Option<usize>, bytes: u64) {
        self.noted(entry, |served, _| served.bytes_sent += bytes);
        let total = self.total_sent.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if self.settings.dies_after.is_some_and(|limit| total >= limit) {
            self.died.send_replace(true);
        }
        if let Some(rate) = self.settings.total_rate {
            let until = {
                let mut free = locked(&self.free);
                *free = (*free).max(Instant::now()) + Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
                *free
            };
            tokio::time::sleep_until(until).await;
        }
    }
}
