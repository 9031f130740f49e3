//! The table of times.

use std::fmt;

use crate::quantile::quantile;
use crate::table::Table;

/// Times, each the median of several rounds.
#[derive(Debug)]
pub(super) struct Figures(Table);

impl Figures {
    pub(super) fn new() -> Self {
        Self(Table::new(&["what", "who", "median", "range", "to stratheal", "goal"]))
    }

    /// Adds what was measured, in seconds. `own` is our own median of the same, `goal` what ours has to be under. Answers the median.
    pub(super) fn add(
        &mut self,
        what: &str,
        who: &str,
        seconds: &mut [f64],
        own: Option<f64>,
        goal: Option<f64>,
    ) -> Option<f64> {
        let median = quantile(seconds, 0.5)?;
        let range = seconds.first().zip(seconds.last());
        let verdict = |goal| format!("under {}: {}", shown(goal), if median < goal { "met" } else { "missed" });
        self.0.row(vec![
            what.to_owned(),
            who.to_owned(),
            shown(median),
            range.map(|(low, high)| format!("{} to {}", shown(*low), shown(*high))).unwrap_or_default(),
            own.map(|own| format!("{:.2}x", median / own)).unwrap_or_default(),
            goal.map(verdict).unwrap_or_default(),
        ]);
        Some(median)
    }

    /// Whether nothing was measured.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn shown(seconds: f64) -> String {
    if seconds < 0.1 { format!("{:.1} ms", seconds * 1e3) } else { format!("{seconds:.3} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_beside_their_goals() {
        let mut figures = Figures::new();
        let own = figures.add("back", "stratheal", &mut [0.5, 0.004, 0.25], None, Some(1.0));
        figures.add("back", "monit", &mut [1.0], own, None);
        let text = figures.to_string();
        for cell in [" 0.250 s |", " 4.0 ms to 0.500 s |", " under 1.000 s: met |", " 4.00x |"] {
            assert!(text.contains(cell), "{text}");
        }
    }
}
