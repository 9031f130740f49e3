//! Which members are being asked for which page, so that whoever lacks a place for a file can wait for theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use url::Url;

use crate::index::ProjectName;

/// A project of a source, which is counted from 0.
pub(super) type Key = (usize, ProjectName);

/// The questions that are under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct UnderWay {
    asked: Arc<Mutex<HashMap<Key, Asked>>>,
}

#[derive(Debug)]
struct Asked {
    members: Vec<Url>,
    /// Tells whenever one of them is done.
    done: watch::Sender<()>,
}

/// A member that is asked until this is dropped.
#[derive(Debug)]
pub(super) struct BeingAsked {
    of: UnderWay,
    key: Key,
    member: Url,
}

impl UnderWay {
    /// A member is asked from now on.
    pub(super) fn begin(&self, key: Key, member: Url) -> BeingAsked {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = || Asked { members: Vec::new(), done: watch::Sender::new(()) };
        asked.entry(key.clone()).or_insert_with(begun).members.push(member.clone());
        drop(asked);
        BeingAsked { of: self.clone(), key, member }
    }

    /// Whether this member is being asked.
    pub(super) fn has(&self, key: &Key, member: &Url) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(key).is_some_and(|asked| asked.members.contains(member))
    }

    /// Changes or closes when the next member is done; `None` when nobody is being asked.
    pub(super) fn next(&self, key: &Key) -> Option<watch::Receiver<()>> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(key).map(|asked| asked.done.subscribe())
    }
}

impl Drop for BeingAsked {
    fn drop(&mut self) {
        let mut asked = self.of.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = asked.get_mut(&self.key) else { return };
        if let Some(at) = entry.members.iter().position(|member| *member == self.member) {
            entry.members.swap_remove(at);
        }
        entry.done.send_replace(());
        if entry.members.is_empty() {
            asked.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_hears_of_each_and_nothing_is_left() {
        let (under_way, key) = (UnderWay::default(), (0, "demo".parse().unwrap()));
        let member = |name: &str| Url::parse(&format!("http://{name}.test/")).unwrap();
        assert!(under_way.next(&key).is_none());
        let (a, b) = (under_way.begin(key.clone(), member("a")), under_way.begin(key.clone(), member("b")));
        let mut next = under_way.next(&key).unwrap();
        drop(a);
        next.changed().await.unwrap();
        assert!(!under_way.has(&key, &member("a")) && under_way.has(&key, &member("b")));
        drop(b);
        next.changed().await.unwrap();
        assert!(under_way.next(&key).is_none() && under_way.asked.lock().unwrap().is_empty());
    }
}
