//! What happens at once when things are broken at random.

use std::time::Duration;

use super::breakage::Breakage;
use super::chance::Chance;

/// So long after a breakage, at most, those who look after it are killed: before it is noticed, while it is healed, or later.
const IN_THE_MIDDLE: Duration = Duration::from_millis(2500);

/// Who is killed beside what is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    Nobody,
    Monitor,
    Keeper,
    Both,
}

/// What happens at once.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) breakages: Vec<Breakage>,
    pub(super) victim: Victim,
    /// How long after the breakages the victim is killed.
    pub(super) after: Duration,
}

impl Trouble {
    pub(super) fn choose(chance: &mut Chance, possible: &[Breakage]) -> Self {
        let mut breakages = vec![chance.one_of(possible)];
        let second = chance.one_of(possible);
        if chance.one_of(&[true, false, false, false]) && !breakages.contains(&second) {
            breakages.push(second);
        }
        let victim = chance.one_of(&[
            Victim::Nobody,
            Victim::Nobody,
            Victim::Nobody,
            Victim::Nobody,
            Victim::Monitor,
            Victim::Monitor,
            Victim::Keeper,
            Victim::Both,
        ]);
        Self { breakages, victim, after: chance.up_to(IN_THE_MIDDLE) }
    }

    pub(super) fn name(&self) -> String {
        let mut names: Vec<&str> = self.breakages.iter().map(|breakage| breakage.name()).collect();
        match self.victim {
            Victim::Nobody => {}
            Victim::Monitor => names.push("monitor"),
            Victim::Keeper => names.push("keeper"),
            Victim::Both => names.extend(["monitor", "keeper"]),
        }
        names.join("+")
    }
}
