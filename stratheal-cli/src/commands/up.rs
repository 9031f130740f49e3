//! `stratheal up`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use stratheal_core::config::Config;
use stratheal_core::contract::History;
use stratheal_core::control::{self, Control};
use stratheal_core::endpoints::{Options, router, serve};
use stratheal_core::engine::{Engine, EngineError, EngineHandle};
use stratheal_core::service::Shutdown;
use stratheal_core::supervision::{Additions, Monitor, Scope, Supervision};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

use crate::args::{Common, Packages, UpOptions};
use crate::commands::snapshot::Proving;
use crate::failure::Failure;
use crate::monitor::means;
use crate::reload::Reload;
use crate::systemd::Notifier;
use crate::{place, printer, recording, runtime_with_threads, screen};

/// How often the engine is asked whether it lives, at least.
const PULSE: Duration = Duration::from_secs(5);
/// How long the scheduler may take to answer the watchdog.
const ANSWER: Duration = Duration::from_millis(500);

pub(crate) fn run(common: &Common, packages: &Packages, options: &UpOptions) -> Result<ExitCode, Failure> {
    printer::start();
    let config = place::configuration(common)?;
    let runtime = runtime_with_threads()?;
    runtime.block_on(up(common, packages, options, config))?;
    // A look-up that hangs must not keep the program from ending.
    runtime.shutdown_timeout(Duration::from_millis(100));
    Ok(ExitCode::SUCCESS)
}

async fn up(common: &Common, packages: &Packages, options: &UpOptions, config: Config) -> Result<(), Failure> {
    let notifier = Notifier::from_environment();
    // Before anything else: a signal that comes while starting ends the program as it does later.
    let mut signals = Signals::listen().map_err(|error| Failure::io("listen for signals", error))?;
    let state = place::state(common, &config);
    let _claim = place::claim(&config);
    let recording = recording::begin(&state, &config.history)?;
    let listener = listen(options, &config).await?;

    // Checks come with services, which want to ask checks whether they are ready.
    let builder = Engine::builder().limits(place::limits());
    let engine = builder.history(recording.history.clone()).build()?.start()?;
    let means = means(common, packages, &state, engine.clone())?;
    let supervision = Supervision::begin(means, &config, &Additions::default(), &Scope::Up).await?;
    let monitor = supervision.monitor.clone();
    let reload = Reload {
        common: common.clone(),
        monitor: monitor.clone(),
        endpoints: config.endpoints.clone(),
        history: config.history.clone(),
        notify: config.notify.clone(),
        watchdog: config.watchdog.clone(),
    };

    let mut tasks = JoinSet::new();
    announce(common, &config, listener.as_ref(), &engine);
    if let Some(listener) = listener {
        let options = Options { details: config.endpoints.details, hosts: config.endpoints.hosts.clone() };
        let router = router(engine.clone(), options);
        tasks.spawn(async move {
            if let Err(error) = serve(listener, router, std::future::pending()).await {
                tracing::error!(%error, "the HTTP endpoints stopped");
            }
        });
    }
    tasks.spawn(answer_calls(state, monitor, recording.history.clone(), reload.clone()));
    tasks.spawn(screen::run(common.clone(), engine.clone()));
    if let Some(proving) = Proving::of(common, packages, &config) {
        tasks.spawn(proving.run(engine.clone()));
    }
    notifier.send(&format!("READY=1\nSTATUS=watching {} checks", config.checks.len()));

    let how = watch(&mut signals, &notifier, &engine, &reload).await;

    notifier.send("STOPPING=1");
    let stopped_by_itself = !engine.is_running();
    supervision.finish(how).await;
    recording.finish(&engine).await;
    if !common.quiet {
        printer::line("stopped".to_owned());
    }
    printer::flush();
    tasks.shutdown().await;
    if stopped_by_itself { Err(Failure::Engine(EngineError::Stopped)) } else { Ok(()) }
}

/// The signals that mean something.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// Leave services running for the next monitor.
    leave: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            leave: signal(SignalKind::user_defined2())?,
        })
    }
}

/// Follows signals and feeds the watchdog, until told to end or the engine has stopped. Answers what becomes of services.
async fn watch(signals: &mut Signals, notifier: &Notifier, engine: &EngineHandle, reload: &Reload) -> Shutdown {
    let mut pulse = tokio::time::interval(notifier.watchdog().unwrap_or(PULSE).min(PULSE));
    pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    // Reading the configuration may hang with its disk; signals and the watchdog must not.
    let mut reading = JoinSet::new();
    loop {
        tokio::select! {
            _ = signals.interrupt.recv() => return Shutdown::StopServices,
            _ = signals.terminate.recv() => return Shutdown::StopServices,
            _ = signals.leave.recv() => return Shutdown::LeaveRunning,
            _ = signals.hang_up.recv() => {
                if reading.is_empty() {
                    notifier.reloading();
                    reading.spawn(reload.clone().run());
                } else {
                    tracing::warn!("the configuration is still being read");
                }
            }
            Some(read) = reading.join_next() => {
                match read.unwrap_or_else(|error| Err(error.to_string())) {
                    Ok(changes) => tracing::info!(changes, "configuration read again"),
                    Err(problems) => {
                        for problem in problems.lines() {
                            tracing::error!("{problem}");
                        }
                        tracing::error!("configuration not taken; the old one goes on");
                    }
                }
                notifier.send("READY=1");
            }
            _ = pulse.tick() => {
                if !engine.is_running() {
                    return Shutdown::LeaveRunning;
                }
                if engine.responds(ANSWER).await {
                    notifier.send("WATCHDOG=1");
                } else {
                    tracing::error!("the scheduler does not answer; the watchdog is not fed");
                }
            }
        }
    }
}

async fn listen(options: &UpOptions, config: &Config) -> Result<Option<TcpListener>, Failure> {
    if !config.endpoints.enabled && options.listen.is_none() {
        return Ok(None);
    }
    let address = options.listen.unwrap_or(config.endpoints.listen);
    let listener = TcpListener::bind(address).await;
    listener.map(Some).map_err(|source| Failure::Listen { address, source })
}

fn announce(common: &Common, config: &Config, listener: Option<&TcpListener>, engine: &EngineHandle) {
    if common.quiet {
        return;
    }
    let count = engine.snapshot().checks.len();
    let (from, plural) = (config.file.display(), if count == 1 { "" } else { "s" });
    let address = listener.and_then(|listener| listener.local_addr().ok());
    let served = address.map_or_else(String::new, |address| format!("; http://{address}/health"));
    printer::line(format!("watching {count} check{plural} from {from}{served}"));
}

/// Answers on the control socket. Without it the monitor still watches; it just cannot be asked.
async fn answer_calls(state: PathBuf, monitor: Monitor, history: Arc<dyn History>, reload: Reload) {
    let socket = place::socket(&state);
    if let Err(error) = control::leave_address(&state, &socket) {
        tracing::debug!(%error, "cannot leave the socket's address in the state folder");
    }
    let again = move || reload.clone().run().boxed();
    let Monitor { engine, services, healer, .. } = monitor;
    let (healer, services) = (Some(healer), Some(services));
    let control = Control { engine, history: Some(history), reload: Arc::new(again), healer, services };
    if let Err(error) = control::serve(&socket, control).await {
        tracing::error!(%error, "no control socket: `stratheal status` and its like will find nobody");
    }
}
