//! One thread that makes sure of killed commands: it looks for what escaped, and takes their exit status so that no zombie is left.
//!
//! Both can take a while, and the future that ran a command may be gone already. The thread is started when needed and ends when
//! there is nothing left to do. It survives neither `fork` nor needs to: a forked process starts its own.

use std::collections::VecDeque;
use std::process::Child;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::tree::Tree;

/// What became of a process tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Swept {
    /// How many processes there were besides the command itself.
    pub(super) others: usize,
    /// What is still alive, because it hangs in the kernel or belongs to somebody else.
    pub(super) survivors: Vec<u32>,
}

/// A killed command that has to be made sure of.
#[derive(Debug)]
struct Corpse {
    child: Child,
    tree: Tree,
    reaped: bool,
    rounds: u32,
    answer: Option<oneshot::Sender<Swept>>,
}

/// After so many looks the rest is reported as survivors; about a second in all.
const ROUNDS: u32 = 30;
/// How many looks in a row have to find nothing: a process that forks while it is looked for shows up in the next one.
const QUIET_ROUNDS: u32 = 2;

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Corpse>,
    /// Commands that are with the thread now.
    working: usize,
    /// The process whose thread serves the queue.
    served_by: Option<u32>,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { waiting: VecDeque::new(), working: 0, served_by: None });
static CHANGED: Condvar = Condvar::new();

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands a killed command over. The queue holds at most as many as there are running commands.
pub(super) fn hand_over(child: Child, tree: Tree, answer: Option<oneshot::Sender<Swept>>) {
    let mut queue = queue();
    let own = Some(std::process::id());
    if queue.served_by.is_some() && queue.served_by != own {
        // This process was forked off another, whose children are none of ours.
        *queue = Queue::default();
    }
    queue.waiting.push_back(Corpse { child, tree, reaped: false, rounds: 0, answer });
    if queue.served_by != own {
        match std::thread::Builder::new().name("stratheal-reaper".to_owned()).spawn(serve) {
            Ok(_) => queue.served_by = own,
            // The group is dead already; the next command that ends this way tries again.
            Err(error) => tracing::error!(%error, "no thread to look for what a killed command left behind"),
        }
    }
    drop(queue);
    CHANGED.notify_all();
}

/// Waits until every killed command has been made sure of, at most for `limit`, and answers whether that is so. A program that is
/// about to exit calls this, because its threads end with it.
#[must_use]
pub fn settle(limit: Duration) -> bool {
    let busy = |queue: &mut Queue| !queue.waiting.is_empty() || queue.working > 0;
    let (mut queue, _) = CHANGED.wait_timeout_while(queue(), limit, busy).unwrap_or_else(PoisonError::into_inner);
    !busy(&mut queue)
}

fn serve() {
    let mut corpses: Vec<Corpse> = Vec::new();
    loop {
        {
            let mut queue = queue();
            corpses.extend(queue.waiting.drain(..));
            queue.working = corpses.len();
            if corpses.is_empty() {
                queue.served_by = None;
                drop(queue);
                CHANGED.notify_all();
                return;
            }
        }
        let mut busiest = u32::MAX;
        corpses.retain_mut(|corpse| {
            let keep = !corpse.look();
            busiest = if keep { busiest.min(corpse.rounds) } else { busiest };
            keep
        });
        if !corpses.is_empty() {
            rest(busiest);
        }
    }
}

/// Short rests at first: most commands are dead at once.
fn rest(rounds: u32) {
    let pause =
        if rounds <= ROUNDS { Duration::from_millis(u64::from(rounds.min(40))) } else { Duration::from_millis(500) };
    let queue = queue();
    drop(
        CHANGED
            .wait_timeout_while(queue, pause, |queue| queue.waiting.is_empty())
            .unwrap_or_else(PoisonError::into_inner),
    );
}

impl Corpse {
    /// One look. Answers whether nothing is left to do.
    fn look(&mut self) -> bool {
        self.rounds += 1;
        let survivors = if self.rounds <= ROUNDS { self.tree.sweep() } else { Vec::new() };
        if !self.reaped {
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(Some(_)) => self.reaped = true,
                Err(error) => {
                    tracing::warn!(pid = self.child.id(), %error, "cannot wait for a killed command");
                    self.reaped = true;
                }
            }
            if self.reaped {
                self.tree.leader_is_gone();
            }
        }
        self.tree.reap_orphans();
        let clean = self.reaped && survivors.is_empty() && self.rounds >= QUIET_ROUNDS;
        if (clean || self.rounds >= ROUNDS)
            && let Some(answer) = self.answer.take()
        {
            let mut survivors = survivors;
            if !self.reaped {
                survivors.push(self.child.id());
            }
            // The receiver is gone when the run was given up: nobody is left to tell.
            drop(answer.send(Swept { others: self.tree.size(), survivors }));
        }
        // One that hangs in the kernel is waited for as long as this process lives.
        clean || (self.rounds >= ROUNDS && self.reaped)
    }
}
