//! How a monitor begins in a process, and how what nobody holds any more ends.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stratheal_core::engine::{Engine, EngineHandle};
use stratheal_core::service::KeeperProgram;

use crate::core::Core;
use crate::dispatch::Dispatcher;
use crate::errors::Raised;
use crate::healing::{self, Healing, Means, Supervised};
use crate::history;
use crate::mailbox::{Mailbox, Reader, mailbox};
use crate::process;
use crate::registered::{Audience, Running, Turn, lock};
use crate::serving::{Place, Serving};

impl Core {
    /// Begins everything, and answers where threads find what they are to do. Whether the interpreter has a lock, Python knows.
    pub(crate) fn begin(
        &self,
        mailbox_of_loop: Option<Arc<Mailbox>>,
        watched: bool,
        state: Option<PathBuf>,
        keeper: Option<(PathBuf, Vec<OsString>)>,
        is_locked: bool,
    ) -> Result<(Running, Reader), Raised> {
        // An address that cannot be had is known before anything begins.
        let place = self.listen.map(Place::take).transpose()?;
        let (threads, reader) = mailbox(true).map_err(|error| Raised::new("StrathealError", error.to_string()))?;
        let dispatcher = Arc::new(Dispatcher::new(threads, self.threads, is_locked));
        // Before the engine: the first checks run at once.
        if let Some(mailbox) = mailbox_of_loop {
            dispatcher.bind(mailbox);
        }
        let audience = Audience { dispatcher, watched };
        let folder = state.as_deref().map(healing::take).transpose()?.flatten();
        let elsewhere = state.as_deref().filter(|_| folder.is_none()).map(healing::published);
        let (additions, config) = {
            let inner = lock(&self.inner);
            (inner.additions(&inner.checks, &audience, elsewhere.as_ref()), inner.config.clone())
        };
        let supervised = config.zip(keeper);
        let supervised = supervised.map(|(config, (program, arguments))| {
            let keeper = KeeperProgram { program, arguments };
            Supervised { config, keeper }
        });
        if supervised.is_none() {
            // Before anything runs: a ladder may name what is not there.
            healing::setup(&additions)?;
        }
        let history = folder.as_ref().filter(|_| self.records).map(history::open).transpose()?;
        let heals = !additions.heal.is_empty() || state.is_some();
        // What is supervised comes with its services, on which checks may depend.
        let is_later = supervised.is_some() && folder.is_some();
        let mut builder = Engine::builder().register_all(if is_later { Vec::new() } else { additions.checks });
        if let Some(history) = &history {
            builder = builder.history(history.clone());
        }
        let engine = builder.build().and_then(Engine::start)?;
        // Not for ever: a monitor that nobody holds ends.
        let (inner, heard) = (Arc::downgrade(&self.inner), audience.clone());
        let known = inner.clone();
        let is_of_process =
            Arc::new(move |name: &str| known.upgrade().is_none_or(|inner| lock(&inner).checks.is_of_process(name)));
        let registered = move || {
            let inner = inner.upgrade()?;
            let inner = lock(&inner);
            Some(inner.additions(&inner.checks, &heard, None))
        };
        let turn = Turn::default();
        let registered = Box::new(registered);
        let means = Means { engine: engine.clone(), registered, is_of_process, turn: turn.clone(), state, supervised };
        match heals.then(|| Healing::begin(means, folder)).transpose() {
            Ok(healing) => {
                let serve = |place| Arc::new(Serving::begin(place, engine.clone(), self.options.clone()));
                let serving = place.map(serve);
                Ok((Running { engine, audience, healing, turn, history, serving }, reader))
            }
            Err(raised) => {
                end(engine, None);
                Err(raised)
            }
        }
    }
}

/// Ends what nobody holds any more, beside whoever goes on: what runs holds itself, services and checks each other.
pub(crate) fn end(engine: EngineHandle, healing: Option<Arc<Healing>>) {
    let Ok(runtime) = process::runtime() else { return };
    runtime.spawn(async move {
        if let Some(healing) = healing {
            healing.stop().await;
        }
        engine.shutdown(Duration::ZERO).await;
    });
}
