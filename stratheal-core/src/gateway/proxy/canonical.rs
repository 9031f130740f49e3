//! Requests to the hosts of the chain, under their own URLs.

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use url::Url;

use super::answer::Proxy;
use super::guess::projects_of;
use super::pass;
use crate::fetch::{FetchError, FileRequest, Page};
use crate::gateway::environment::Bypass;
use crate::gateway::problem::{self, Answer};
use crate::gateway::route::{METADATA, decoded};
use crate::gateway::service::{Service, moved};
use crate::gateway::{files, pages};
use crate::index::{Chain, ProjectName, Source};

/// What a URL of the chain's hosts is.
#[derive(Debug)]
enum Place<'a> {
    /// The page of a project.
    Page { source: &'a Source, project: ProjectName },
    /// The page, under another spelling: here is the right URL.
    Moved(String),
    /// A file, if the project's page has it.
    File { name: String, metadata: bool },
    /// Something else.
    Other,
}

/// Answers one request. `url` is what the client asked for, whole.
pub(super) async fn answer(service: &Service, proxy: &Proxy, url: &Url, request: Request<Incoming>) -> Answer {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        match place(service.origin.chain(), url) {
            Place::Page { source, project } => return page(service, source, &project, &request).await,
            Place::Moved(to) => return moved(&to),
            Place::File { name, metadata } => match find(service, url, &name).await {
                Ok(Some(found)) if metadata => return files::metadata(service, &found, true).await,
                Ok(Some(found)) => return files::file(service, &found, request.method(), request.headers()).await,
                // A lock may name files of another index than the one that was chosen.
                Ok(None) if !projects_of(&name).is_empty() => service.tally.bypass(Bypass {
                    what: name,
                    place: "a connection of the command".to_owned(),
                    meaning: "no index of the chain has this file: passed on untouched".to_owned(),
                }),
                Ok(None) => {}
                // The page cannot be had, but the file's own host may answer, and the client knows the hash from its lock.
                Err(error) if !service.offline => {
                    tracing::debug!(%error, file = name, "passed on, because its page cannot be had");
                }
                Err(error) => return problem::of(&error),
            },
            Place::Other => {}
        }
    }
    if service.offline {
        return problem::of(&FetchError::Offline { wanted: crate::base::redact::safe_url(url.as_str()) });
    }
    pass::on(service, proxy, url, request).await
}

async fn page(service: &Service, source: &Source, project: &ProjectName, request: &Request<Incoming>) -> Answer {
    match pages::get(service, project).await {
        Ok(page) if *page.source == *source.name => pages::send(service, page, request.headers(), true).await,
        // The first source that has a project is the only one that offers it, whichever one is asked.
        Ok(page) => {
            let detail = format!(
                "{project} is taken from {}, which comes first in the chain, and not from {}",
                page.source, source.name
            );
            problem::plain(StatusCode::NOT_FOUND, &detail)
        }
        Err(error) => problem::of(&error),
    }
}

fn place<'a>(chain: &'a Chain, url: &Url) -> Place<'a> {
    for source in &chain.sources {
        for member in &source.members {
            let base = member.url.path();
            let same_host = (url.scheme(), url.host_str(), url.port_or_known_default())
                == (member.url.scheme(), member.url.host_str(), member.url.port_or_known_default());
            let Some(rest) = url.path().strip_prefix(base).filter(|_| same_host && !base.is_empty()) else { continue };
            let (name, slash) = rest.split_once('/').map_or((rest, None), |(name, rest)| (name, Some(rest)));
            let Some(project) = decoded(name).and_then(|name| name.parse::<ProjectName>().ok()) else { continue };
            match slash {
                Some("") if project.as_str() == name => return Place::Page { source, project },
                // A file may stand right below the base, and would be taken for a project there.
                None if !projects_of(name).is_empty() => {}
                Some("") | None => return Place::Moved(format!("{base}{project}/")),
                Some(_) => {}
            }
        }
    }
    let last = url.path_segments().and_then(Iterator::last).and_then(decoded);
    match last {
        None => Place::Other,
        Some(name) => match name.strip_suffix(METADATA) {
            Some(file) => Place::File { name: file.to_owned(), metadata: true },
            None => Place::File { name, metadata: false },
        },
    }
}

/// The file behind a URL. A lock may have been made through another mirror, so the URL need not be the one the page has now: within a
/// source, the name of a file says what it is.
async fn find(service: &Service, url: &Url, name: &str) -> Result<Option<FileRequest>, FetchError> {
    for project in projects_of(name) {
        let page = match service.kept.last(&project).filter(|page| page.page.file(name).is_some()) {
            Some(page) => page,
            None => match service.origin.page(&project).await {
                Ok(page) => page,
                Err(FetchError::NoSuchProject { .. }) => continue,
                Err(error) => return Err(error),
            },
        };
        service.kept.remember(&page);
        if let Some(found) = in_page(&page, &project, url, name) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn in_page(page: &Page, project: &ProjectName, url: &Url, name: &str) -> Option<FileRequest> {
    let file = page.page.file(name)?;
    let path = url.path().strip_suffix(METADATA).unwrap_or(url.path());
    if file.url.path() != path {
        tracing::debug!(file = name, "asked for under another URL than the index has it");
    }
    Some(FileRequest { source: page.source.clone(), project: project.clone(), file: file.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Member, Trust};

    #[test]
    fn what_urls_are() {
        let member = |url: &str| Member { url: url.parse().unwrap(), trust: Trust::Pages };
        let source = |name: &str, urls: &[&str]| Source {
            name: name.to_owned(),
            members: urls.iter().map(|url| member(url)).collect(),
            only: Vec::new(),
            immutable: true,
        };
        let chain = Chain {
            sources: vec![
                source("extra", &["https://index.example/whl/"]),
                source("default", &["https://index.example/simple/", "http://mirror.example:8080/"]),
            ],
        };
        for (url, expected) in [
            ("https://index.example/simple/six/", "page default six"),
            ("https://index.example/whl/six/", "page extra six"),
            ("http://mirror.example:8080/six/", "page default six"),
            ("https://index.example/simple/Six/", "moved /simple/six/"),
            ("https://index.example/simple/six", "moved /simple/six/"),
            ("https://index.example/whl/six-1-py3-none-any.whl", "file six-1-py3-none-any.whl false"),
            ("https://index.example/p/a/six-1-py3-none-any.whl.metadata", "file six-1-py3-none-any.whl true"),
            ("https://index.example/p/six-1%2Bx.tar.gz?x#y", "file six-1+x.tar.gz false"),
            ("http://index.example/simple/six/", "other"),
            ("https://index.example/", "other"),
        ] {
            let found = match place(&chain, &url.parse().unwrap()) {
                Place::Page { source, project } => format!("page {} {project}", source.name),
                Place::Moved(to) => format!("moved {to}"),
                Place::File { name, metadata } => format!("file {name} {metadata}"),
                Place::Other => "other".to_owned(),
            };
            assert_eq!(found, expected, "{url}");
        }
    }
}
