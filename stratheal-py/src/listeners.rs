//! Who heals in this process, and hears at once what it has changed itself.

use std::path::Path;
use std::sync::{Arc, LazyLock, Weak};

use arc_swap::ArcSwap;

use crate::healing::Healing;
use crate::process;

/// Those of one process: in a fork, those of its parent do not run.
#[derive(Debug, Default)]
struct Listeners {
    process: u32,
    all: Vec<Weak<Healing>>,
}

/// No lock, because a fork would inherit it as it is.
static LISTENERS: LazyLock<ArcSwap<Listeners>> = LazyLock::new(ArcSwap::default);

/// Has one listen for as long as it is there.
pub(crate) fn add(healing: &Arc<Healing>) {
    LISTENERS.rcu(|known| {
        let here = known.all.iter().filter(|one| known.process == process::id() && one.strong_count() > 0);
        let all = here.cloned().chain([Arc::downgrade(healing)]).collect();
        Listeners { process: process::id(), all }
    });
}

/// Tells all of them that an environment has changed, which may make their next attempt succeed.
pub(crate) async fn tell_changed(root: &Path) {
    let what = format!("the environment {}", root.display());
    let known = LISTENERS.load_full();
    let here = known.all.iter().filter(|_| known.process == process::id());
    for healer in here.filter_map(Weak::upgrade).filter_map(|healing| healing.healer()) {
        // One that has just stopped need not know.
        let _ = healer.changed(&what).await;
    }
}
