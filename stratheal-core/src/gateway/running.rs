//! A gateway that runs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::access::USER;
use super::environment::{Addresses, Change, ClientPlan, Mode, ProxyAddress, changes};
use super::report::Report;
use super::route::SECRET;
use super::service::Service;

/// How long the tasks may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// A gateway that runs. Dropping it stops it without waiting for answers that are under way.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    secure: bool,
    service: Arc<Service>,
    silence: Duration,
    note: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    listening: JoinHandle<()>,
}

impl Running {
    #[expect(clippy::too_many_arguments, reason = "the parts of one thing, put together in one place")]
    pub(super) const fn new(
        address: SocketAddr,
        secure: bool,
        service: Arc<Service>,
        silence: Duration,
        note: Option<String>,
        stop: oneshot::Sender<()>,
        serving: JoinHandle<()>,
        listening: JoinHandle<()>,
    ) -> Self {
        Self { address, secure, service, silence, note, stop: Some(stop), serving, listening }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    fn base(&self, user_info: &str) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        // Nobody can ask "any address".
        let host = if self.address.ip().is_unspecified() {
            super::builder::host_text(self.address.ip()).to_owned()
        } else {
            self.address.ip().to_string()
        };
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        format!("{scheme}://{user_info}{host}:{}", self.address.port())
    }

    /// The URL of its index, with the secret as user-info: what a client is given. Do not show it.
    #[must_use]
    pub fn url(&self) -> String {
        self.base(&format!("{USER}:{}@", self.service.token.expose())) + "/simple/"
    }

    /// The same with the secret in its path, for clients that cannot send user-info. Do not show it.
    #[must_use]
    pub fn url_with_secret_path(&self) -> String {
        format!("{}/{SECRET}/{}/simple/", self.base(""), self.service.token.expose())
    }

    /// The URL without the secret, to show.
    #[must_use]
    pub fn safe_url(&self) -> String {
        self.base("") + "/simple/"
    }

    /// The URL of the proxy, with its secret. Do not show it. `None` when it is no proxy.
    #[must_use]
    pub fn proxy_url(&self) -> Option<String> {
        let proxy = self.service.proxy.as_ref()?;
        Some(self.base(&format!("{USER}:{}@", proxy.token().expose())))
    }

    /// The file of certificates that clients of the proxy have to trust. `None` when it is no proxy.
    #[must_use]
    pub fn certificates(&self) -> Option<&std::path::Path> {
        self.service.proxy.as_ref().map(super::proxy::Proxy::bundle)
    }

    /// What a person should know about its start: that its usual port was busy.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// In which variables the child of a plan has to differ from its parent, each with the reason. Nothing for a plan that is refused,
    /// or that needs a proxy when this gateway is none: see [`Self::serves`].
    #[must_use]
    pub fn child_environment(&self, plan: &ClientPlan) -> Vec<Change> {
        let proxy = self.service.proxy.as_ref().and_then(|proxy| {
            Some(ProxyAddress { url: self.proxy_url()?, bundle: proxy.bundle().to_owned(), hosts: proxy.hosts() })
        });
        changes(plan, &Addresses { index: self.url(), proxy, silence: self.silence })
    }

    /// Whether this gateway can do what a plan needs.
    #[must_use]
    pub fn serves(&self, plan: &ClientPlan) -> bool {
        match plan.mode {
            Mode::Index => true,
            Mode::Proxy => self.service.proxy.is_some(),
            Mode::Refused { .. } => false,
        }
    }

    /// What it did so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.service.tally.report()
    }

    /// Stops it: no new connections, and two seconds for answers that are under way.
    ///
    /// # Cancellation
    /// Dropping the future stops it at once.
    pub async fn stop(mut self) -> Report {
        // It fails when the server ended already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if tokio::time::timeout(GRACE, &mut self.serving).await.is_err() {
            tracing::debug!("the gateway did not end in time");
        }
        self.report()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
        self.listening.abort();
    }
}
