//! Pages in memory: the most recently used ones, within a number of bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// A map that forgets what was not used for longest when it grows too large.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    most_bytes: usize,
    inner: Mutex<Inner<K, V>>,
}

#[derive(Debug)]
struct Inner<K, V> {
    entries: HashMap<K, Entry<V>>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    bytes: usize,
    used: u64,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, inner: Mutex::new(Inner { entries: HashMap::new(), bytes: 0, uses: 0 }) }
    }

    pub(super) fn get(&self, key: &K) -> Option<Arc<V>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.uses += 1;
        let now = inner.uses;
        let entry = inner.entries.get_mut(key)?;
        entry.used = now;
        Some(entry.value.clone())
    }

    /// Keeps a value of about this size. One that is larger than everything together may be is not kept.
    pub(super) fn put(&self, key: K, value: Arc<V>, bytes: usize) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.remove(&key);
        if bytes > self.most_bytes {
            return;
        }
        inner.uses += 1;
        let used = inner.uses;
        inner.bytes += bytes;
        inner.entries.insert(key, Entry { value, bytes, used });
        if inner.bytes <= self.most_bytes {
            return;
        }
        // Making room for several at once keeps looking at all of them rare.
        let mut oldest: Vec<_> = inner.entries.iter().map(|(key, entry)| (entry.used, key.clone())).collect();
        oldest.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in oldest {
            if inner.bytes <= self.most_bytes / 4 * 3 {
                break;
            }
            inner.remove(&key);
        }
    }

    pub(super) fn remove(&self, key: &K) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

impl<K: Hash + Eq, V> Inner<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let recent = Recent::new(100);
        for key in 0..4 {
            recent.put(key, Arc::new(key), 25);
        }
        recent.get(&0);
        recent.put(9, Arc::new(9), 25);
        assert_eq!([0, 1, 2, 3, 9].map(|key| recent.get(&key).is_some()), [true, false, false, true, true]);
        recent.put(9, Arc::new(9), 1000);
        assert!(recent.get(&9).is_none(), "what is too large is not kept, and neither is what it replaces");
    }

    proptest! {
        #[test]
        fn never_more_than_allowed(steps in prop::collection::vec((0_u8..20, 0_usize..150, any::<bool>()), 0..200)) {
            let recent = Recent::new(100);
            for (key, bytes, remove) in steps {
                if remove { recent.remove(&key) } else { recent.put(key, Arc::new(()), bytes) }
                let inner = recent.inner.lock().unwrap();
                prop_assert!(inner.bytes <= 100);
                prop_assert_eq!(inner.bytes, inner.entries.values().map(|entry| entry.bytes).sum::<usize>());
            }
        }
    }
}
