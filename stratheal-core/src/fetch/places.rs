//! Where a file may be had: now, and as soon as members have answered that had not when its page was put together.

use std::collections::HashSet;
use std::sync::Arc;

use url::Url;

use super::FileRequest;
use super::member::Purpose;
use super::pages;
use super::shared::{Location, Shared};
use crate::index::Trust;

/// Pages that name another place whenever they are read do not make anybody go on for ever.
pub(super) const MOST_PLACES: usize = 64;

/// The places of a file, or of what lies beside it.
#[derive(Debug, Clone)]
pub(super) struct Places {
    shared: Arc<Shared>,
    request: Arc<FileRequest>,
    is_checked: bool,
    at: fn(&Url) -> Url,
}

impl Places {
    /// Everywhere the members of its source say, and where the request says. What no hash can check comes only from who is believed.
    pub(super) fn of(shared: &Arc<Shared>, request: &FileRequest) -> Self {
        Self::checked(shared, request, request.file.hashes.sha256.is_some())
    }

    /// The same for what is made of the file. `is_checked`: a hash shows whether it is right, so that anybody may send it.
    pub(super) fn checked(shared: &Arc<Shared>, request: &FileRequest, is_checked: bool) -> Self {
        Self { shared: shared.clone(), request: Arc::new(request.clone()), is_checked, at: Url::clone }
    }

    /// What lies beside the file, under the URL that is made of the file's.
    pub(super) fn beside(self, at: fn(&Url) -> Url) -> Self {
        Self { at, ..self }
    }

    /// Without duplicates, the place of the newest page first.
    pub(super) async fn now(&self) -> Vec<Location> {
        let places = self.all().await.into_iter().filter(|(member, _)| self.is_checked || self.is_believed(member));
        places
            .map(|(member, url)| Location {
                member: self.shared.members.get(&member, &url, Purpose::Files),
                url: (self.at)(&url),
            })
            .collect()
    }

    /// Those that are new, without waiting for any.
    pub(super) async fn new_ones(&self, had: &[Location]) -> Vec<Location> {
        let mut found = self.now().await;
        found.retain(|location| had.iter().all(|had| had.url != location.url));
        found
    }

    /// Those that are new: waits for pages that are on their way, and asks members that have said nothing. Empty: there are none.
    ///
    /// # Cancellation
    /// Dropping the future leaves the questions under way; their answers are kept.
    pub(super) async fn more(&self, had: &[Location]) -> Vec<Location> {
        let (shared, project) = (&self.shared, &self.request.project);
        let Some(number) = self.number() else { return Vec::new() };
        let mut may_ask = !shared.offline;
        loop {
            // Before looking, so that nothing comes between.
            let next = pages::next_late(shared, number, project);
            let found = self.new_ones(had).await;
            if !found.is_empty() {
                return found;
            }
            match next {
                // A member that ends is the news, in whatever way it is told.
                Some(mut next) => drop(next.changed().await),
                None if may_ask && pages::ask_rest(shared, number, project).await => may_ask = false,
                None => return Vec::new(),
            }
        }
    }

    fn number(&self) -> Option<usize> {
        self.shared.chain.sources.iter().position(|source| source.name == *self.request.source)
    }

    fn is_believed(&self, url: &Url) -> bool {
        let source = self.shared.source(&self.request.source);
        let member = source.and_then(|source| source.members.iter().find(|member| member.url == *url));
        member.is_none_or(|member| member.trust == Trust::Pages)
    }

