//! `stratheal index serve`.

use std::convert::Infallible;
use std::future::pending;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use stratheal_core::base::class::chain;
use stratheal_core::base::clock::{Clock, SystemClock};
use stratheal_core::base::fs::read_text;
use stratheal_core::fetch::{Event, FileOrigin};
use stratheal_core::gateway::{AccessToken, Gateway, Running, SECRET_FILE};
use stratheal_core::objects::{GcPolicy, Store};
use stratheal_core::workspace::Named;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::args::{Common, Packages, ServeOptions};
use crate::failure::Failure;
use crate::lead::not_started;
use crate::progress::{Display, Progress};
use crate::{output, runtime_with_threads, workspace};

/// How often the size of the cache is looked at.
const LOOK: Duration = Duration::from_mins(5);
/// The largest file with a token.
const MAX_TOKEN: u64 = 4096;

pub(crate) fn run(common: &Common, packages: &Packages, options: &ServeOptions) -> Result<ExitCode, Failure> {
    let runtime = runtime_with_threads()?;
    let code = runtime.block_on(serve(common, packages, options));
    // A look-up that hangs must not keep the program from ending.
    runtime.shutdown_background();
    code
}

async fn serve(common: &Common, packages: &Packages, options: &ServeOptions) -> Result<ExitCode, Failure> {
    // Before anything else: a signal that comes while starting ends the program as it does later.
    let stop = Stop::listen().map_err(|error| Failure::io("listen for signals", error))?;
    let workspace = workspace::open(common, packages)?;
    let sources = workspace.sources(Named::default())?;
    let fetcher = workspace.fetcher(&sources)?;
    let folder = workspace.cache.join("serve");
    let mut builder = Gateway::builder(fetcher.clone())
        .listen(options.listen)
        .state_folder(folder.clone())
        .insecure(options.insecure);
    if let Some(file) = &options.token_file {
        builder = builder.token(token(file)?);
    }
    if let (Some(certificate), Some(key)) = (&options.tls_cert, &options.tls_key) {
        builder = builder.tls(certificate.clone(), key.clone());
    }
    let running = builder.start().await.map_err(|error| not_started(&error))?;
    announce(common, &running, options, &folder)?;
    for note in running.note().into_iter().chain(sources.notes.iter().map(String::as_str)) {
        output::complain(note);
    }
    // A service has no bars: what it does goes into its log.
    let progress = Progress::follow(fetcher.events(), Display::plain(common));
    let bound = options.max_size.or(workspace.index().max_size);
    tokio::select! {
        () = stop.wait() => {}
        never = keep_small(super::store(&workspace)?, bound, fetcher.events()) => match never {},
    }
    running.stop().await;
    fetcher.settled().await;
    progress.finish().await;
    Ok(ExitCode::SUCCESS)
}

/// Drops from the cache what was used longest ago, whenever it is too large.
async fn keep_small(store: Store, bound: Option<u64>, mut events: Receiver<Event>) -> Infallible {
    let policy = GcPolicy { max_bytes: bound, ..GcPolicy::default() };
    let mut beat = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = added(&mut events, bound.map(|bound| bound / 10)) => beat.reset(),
        }
        let (store, policy) = (store.clone(), policy.clone());
        match tokio::task::spawn_blocking(move || store.gc(&policy, &[], SystemClock.now())).await {
            Ok(Ok(report)) if report.objects.is_empty() => {}
            Ok(Ok(report)) => tracing::info!(objects = report.objects.len(), bytes = report.bytes(), "cache pruned"),
            Ok(Err(error)) => tracing::warn!(error = chain(&error), "the cache cannot be pruned"),
            Err(error) => tracing::warn!(%error, "the cache cannot be pruned"),
        }
    }
}

/// Completes when so many bytes were added to the cache.
async fn added(events: &mut Receiver<Event>, enough: Option<u64>) {
    let Some(enough) = enough else { return pending().await };
    let mut bytes = 0_u64;
    while bytes <= enough {
        match events.recv().await {
            Ok(Event::FileDone { size, origin: FileOrigin::Members(_), .. }) => bytes = bytes.saturating_add(size),
            Ok(_) => {}
            // Events that were missed may have been files.
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => pending().await,
        }
    }
}

fn token(file: &Path) -> Result<AccessToken, Failure> {
    let text = read_text(file, MAX_TOKEN).map_err(|error| Failure::io("read the token", error))?;
    AccessToken::chosen(text.trim()).ok_or_else(|| {
        let text = format!("{} holds no usable token: 16 to 256 letters, digits, `-` or `_`", file.display());
        Failure::Usage(text)
    })
}

/// Says where it serves. The secret it made itself is shown on a terminal only: what is not a terminal is kept in logs.
fn announce(common: &Common, running: &Running, options: &ServeOptions, folder: &Path) -> Result<(), Failure> {
    if common.quiet {
        return Ok(());
    }
    let own = options.token_file.is_none();
    if own && io::stdout().is_terminal() {
        return output::print(&format!("serving {}", running.url()));
    }
    let secret = folder.join(SECRET_FILE);
    let how = if own { format!("; its secret is in {}", secret.display()) } else { String::new() };
    output::print(&format!("serving {}{how}", running.safe_url()))
}

/// The signals that end a service.
#[cfg(unix)]
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Stop {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C ends a service.
#[cfg(not(unix))]
struct Stop;

#[cfg(not(unix))]
impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn wait(self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot listen for Ctrl-C");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_added_is_counted() {
        let (sender, mut events) = tokio::sync::broadcast::channel(8);
        let done = |size, origin| Event::FileDone {
            file: "x".to_owned(),
            size,
            origin,
            transferred: size,
            took: Duration::ZERO,
        };
        sender.send(done(90, FileOrigin::Store)).unwrap();
        sender.send(done(10, FileOrigin::Members(Vec::new()))).unwrap();
        let soon = Duration::from_millis(50);
        assert!(tokio::time::timeout(soon, added(&mut events, Some(10))).await.is_err());
        sender.send(done(11, FileOrigin::Members(Vec::new()))).unwrap();
        added(&mut events, Some(10)).await;
        assert!(tokio::time::timeout(soon, added(&mut events, None)).await.is_err());
    }
}
