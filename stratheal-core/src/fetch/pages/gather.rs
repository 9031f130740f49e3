//! Asks the members of a source for a project, all at once, until enough of them have answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::ask::Question;
use super::decide::{Round, Standing, Step, decide, patience_with};
use super::record::{MemberRecord, Record, Said};
use super::under_way::BeingAsked;
use crate::base::breaker::Permission;
use crate::fetch::failure::{Failure, FailureKind, Verdict};
use crate::fetch::member::{LATE_AFTER, Turn};
use crate::fetch::pause::rest;
use crate::fetch::shared::Shared;
use crate::fetch::{Attempt, FetchError, MemberFailure};
use crate::index::{ProjectName, Source, Trust};

/// What a round of asking brought.
#[derive(Debug)]
pub(super) struct Gathered {
    /// The answers that came.
    pub(super) new: Vec<MemberRecord>,
    /// Why there are not enough of them, if there are not.
    pub(super) lacking: Option<FetchError>,
}

/// What happened with one member.
enum Told {
    Answer(Box<MemberRecord>),
    Failure { failure: Failure, is_final: bool },
}

/// Keeps an answer that comes after the round is over.
pub(super) type Late = Arc<dyn Fn(MemberRecord) -> BoxFuture<'static, ()> + Send + Sync>;

/// One member in the round.
struct Asked {
    question: Question,
    is_believed: bool,
    standing: Standing,
    times: u32,
    last: Option<Failure>,
    task: Option<AbortHandle>,
}

/// A round of asking. Dropped before its end, it stops all requests; ended, it lets those that run finish.
struct Asking {
    asked: Vec<Asked>,
    is_over: bool,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.is_over {
            self.asked.iter().filter_map(|asked| asked.task.as_ref()).for_each(AbortHandle::abort);
        }
    }
}

/// Asks all members of a source. `late` gets what arrives after enough others have answered.
///
/// # Cancellation
/// Dropping the future stops all requests.
pub(super) async fn gather(
    shared: &Arc<Shared>,
    number: usize,
    project: &ProjectName,
    known: &Record,
    late: Late,
) -> Gathered {
    let source = &shared.chain.sources[number];
    let begun = Instant::now();
    let arrived = Arc::new(AtomicU64::new(0));
    let (sender, mut news) = mpsc::channel(64);
    let key = (number, project.clone());
    let mut asking = Asking { asked: begin(shared, source, project, known), is_over: false };
    for (place, asked) in asking.asked.iter_mut().enumerate() {
        let is_probe = asked.standing == Standing::Resting;
        if is_probe && !asked.question.state.begin_probe(begun) {
            continue;
        }
        let work = Asker {
            shared: shared.clone(),
            question: asked.question.clone(),
            number: place,
            begun,
            arrived: arrived.clone(),
            sender: sender.clone(),
            late: late.clone(),
            _being_asked: shared.pages.under_way.begin(key.clone(), asked.question.member.url.clone()),
        };
        asked.task = Some(tokio::spawn(work.run()).abort_handle());
    }
    drop(sender);
    shared.begin_work();

    let has_old = known.since().is_some();
    let primary = asking.asked.iter().find(|asked| asked.is_believed);
    let patience = primary.map_or(Duration::ZERO, |primary| patience_with(&primary.question.state.view(begun)));
    let mut new = Vec::new();
    let mut first_page = None;
    loop {
        let elapsed = begun.elapsed();
        let idle = elapsed.saturating_sub(Duration::from_millis(arrived.load(Ordering::Relaxed)));
        let members: Vec<_> =
            asking.asked.iter().filter(|asked| asked.is_believed).map(|asked| asked.standing).collect();
        let round =
            Round { members: &members, patience, elapsed, first_page, idle, has_old, deadline: shared.deadline };
        let wait = match decide(&round) {
            Step::Wait(wait) => wait,
            Step::Done => break asking.end(news, new, None),
            Step::GiveUp => {
                let is_deadline = idle >= shared.deadline;
                let lacking = lacking(&asking.asked, project, is_deadline.then_some(shared.deadline));
                break asking.end(news, new, Some(lacking));
            }
        };
        // Without anything left to come, the decision above is final in the next turn.
        let Ok(Some((number, told))) = timeout(wait, news.recv()).await else { continue };
        let asked = &mut asking.asked[number];
        match told {
            Told::Answer(record) => {
                asked.standing = match record.said {
                    Said::Page(..) => Standing::Page,
                    Said::Missing => Standing::Missing,
                };
                if asked.standing == Standing::Page && asked.is_believed {
                    first_page.get_or_insert_with(|| begun.elapsed());
                }
                new.push(*record);
            }
            Told::Failure { failure, is_final } => {
                asked.times += 1;
                asked.standing = match (is_final, asked.standing) {
                    (_, Standing::Resting) => Standing::Resting,
                    (true, _) => Standing::Failed,
                    (false, _) => {
                        Standing::Asked { failures: asked.times, is_unreachable: failure.kind.is_of_the_way() }
                    }
                };
                asked.last = Some(failure);
            }
        }
    }
}

impl Asking {
    /// From here on answers are late. Those that came while it was decided that there are enough are none.
    fn end(
        mut self,
        mut news: mpsc::Receiver<(usize, Told)>,
        mut new: Vec<MemberRecord>,
        lacking: Option<FetchError>,
    ) -> Gathered {
        self.is_over = true;
        news.close();
        while let Ok((_, told)) = news.try_recv() {
            if let Told::Answer(record) = told {
                new.push(*record);
            }
        }
        Gathered { new, lacking }
    }
}