    /// The base URL of each member that has the file, and the URL of the file there.
    async fn all(&self) -> Vec<(Url, Url)> {
        let (shared, request) = (&self.shared, &self.request);
        let Some(number) = self.number() else { return Vec::new() };
        let mut places = match pages::known(shared, number, &request.project).await {
            Some(known) => known.locations(&request.file.name),
            None => Vec::new(),
        };
        if places.iter().all(|(_, url)| *url != request.file.url) {
            let members = &shared.chain.sources[number].members;
            let first = members.iter().find(|member| member.trust == Trust::Pages);
            places.extend(first.map(|member| (member.url.clone(), request.file.url.clone())));
        }
        let mut seen = HashSet::new();
        places.retain(|(_, url)| seen.insert(url.clone()));
        places
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::fetch::test_index::{JSON, builder, demo_page, index, member, path, source};
    use crate::fetch::{FetchError, FetchedFile, Fetcher};
    use crate::index::Member;
    use crate::net::test_server::{Act, TestServer, answer};

    /// An index with the page, which does this to whoever wants the file.
    async fn without_files(acts: Vec<Act>) -> TestServer {
        let script = move |request: &str| match path(request) {
            "/simple/demo/" => answer("200 OK", JSON, &demo_page()),
            _ => acts.clone(),
        };
        TestServer::http(script).await
    }

    /// A mirror with the file, whose page comes late, and only when it is asked for this often.
    async fn late(after: Duration, fails: usize) -> TestServer {
        let asked = AtomicUsize::new(0);
        let script = move |request: &str| match path(request) {
            "/simple/demo/" if asked.fetch_add(1, Ordering::SeqCst) < fails => vec![Act::Reset],
            "/simple/demo/" => [vec![Act::Wait(after)], answer("200 OK", JSON, &demo_page())].concat(),
            "/files/demo-1.tar.gz" => answer("200 OK", "", "hello"),
            _ => answer("404 Not Found", "", ""),
        };
        TestServer::http(script).await
    }

    async fn fetch(fetcher: &Fetcher) -> Result<FetchedFile, FetchError> {
        let project = "demo".parse().unwrap();
        let page = fetcher.page(&project).await.unwrap();
        let request = FileRequest { source: page.source, project, file: page.page.files[0].clone() };
        fetcher.file(&request).await
    }

    #[tokio::test]
    async fn a_late_page_still_brings_the_file() {
        let status = |status| answer(status, "", "");
        let troubles = [
            status("503 Service Unavailable"),
            status("404 Not Found"),
            status("403 Forbidden"),
            vec![Act::Reset],
            vec![Act::Hang],
        ];
        let late_by = [(700, 0), (1500, 0), (0, 1)];
        let each = troubles.iter().flat_map(|trouble| late_by.map(|(after, fails)| (trouble, after, fails)));
        let each = each.flat_map(|row| [Trust::Pages, Trust::Files].map(|trust| (row, trust)));
        let tried = each.map(|((trouble, after, fails), trust)| async move {
            let first = without_files(trouble.clone()).await;
            let (second, cache) = (late(Duration::from_millis(after), fails).await, tempfile::tempdir().unwrap());
            let members = vec![member(&first), Member { trust, ..member(&second) }];
            let chain = vec![source("default", members)];
            let fetcher = builder(cache.path(), chain).deadline(Duration::from_secs(10)).build().unwrap();
            let begun = Instant::now();
            let file = fetch(&fetcher).await;
            assert!(file.is_ok(), "{trust:?} {trouble:?} {after} {fails}: {file:?}");
            let most = Duration::from_millis(after + 1500);
            assert!(begun.elapsed() < most, "{trust:?} {trouble:?} {after} {fails}: {:?}", begun.elapsed());
        });
        futures::future::join_all(tried).await;
    }

    #[tokio::test]
    async fn a_silent_mirror_holds_nothing_up() {
        let ((good, _), cache) = (index("").await, tempfile::tempdir().unwrap());
        let silent = TestServer::http(|_| vec![Act::Hang]).await;
        let chain = vec![source("default", vec![member(&good), member(&silent)])];
        let begun = Instant::now();
        fetch(&builder(cache.path(), chain).build().unwrap()).await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn gone_is_said_when_everybody_has_answered() {
        let gone = without_files(answer("404 Not Found", "", "")).await;
        let (cache, begun) = (tempfile::tempdir().unwrap(), Instant::now());
        let chain = vec![source("default", vec![member(&gone)])];
        let fetched = fetch(&builder(cache.path(), chain).build().unwrap()).await;
        assert!(matches!(fetched, Err(FetchError::NoSuchFile { .. })), "{fetched:?}");
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
    }
}
