//! All members that were used, found by who they are, where they are, and what for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use url::{Origin, Url};

use super::state::{MemberState, Purpose};
use super::view::MemberStatus;
use crate::fetch::failure::Failure;

/// The most that are remembered. A hostile page could name a new host for each of its files.
const MOST: usize = 1000;

type Key = (String, Origin, Purpose);

/// The members of all sources of a fetcher.
#[derive(Debug, Default)]
pub(crate) struct Members {
    by_key: Mutex<HashMap<Key, Arc<MemberState>>>,
}

impl Members {
    /// The state of the member with this base URL, for what it serves at the origin of `target`.
    pub(crate) fn get(&self, member: &Url, target: &Url, purpose: Purpose) -> Arc<MemberState> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (member.as_str().to_owned(), target.origin(), purpose);
        if let Some(state) = by_key.get(&key) {
            return state.clone();
        }
        // What is known of the way there is known of it for whatever is asked.
        let beside = [Purpose::Pages, Purpose::Files]
            .into_iter()
            .find_map(|other| by_key.get(&(key.0.clone(), key.1.clone(), other)));
        let latency = beside.map(|beside| beside.latency()).unwrap_or_default();
        let state = Arc::new(MemberState::new(member, target, purpose, latency, Instant::now()));
        if by_key.len() < MOST {
            by_key.insert(key, state.clone());
        }
        state
    }

    /// A request to this member failed. What happens on the way to an origin counts for all that is there.
    ///
    /// Answers the members that changed, and whether each is used now.
    pub(crate) fn failed(
        &self,
        member: &Arc<MemberState>,
        failure: &Failure,
        now: Instant,
    ) -> Vec<(Arc<MemberState>, bool)> {
        let mut affected = vec![member.clone()];
        if failure.kind.is_of_the_way() {
            let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
            let origin = by_key.iter().find(|(_, state)| Arc::ptr_eq(state, member)).map(|((_, origin, _), _)| origin);
            let beside = by_key.iter().filter(|((_, at, _), state)| Some(at) == origin && !Arc::ptr_eq(state, member));
            affected.extend(beside.map(|(_, state)| state.clone()));
        }
        affected.into_iter().filter_map(|state| state.failed(failure, now).map(|usable| (state, usable))).collect()
    }

    /// How all of them are doing, in the order of their names.
    pub(crate) fn status(&self, now: Instant) -> Vec<MemberStatus> {
        let by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = by_key.values().map(|state| state.status(now)).collect();
        all.sort_by(|a, b| (&a.member, a.purpose).cmp(&(&b.member, b.purpose)));
        all
    }
}
