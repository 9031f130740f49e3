//! When each target was asked, as the processes that play targets tell it.

use std::fmt;

use super::scenario::Scenario;
use super::scenario::target_of;

/// Moments on the [monotonic clock](crate::monotonic), by target, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals(Vec<Vec<u64>>);

impl Arrivals {
    /// More arrivals at one target than this are not kept: something is badly wrong then.
    const MOST: usize = 10_000;

    /// None yet.
    #[must_use]
    pub fn new(targets: u32) -> Self {
        Self(vec![Vec::new(); targets as usize])
    }

    /// Notes an arrival. Those at targets that do not exist are left out.
    pub fn note(&mut self, target: u32, at: u64) {
        if let Some(list) = self.0.get_mut(target as usize)
            && list.len() < Self::MOST
        {
            list.push(at);
        }
    }

    /// The arrivals at one target.
    #[must_use]
    pub fn at(&self, target: u32) -> &[u64] {
        self.0.get(target as usize).map_or(&[], Vec::as_slice)
    }

    /// Reads what [`Display`](fmt::Display) wrote. Lines that make no sense are left out.
    #[must_use]
    pub fn parse(text: &str, targets: u32) -> Self {
        let mut arrivals = Self::new(targets);
        for line in text.lines() {
            let mut words = line.split(' ');
            let Some(target) = words.next().and_then(target_of) else { continue };
            words.filter_map(|word| word.parse().ok()).for_each(|at| arrivals.note(target, at));
        }
        for list in &mut arrivals.0 {
            list.sort_unstable();
        }
        arrivals
    }
}

impl fmt::Display for Arrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (target, list) in self.0.iter().enumerate() {
            f.write_str(&Scenario::name_of(target as u32))?;
            list.iter().try_for_each(|at| write!(f, " {at}"))?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_pipe() {
        let mut arrivals = Arrivals::new(3);
        for (target, at) in [(0, 5), (2, 6), (0, 7), (9, 8)] {
            arrivals.note(target, at);
        }
        let back = Arrivals::parse(&format!("ready somewhere\n{arrivals}"), 3);
        assert_eq!(back, arrivals);
        assert_eq!(back.at(0), [5, 7]);
        assert_eq!(back.at(9), [0; 0]);
    }
}
