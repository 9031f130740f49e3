//! Something small that several members have: a sidecar, a few bytes of a file, a list.
//!
//! The best member is asked first; when it is late, the next one is asked as well; when it fails, the next one is asked at once. When
//! all have failed and it may go away, all of it begins again after a pause, until the deadline, or once another member turns out to
//! have it.

use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::{Instant, sleep};

use super::failure::{Failure, FailureKind, Verdict};
use super::insist::insist;
use super::member::{choose, hedge_after};
use super::pause::rest;
use super::places::{MOST_PLACES, Places};
use super::shared::{Location, Shared};
use super::totals::Count;
use super::transport::{Answer, Ask};
use super::{Attempt, FetchError};

/// What is wanted.
#[derive(Debug)]
pub(super) struct Small<'a> {
    /// For people: a project or a file name.
    pub(super) wanted: &'a str,
    pub(super) places: Vec<Location>,
    /// Where else it may turn out to be.
    pub(super) more: Option<&'a Places>,
    pub(super) ask: Ask,
    /// About how large it is, in bytes, for choosing.
    pub(super) bytes: u64,
}

impl Small<'_> {
    /// Gets it. `read` judges an answer and reads its body. `None`: every member says that it is not there.
    ///
    /// # Cancellation
    /// Dropping the future closes the connections.
    ///
    /// # Errors
    /// [`FetchError`] with what each member said last.
    pub(super) async fn get<T, F>(
        mut self,
        shared: &Shared,
        read: impl Fn(Answer) -> F,
    ) -> Result<Option<T>, FetchError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        shared.begin_work();
        let begun = Instant::now();
        let until = begun + shared.deadline;
        let mut last: Vec<Option<(Failure, u32)>> = vec![None; self.places.len()];
        let mut rounds = 0;
        loop {
            if let Some(found) = self.round(shared, &read, &mut last).await {
                return Ok(Some(found));
            }
            if self.find_more(&mut last).await {
                continue;
            }
            let verdicts = || last.iter().flatten().map(|(failure, _)| failure.verdict());
            if verdicts().all(|verdict| verdict == Verdict::Gone) {
                return Ok(None);
            }
            if !verdicts().any(|verdict| verdict == Verdict::Retry) {
                return Err(self.lacking(last, None));
            }
            let pause = shared.pause(rounds, begun.elapsed());
            if Instant::now() + pause.most > until {
                return Err(self.lacking(last, Some(shared.deadline)));
            }
            rounds += 1;
            let rest = rest(pause, self.places.iter().map(|place| &place.member));
            let more = async {
                let found = match self.more {
                    Some(more) => more.more(&self.places).await,
                    None => Vec::new(),
                };
                if found.is_empty() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = rest => {}
                () = more => {}
            }
            self.find_more(&mut last).await;
        }
    }

    /// Looks for places that are new by now. Whether there are any.
    async fn find_more(&mut self, last: &mut Vec<Option<(Failure, u32)>>) -> bool {
        let Some(more) = self.more.filter(|_| self.places.len() < MOST_PLACES) else { return false };
        let found = more.new_ones(&self.places).await;
        let is_new = !found.is_empty();
        self.places.extend(found);
        last.resize(self.places.len(), None);
        is_new
    }

    /// Asks each member once, the next one when one fails or is late.
    async fn round<T, F>(
        &self,
        shared: &Shared,
        read: &impl Fn(Answer) -> F,
        last: &mut [Option<(Failure, u32)>],
    ) -> Option<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let now = Instant::now();
        let views: Vec<_> = self.places.iter().map(|place| place.member.view(now)).collect();
        // Whoever said for good that it cannot help is not asked again.
        let is_left =
            |place: &usize| last[*place].as_ref().is_none_or(|(failure, _)| failure.verdict() == Verdict::Retry);
        let mut order =
            choose(&views, self.bytes, now).into_iter().filter(is_left).collect::<Vec<_>>().into_iter().peekable();
        let mut running = FuturesUnordered::new();
        loop {
            let Some(next) = order.next() else {
                // Nobody is left to ask: whoever still runs decides.
                match running.next().await? {
                    (_, Ok(found)) => return Some(found),
                    (place, Err(failure)) => self.note(shared, place, failure, last),
                }
                continue;
            };
            running.push(async move { (next, self.attempt(shared, next, read).await) });
            let late = hedge_after(&views[next], order.peek().map(|after| &views[*after]));
            let patience = async {
                match late {
                    Some(late) => sleep(late).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(done) = running.next() => match done {
                    (_, Ok(found)) => return Some(found),
                    (place, Err(failure)) => self.note(shared, place, failure, last),
                },
                () = patience => shared.counters.add(Count::Hedges, 1),
            }
        }
    }

    async fn attempt<T, F>(&self, shared: &Shared, place: usize, read: &impl Fn(Answer) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let Location { url, member } = &self.places[place];
        let _turn = member.enter().await;
        let begun = Instant::now();
        let once = || async {
            member.held().await;
            let asked = Instant::now();
            let answer = shared.transport.get(url, &self.ask).await?;
            if !matches!(answer.status, 200 | 206) {
                return Err(answer.status_failure(shared.now()));
            }
            shared.answered(member, asked.elapsed());
            read(answer).await
        };
        let patience = member.view(begun).patience;
        let found = insist(patience, &AtomicU64::new(0), once, |again| shared.asked_again(member, again)).await?;
        member.delivered(0, begun.elapsed(), Instant::now());
        Ok(found)
    }

    fn note(&self, shared: &Shared, place: usize, failure: Failure, last: &mut [Option<(Failure, u32)>]) {
        shared.failed(&self.places[place].member, self.wanted, &failure, "the next member is asked");
        let times = last[place].as_ref().map_or(0, |(_, times)| *times);
        last[place] = Some((failure, times + 1));
    }

    fn lacking(&self, last: Vec<Option<(Failure, u32)>>, deadline: Option<Duration>) -> FetchError {
        let wanted = self.wanted.to_owned();
        let mut attempts = Vec::new();
        let mut retry_after = None;
        for (place, said) in self.places.iter().zip(last) {
            let Some((failure, times)) = said else { continue };
            let member = place.member.name().to_owned();
            if let FailureKind::Status(status @ (401 | 403)) = failure.kind {
                return FetchError::Denied { member, wanted, status };
            }
            retry_after = retry_after.max(failure.retry_after);
            attempts.push(Attempt { member, times, failure: failure.to_public() });
        }
        match deadline {
            Some(within) => FetchError::Deadline { wanted, within, attempts, retry_after },
            None => FetchError::Unavailable { wanted, attempts, retry_after },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::member::Purpose;
    use crate::fetch::test_index::{always, builder};
    use crate::net::test_server::{Act, TestServer};

    const IDLE: Duration = Duration::from_secs(5);

    async fn get(shared: &Shared, servers: &[&TestServer]) -> Result<Option<String>, FetchError> {
        let place = |server: &&TestServer| {
            let url = server.url("/x").parse().unwrap();
            Location { member: shared.members.get(&url, &url, Purpose::Files), url }
        };
        let places: Vec<_> = servers.iter().map(place).collect();
        let small = Small { wanted: "x", places, more: None, ask: Ask::default(), bytes: 0 };
        let read = |answer: Answer| async {
            let body = answer.collect(100, IDLE, &|_| ()).await?;
            Ok(String::from_utf8_lossy(&body).into_owned())
        };
        small.get(shared, read).await
    }

    #[tokio::test]
    async fn whoever_has_it_gives_it() {
        let (good, none) = (always("200 OK", "", "good").await, always("404 Not Found", "", "").await);
        let (denied, broken) = (always("403 Forbidden", "", "").await, always("500 Oops", "", "").await);
        let silent = TestServer::http(|_| vec![Act::Hang]).await;
        for (servers, expected) in [
            (vec![&good], "good"),
            (vec![&none, &good], "good"),
            (vec![&denied, &good], "good"),
            (vec![&broken, &good], "good"),
            (vec![&silent, &good], "good"),
            (vec![&none, &none], "gone"),
            (vec![&none, &denied], "denied"),
            (vec![&none, &broken], "deadline"),
        ] {
            let cache = tempfile::tempdir().unwrap();
            let fetcher = builder(cache.path(), Vec::new()).deadline(Duration::from_millis(500)).build().unwrap();
            let begun = Instant::now();
            let found = match get(fetcher.shared(), &servers).await {
                Ok(Some(text)) => text,
                Ok(None) => "gone".to_owned(),
                Err(FetchError::Denied { .. }) => "denied".to_owned(),
                Err(FetchError::Deadline { .. }) => "deadline".to_owned(),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found, expected);
            assert!(begun.elapsed() < Duration::from_millis(1200), "{:?}", begun.elapsed());
        }
    }
}
