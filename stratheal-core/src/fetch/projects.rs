//! The list of all projects.
//!
//! It can be very large, hardly anybody asks for it, and it is old as soon as it is read: so it is handed through and not kept.

use std::sync::Arc;
use std::time::Duration;

use super::FetchError;
use super::failure::{Failure, FailureKind};
use super::member::Purpose;
use super::shared::{Location, Shared};
use super::small::Small;
use super::totals::Count;
use super::transport::{Answer, Ask, Encoding};
use crate::base::class::chain;
use crate::base::redact::safe_url;
use crate::index::{PageFormat, ProjectList, ProjectName, Source, Trust};

/// The largest list that is read, in bytes.
const MOST: usize = 256 << 20;
const IDLE: Duration = Duration::from_secs(15);

/// The projects of all sources, the first source's first. One that several sources have is listed once.
pub(super) async fn projects(shared: &Arc<Shared>) -> Result<ProjectList, FetchError> {
    if shared.offline {
        return Err(FetchError::Offline { wanted: "the list of all projects".to_owned() });
    }
    let mut all = ProjectList::default();
    let mut known = std::collections::HashSet::new();
    for source in &shared.chain.sources {
        let mut list = of_source(shared, source).await?;
        list.projects.retain(|project| {
            let Ok(name) = project.name.parse::<ProjectName>() else { return false };
            source.is_asked_about(&name) && known.insert(name)
        });
        if shared.chain.sources.len() == 1 {
            return Ok(list);
        }
        all.projects.append(&mut list.projects);
    }
    Ok(all)
}

async fn of_source(shared: &Arc<Shared>, source: &Source) -> Result<ProjectList, FetchError> {
    let believed = source.members.iter().filter(|member| member.trust == Trust::Pages);
    let places: Vec<_> = believed
        .map(|member| Location {
            member: shared.members.get(&member.url, &member.url, Purpose::Pages),
            url: member.url.clone(),
        })
        .collect();
    let ask = Ask { accept: Some(PageFormat::ACCEPT), encoding: Encoding::Compressed, ..Ask::default() };
    let read = |answer: Answer| async move {
        let (base, content_type) = (answer.final_url.clone(), answer.header("content-type").map(str::to_owned));
        let count = |bytes| shared.counters.add(Count::NetworkBytes, bytes);
        let body = answer.collect(MOST, IDLE, &count).await?;
        let damaged =
            |text: String| Failure::new(FailureKind::Content, format!("sent a list that cannot be used: {text}"));
        let read = move || match PageFormat::of_answer(content_type.as_deref(), &body) {
            Some(PageFormat::Json) => ProjectList::from_json(&body, MOST).map_err(|error| damaged(chain(&error))),
            Some(PageFormat::Html | PageFormat::PlainHtml) => {
                ProjectList::from_html(&body, &base, MOST).map_err(|error| damaged(chain(&error)))
            }
            None => Err(damaged("it is neither JSON nor HTML".to_owned())),
        };
        let local = |error| Failure::new(FailureKind::Local, format!("sent a list that cannot be read here: {error}"));
        tokio::task::spawn_blocking(read).await.map_err(local)?
    };
    let small = Small { wanted: "the list of all projects", places, more: None, ask, bytes: 1 << 20 };
    small.get(shared, read).await?.ok_or_else(|| FetchError::NoSuchFile {
        file: "the list of all projects".to_owned(),
        source_name: source.name.clone(),
        reason: format!(
            "{} has none",
            source.members.iter().map(|member| safe_url(member.url.as_str())).collect::<Vec<_>>().join(", ")
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::test_index::{JSON, always, builder, member, source};

    #[tokio::test]
    async fn of_all_sources_once() {
        let html = "<!DOCTYPE html><html><body><a href=\"a/\">a</a><a href=\"torch/\">torch</a></body></html>";
        let first = always("200 OK", "content-type: text/html\r\n", html).await;
        let json = r#"{"meta":{"api-version":"1.0"},"projects":[{"name":"Torch"},{"name":"b"}]}"#;
        let second = always("200 OK", JSON, json).await;
        let cache = tempfile::tempdir().unwrap();
        let mut private = source("private", vec![member(&first)]);
        private.only = vec!["torch*".to_owned()];
        let chain = vec![private, source("default", vec![member(&second)])];
        let list = builder(cache.path(), chain.clone()).build().unwrap().projects().await.unwrap();
        let names: Vec<_> = list.projects.iter().map(|project| project.name.as_str()).collect();
        assert_eq!(names, ["torch", "b"]);
        let offline = builder(cache.path(), chain).offline(true).build().unwrap().projects().await;
        assert!(matches!(offline, Err(FetchError::Offline { .. })));
    }
}
