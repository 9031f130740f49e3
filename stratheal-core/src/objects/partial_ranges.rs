//! Which bytes of a file are there.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of byte ranges, each from its first byte up to the byte after its last one. Ranges that touch are one.
///
/// ```
/// use stratheal_core::objects::Ranges;
/// let mut there = Ranges::default();
/// assert_eq!(there.insert(&(0..10)), 10);
/// assert_eq!(there.insert(&(5..20)), 10);
/// assert_eq!(there.gaps(&(0..30)).collect::<Vec<_>>(), [20..30]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    /// The end of each range by its start. They neither overlap nor touch, and none is empty.
    ends: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds a range, and says how many of its bytes are new.
    pub fn insert(&mut self, range: &Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let (mut start, mut end) = (range.start, range.end);
        let mut known = 0;
        // From the back: the first range that ends before this one starts is the last that can matter.
        while let Some((&before, &before_end)) = self.ends.range(..=end).next_back() {
            if before_end < range.start {
                break;
            }
            known += before_end.min(range.end).saturating_sub(before.max(range.start));
            (start, end) = (start.min(before), end.max(before_end));
            self.ends.remove(&before);
        }
        self.ends.insert(start, end);
        range.end - range.start - known
    }

    /// How many bytes are there without a gap, from the first one on.
    #[must_use]
    pub fn prefix(&self) -> u64 {
        self.ends.get(&0).copied().unwrap_or(0)
    }

    /// How many bytes are there.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ends.iter().map(|(start, end)| end - start).sum()
    }

    /// The byte after the last one that is there.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.ends.last_key_value().map_or(0, |(_, &end)| end)
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.ends.iter().map(|(&start, &end)| start..end)
    }

    /// What is missing inside a range, in order.
    pub fn gaps(&self, within: &Range<u64>) -> impl Iterator<Item = Range<u64>> + use<> {
        let mut gaps = Vec::new();
        let mut at = within.start;
        let around = self.ends.range(..=within.start).next_back();
        let first = around.map_or(within.start, |(&start, _)| start);
        if !within.is_empty() {
            for (&start, &end) in self.ends.range(first..within.end) {
                if start > at {
                    gaps.push(at..start);
                }
                at = at.max(end);
            }
            if at < within.end {
                gaps.push(at..within.end);
            }
        }
        gaps.into_iter()
    }
}

impl Extend<Range<u64>> for Ranges {
    fn extend<T: IntoIterator<Item = Range<u64>>>(&mut self, ranges: T) {
        for range in ranges {
            self.insert(&range);
        }
    }
}

impl FromIterator<Range<u64>> for Ranges {
    fn from_iter<T: IntoIterator<Item = Range<u64>>>(ranges: T) -> Self {
        let mut set = Self::default();
        set.extend(ranges);
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges() -> impl Strategy<Value = Vec<Range<u64>>> {
        let one = (0u64..60, 0u64..12).prop_map(|(start, length)| start..start + length);
        prop::collection::vec(one, 0..20)
    }

    proptest! {
        /// Compared with the simplest thing that could be right: a list of flags.
        #[test]
        fn is_a_set_of_bytes(inserted in ranges(), within in (0u64..80, 0u64..80)) {
            let mut set = Ranges::default();
            let mut flags = [false; 100];
            for range in inserted {
                let new = (range.start..range.end).filter(|&at| !flags[at as usize]).count();
                prop_assert_eq!(set.insert(&range), new as u64);
                flags[range.start as usize..range.end as usize].fill(true);
            }
            prop_assert_eq!(set.total(), flags.iter().filter(|&&flag| flag).count() as u64);
            prop_assert_eq!(set.prefix(), flags.iter().take_while(|&&flag| flag).count() as u64);
            prop_assert_eq!(set.end(), flags.iter().rposition(|&flag| flag).map_or(0, |last| last as u64 + 1));
            prop_assert_eq!(set.iter().collect::<Ranges>(), set.clone());
            let within = within.0..within.1;
            let mut missing = flags.map(|_| false);
            for gap in set.gaps(&within) {
                prop_assert!(!gap.is_empty());
                missing[gap.start as usize..gap.end as usize].fill(true);
            }
            for at in 0..80 {
                prop_assert_eq!(missing[at as usize], within.contains(&at) && !flags[at as usize], "{}", at);
            }
            // Ranges that touch are one, so that the set stays as small as it can be.
            let each: Vec<_> = set.iter().collect();
            prop_assert!(each.windows(2).all(|two| two[0].end < two[1].start));
        }
    }
}