/// Who is asked. Members that rest are left out of the waiting while there are others; without others they are asked all the same.
fn begin(shared: &Shared, source: &Source, project: &ProjectName, known: &Record) -> Vec<Asked> {
    let now = Instant::now();
    let asked = source.members.iter().filter_map(|member| {
        let question = Question::new(shared, member, project, known.of(&member.url).cloned())?;
        let view = question.state.view(now);
        let rests = view.usable_at(now).is_some() || view.permission != Permission::Yes;
        let standing = if rests { Standing::Resting } else { Standing::Asked { failures: 0, is_unreachable: false } };
        let is_believed = member.trust == Trust::Pages;
        Some(Asked { question, is_believed, standing, times: 0, last: None, task: None })
    });
    let mut asked: Vec<_> = asked.collect();
    if !asked.iter().any(|asked| asked.is_believed && asked.standing != Standing::Resting) {
        let believed = asked.iter_mut().filter(|asked| asked.is_believed);
        believed.for_each(|asked| asked.standing = Standing::Asked { failures: 0, is_unreachable: false });
    }
    asked
}

/// One member being asked.
struct Asker {
    shared: Arc<Shared>,
    question: Question,
    number: usize,
    begun: Instant,
    /// Milliseconds since the round began until something last arrived.
    arrived: Arc<AtomicU64>,
    sender: mpsc::Sender<(usize, Told)>,
    late: Late,
    /// Until its answer is kept.
    _being_asked: BeingAsked,
}

impl Asker {
    async fn run(self) {
        let project = self.question.project.as_str();
        let mut failures = 0;
        loop {
            let turn = tokio::select! {
                turn = self.question.state.enter() => turn,
                // One that waits for its turn has nothing to be kept for the next time.
                () = self.sender.closed() => return,
            };
            let failure = match self.attempt(turn, failures).await {
                Ok(record) => {
                    if let Err(unsent) = self.sender.send((self.number, Told::Answer(Box::new(record)))).await
                        && let (_, Told::Answer(record)) = unsent.0
                    {
                        (self.late)(*record).await;
                    }
                    return;
                }
                Err(failure) => failure,
            };
            let is_final = failure.verdict() != Verdict::Retry;
            let pause = (!is_final).then(|| self.shared.pause(failures, self.begun.elapsed()));
            let next = pause.map_or_else(
                || "it is not asked again for this".to_owned(),
                |pause| format!("it is asked again after {:.1} s", pause.most.as_secs_f64()),
            );
            self.shared.failed(&self.question.state, project, &failure, &next);
            let sent = self.sender.send((self.number, Told::Failure { failure, is_final })).await;
            let Some(pause) = pause.filter(|_| sent.is_ok()) else { return };
            failures += 1;
            tokio::select! {
                () = rest(pause, [&self.question.state]) => {}
                () = self.sender.closed() => return,
            }
        }
    }

    /// One attempt. When the round has ended without this member and it is still silent, it is in trouble, but goes on: should it
    /// answer after all, that is kept for the next time, and the member is used again.
    async fn attempt(&self, turn: Turn, failures: u32) -> Result<MemberRecord, Failure> {
        let arrived = |_| self.arrived.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        let asked = Instant::now();
        let mut answer = std::pin::pin!(self.question.ask(&self.shared, turn, failures, &arrived));
        let overtaken = async {
            self.sender.closed().await;
            sleep_until(asked + LATE_AFTER).await;
        };
        tokio::select! {
            answer = &mut answer => return answer,
            () = overtaken => {}
        }
        let text = format!("has not answered for {:.1} s, and others have", asked.elapsed().as_secs_f64());
        let failure = Failure::new(FailureKind::Silent, text);
        self.shared.failed(&self.question.state, self.question.project.as_str(), &failure, "others are used");
        answer.await
    }
}

/// Why there is no answer that counts.
fn lacking(asked: &[Asked], project: &ProjectName, deadline: Option<Duration>) -> FetchError {
    let wanted = project.to_string();
    let believed = || asked.iter().filter(|asked| asked.is_believed);
    let refusal = believed().find_map(|asked| match asked.last.as_ref()?.kind {
        FailureKind::Status(status @ (401 | 403)) => Some((asked.question.state.name().to_owned(), status)),
        _ => None,
    });
    if let Some((member, status)) = refusal {
        return FetchError::Denied { member, wanted, status };
    }
    let attempt = |asked: &Asked| {
        let failure = match (&asked.last, asked.standing) {
            (Some(failure), _) => failure.to_public(),
            (None, Standing::Missing) => MemberFailure::Status(404),
            (None, Standing::Resting) => MemberFailure::LeftAlone,
            (None, _) => MemberFailure::Slow("has not answered yet".to_owned()),
        };
        Attempt { member: asked.question.state.name().to_owned(), times: asked.times.max(1), failure }
    };
    let attempts = believed().map(attempt).collect();
    let retry_after = believed().filter_map(|asked| asked.last.as_ref()?.retry_after).max();
    if let Some(within) = deadline {
        return FetchError::Deadline { wanted, within, attempts, retry_after };
    }
    FetchError::Unavailable { wanted, attempts, retry_after }
}
