//! One thread that makes sure of killed commands: it looks for what escaped, and takes their exit status so that no zombie is left.
//!
//! Both can take a while, and the future that ran a command may be gone already. The thread is started when needed and ends when
//! there is nothing left to do. It survives neither `fork` nor needs to: a forked process starts its own.

use std::collections::VecDeque;
use std::process::Child;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::tree::{Census, Tree};

/// What became of a process tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Swept {
    /// How many processes there were besides the command itself.
    pub(super) others: usize,
    /// What is still alive, because it hangs in the kernel or belongs to somebody else.
    pub(super) survivors: Vec<u32>,
}

/// A command that has to be made sure of.
#[derive(Debug)]
struct Corpse {
    child: Child,
    tree: Tree,
    reaped: bool,
    rounds: u32,
    /// Looks in a row that found nothing.
    quiet: u32,
    answer: Option<oneshot::Sender<Swept>>,
}

/// After so many looks the rest is reported as survivors; about half a second in all.
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

/// Kills a command with everything below it.
pub(super) fn kill_now(child: &mut Child, tree: &mut Tree) {
    tree.kill_now();
    kill_child(child);
}

/// Kills the command alone, where there are no groups that cover it.
fn kill_child(child: &mut Child) {
    if cfg!(not(unix))
        && let Err(error) = child.kill()
    {
        tracing::warn!(%error, "cannot kill a command");
    }
}

/// Hands a command over to be killed, searched for and reaped. The queue holds at most as many as there are running commands.
pub(super) fn hand_over(child: Child, tree: Tree, answer: Option<oneshot::Sender<Swept>>) {
    let mut queue = queue();
    let own = Some(std::process::id());
    if queue.served_by.is_some() && queue.served_by != own {
        // This process was forked off another, whose children are none of ours.
        *queue = Queue::default();
    }
    queue.waiting.push_back(Corpse { child, tree, reaped: false, rounds: 0, quiet: 0, answer });
    if queue.served_by != own {
        match std::thread::Builder::new().name("stratheal-reaper".to_owned()).spawn(serve) {
            Ok(_) => queue.served_by = own,
            Err(error) => {
                tracing::error!(%error, "no thread to look for what a command left behind; the next such command tries again");
                for corpse in &mut queue.waiting {
                    kill_now(&mut corpse.child, &mut corpse.tree);
                }
            }
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
        let began = Instant::now();
        let searching = corpses.iter().filter(|corpse| corpse.rounds < ROUNDS);
        // When all there is left to do is wait for one that hangs in the kernel, nothing is searched.
        let census = searching.map(|corpse| corpse.tree.started()).min().map(Census::take).unwrap_or_default();
        corpses.retain_mut(|corpse| !corpse.look(&census));
        if let Some(rounds) = corpses.iter().map(|corpse| corpse.rounds).min() {
            rest(began.elapsed(), pause_after(rounds));
        }
    }
}

/// Short at first: most commands are dead at once.
const fn pause_after(rounds: u32) -> Duration {
    if rounds < ROUNDS { Duration::from_millis(rounds as u64) } else { Duration::from_millis(500) }
}

/// Rests as long as it worked, so that a storm of time-outs takes half a processor at most; then until there is something to do.
fn rest(worked: Duration, pause: Duration) {
    std::thread::park_timeout(worked);
    let idle = |queue: &mut Queue| queue.waiting.is_empty();
    drop(CHANGED.wait_timeout_while(queue(), pause, idle).unwrap_or_else(PoisonError::into_inner));
}

impl Corpse {
    /// One look. Answers whether nothing is left to do.
    fn look(&mut self, census: &Census) -> bool {
        self.rounds += 1;
        let known = self.tree.size();
        let survivors = if self.rounds <= ROUNDS { self.tree.sweep(census) } else { Vec::new() };
        if !self.reaped {
            self.reap();
        }
        self.tree.reap_orphans();
        let quiet = self.reaped && survivors.is_empty() && self.tree.size() == known;
        self.quiet = if quiet { self.quiet + 1 } else { 0 };
        let clean = self.quiet >= QUIET_ROUNDS;
        if clean || self.rounds >= ROUNDS {
            self.tell(survivors);
        }
        // A command that hangs in the kernel is waited for as long as this program lives.
        clean || (self.rounds >= ROUNDS && self.reaped)
    }

    /// Takes the exit status of the command if it has ended.
    fn reap(&mut self) {
        kill_child(&mut self.child);
        match self.child.try_wait() {
            Ok(None) => return,
            Ok(Some(_)) => {}
            Err(error) => tracing::warn!(pid = self.child.id(), %error, "cannot wait for a killed command"),
        }
        self.reaped = true;
        self.tree.leader_is_gone();
    }

    fn tell(&mut self, mut survivors: Vec<u32>) {
        let Some(answer) = self.answer.take() else { return };
        if !self.reaped {
            survivors.push(self.child.id());
        }
        // The receiver is gone when the run was given up: nobody is left to tell.
        drop(answer.send(Swept { others: self.tree.size(), survivors }));
    }
}
