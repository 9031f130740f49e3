//! Members that have said nothing about a project yet, for whoever lacks a place for a file of it.
//!
//! A round of asking ends as soon as enough members have answered. Whoever was then out of turn, or failed, may still be the only one
//! that has a file.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::ask::Question;
use super::chain::{known, late};
use crate::base::breaker::Permission;
use crate::fetch::shared::Shared;
use crate::index::ProjectName;

/// Changes or closes when the next member that is being asked about a project is done; `None` when nobody is being asked.
pub(in crate::fetch) fn next_late(
    shared: &Shared,
    number: usize,
    project: &ProjectName,
) -> Option<watch::Receiver<()>> {
    shared.pages.under_way.next(&(number, project.clone()))
}

/// Asks those members of a source, once each, that have said nothing about a project, are not being asked and need not be left alone.
/// Whether there are any.
pub(in crate::fetch) async fn ask_rest(shared: &Arc<Shared>, number: usize, project: &ProjectName) -> bool {
    let Some(source) = shared.chain.sources.get(number) else { return false };
    let known = known(shared, number, project).await;
    let (key, now) = ((number, project.clone()), Instant::now());
    let mut any = false;
    for member in &source.members {
        let has_answered = known.as_ref().is_some_and(|known| known.record.of(&member.url).is_some());
        if has_answered || shared.pages.under_way.has(&key, &member.url) {
            continue;
        }
        let Some(question) = Question::new(shared, member, project, None) else { continue };
        let view = question.state.view(now);
        let may =
            view.usable_at(now).is_none() && (view.permission == Permission::Yes || question.state.begin_probe(now));
        if may {
            any = true;
            let being_asked = shared.pages.under_way.begin(key.clone(), member.url.clone());
            let (shared, keep) = (shared.clone(), late(shared, number, project));
            tokio::spawn(async move {
                let _being_asked = being_asked;
                let turn = question.state.enter().await;
                match question.ask(&shared, turn, 0, &|_| ()).await {
                    Ok(record) => keep(record).await,
                    Err(failure) => {
                        let wanted = question.project.as_str();
                        shared.failed(&question.state, wanted, &failure, "the places that are known are used");
                    }
                }
            });
        }
    }
    any
}
