//! Who heals in this process, and hears at once what it has changed itself.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::healing::Healing;
use crate::process;

/// Those of one process: in a fork, those of its parent do not run.
struct Listeners {
    process: u32,
    all: Vec<Weak<Healing>>,
}

static LISTENERS: Mutex<Listeners> = Mutex::new(Listeners { process: 0, all: Vec::new() });

fn each<T>(look: impl FnOnce(&mut Vec<Weak<Healing>>) -> T) -> T {
    let mut known = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
    if known.process != process::id() {
        *known = Listeners { process: process::id(), all: Vec::new() };
    }
    known.all.retain(|one| one.strong_count() > 0);
    look(&mut known.all)
}

/// Has one listen for as long as it is there.
pub(crate) fn add(healing: &Arc<Healing>) {
    each(|all| all.push(Arc::downgrade(healing)));
}

/// Tells all of them that something has changed which may make their next attempt succeed.
pub(crate) async fn tell_changed(what: &str) {
    let all: Vec<_> = each(|all| all.iter().filter_map(Weak::upgrade).collect());
    for healer in all.iter().filter_map(|healing| healing.healer()) {
        // One that has just stopped need not know.
        let _ = healer.changed(what).await;
    }
}
