//! What a keeper that was killed left running.
//!
//! Its children go on without it, but nobody reads their pipes and nobody would see them end, so they are stopped before anything of
//! their service is started anew. They are found in the children file: by number and time of start, by process group and session, and
//! by their mark. What was started before the machine was restarted is gone anyway.

use std::time::Duration;

use rustix::process::Signal;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::inside::Inside;
use super::place::KeeperPlace;
use crate::service::children::{self, Child};
use crate::service::protocol::Cleared;
use crate::service::tree::{Census, Tree, is_alive, stat};
use crate::sys::process::ProcessId;

/// How often it is looked whether they are gone.
const LOOK: Duration = Duration::from_millis(20);
/// After this long with SIGKILL somebody is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// Those of an earlier keeper that were started under this start of the machine. A folder that was copied names those of a keeper that
/// lives: they are its own.
pub(super) fn find(place: &KeeperPlace, boot: &str) -> std::io::Result<Vec<Child>> {
    let mut left = children::read(&place.children())?;
    let lives = |keeper: ProcessId| stat(keeper.pid).is_some_and(|now| now.id == keeper && !now.state.has_ended());
    left.retain(|child| child.boot == boot && !child.keeper.is_some_and(lives));
    if let Err(error) = children::replace(&place.children(), left.clone()) {
        // On a full disk it is appended to as it is. What cannot be appended is not started.
        tracing::warn!(%error, "cannot write the children file anew");
    }
    Ok(left)
}

/// Stops what is left of one service, and says so when nothing is.
pub(super) async fn clear(left: Vec<Child>, place: KeeperPlace, inside: mpsc::Sender<Inside>) {
    let mut cleared = Vec::new();
    for child in left {
        let pids = stop(&child).await;
        if let Err(error) = children::append_gone(&place.children(), &child.run) {
            // It is looked for once more by the next keeper, and not found.
            tracing::warn!(%error, "cannot note that a process is gone");
        }
        cleared.push(Cleared { service: child.service, run: child.run, pids });
    }
    // The keeper ends meanwhile only when it is told to.
    drop(inside.send(Inside::Cleared(cleared)).await);
}

/// Stops everything of one run, and answers what there was.
async fn stop(child: &Child) -> Vec<u32> {
    let mut tree = Tree::new(child.process, child.run.clone(), child.group.clone());
    let mut found = Vec::new();
    let begun = Instant::now();
    let (mut told, mut blind) = (false, false);
    loop {
        // Always all of them: nothing reserves the number of the group, and somebody may have forked.
        let searched = Census::take().and_then(|census| tree.search(&census, false));
        let leader = is_alive(child.process).then_some(child.process.pid);
        let alive: Vec<u32> = leader.into_iter().chain(tree.others()).collect();
        let new = alive.iter().any(|pid| !found.contains(pid));
        for pid in &alive {
            if !found.contains(pid) {
                found.push(*pid);
            }
        }
        match searched {
            Ok(()) if alive.is_empty() => return found,
            Ok(()) => {}
            Err(error) => {
                if !std::mem::replace(&mut blind, true) {
                    tracing::error!(service = %child.service, %error, "cannot look for what an earlier keeper left");
                }
            }
        }
        let over = begun.elapsed() >= child.stop_timeout;
        if over || new {
            let signal = if over { Signal::KILL } else { Signal::TERM };
            tree.signal_leader(signal);
            tree.signal_others(signal);
        }
        if !told && begun.elapsed() >= child.stop_timeout + PATIENCE {
            told = true;
            tracing::error!(service = %child.service, ?alive, "left by an earlier keeper, and cannot be killed");
        }
        tokio::time::sleep(LOOK).await;
    }
}
