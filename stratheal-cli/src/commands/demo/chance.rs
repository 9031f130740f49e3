//! Numbers that look random and follow from a seed. Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (`SplitMix64`).

use std::time::Duration;

#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn of(seed: u64) -> Self {
        Self(seed)
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of them.
    pub(super) fn one_of<T: Copy>(&mut self, things: &[T]) -> T {
        let count = things.len() as u64;
        things[usize::try_from(self.next() % count).expect("invariant: it is less than the number of things")]
    }

    /// Up to so long.
    pub(super) fn up_to(&mut self, longest: Duration) -> Duration {
        longest.mul_f64((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_and_everything_comes_up() {
        let draw = |seed| {
            let mut chance = Chance::of(seed);
            (0..200).map(|_| chance.one_of(&[0, 1, 2, 3])).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!((0..4).all(|thing| draw(1).contains(&thing)));
        assert!(Chance::of(1).up_to(Duration::from_secs(1)) < Duration::from_secs(1));
    }
}
