//! What alerts were worth: compared with what was really the matter.

use std::fmt;
use std::ops::Range;

use crate::rule::Told;

/// The balance of one contender on one recording.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Score {
    /// How often somebody was told of trouble.
    pub(crate) alerts: usize,
    /// Alerts at a moment at which nothing was wrong.
    pub(crate) false_alerts: usize,
    /// Incidents that nobody was told of.
    pub(crate) missed: usize,
    /// For each incident that was told: from its beginning to the first word of it.
    pub(crate) delays: Vec<Option<usize>>,
    /// From the end of an incident to the word that it is over, at worst.
    pub(crate) over_after: Option<usize>,
}

impl Score {
    /// Sets what was told (at which moment) against when something was wrong.
    pub(crate) fn of(told: &[(usize, Told)], incidents: &[Range<usize>]) -> Self {
        let alerts = || told.iter().filter(|(_, told)| told.is_alert()).map(|(at, _)| *at);
        let mut score = Self {
            alerts: alerts().count(),
            false_alerts: alerts().filter(|at| !incidents.iter().any(|incident| incident.contains(at))).count(),
            ..Self::default()
        };
        score.delays = incidents
            .iter()
            .map(|incident| alerts().find(|at| incident.contains(at)).map(|at| at - incident.start))
            .collect();
        score.missed = score.delays.iter().filter(|delay| delay.is_none()).count();
        for (place, incident) in incidents.iter().enumerate() {
            let next = incidents.get(place + 1).map_or(usize::MAX, |next| next.start);
            let over = told.iter().find(|(at, told)| *told == Told::Over && (incident.end..next).contains(at));
            score.over_after = score.over_after.max(over.map(|(at, _)| at - incident.end));
        }
        score
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.alerts)?;
        if self.false_alerts > 0 {
            write!(f, ", {} false", self.false_alerts)?;
        }
        if self.missed > 0 {
            write!(f, ", {} missed", self.missed)?;
        }
        let mut before = "; +";
        for delay in self.delays.iter().flatten() {
            write!(f, "{before}{delay}")?;
            before = " +";
        }
        self.over_after.map_or(Ok(()), |over| write!(f, "; over +{over}"))
    }
}

#[test]
fn alerts_are_set_against_what_was_the_matter() {
    let told = [(3, Told::Problem), (5, Told::Problem), (12, Told::Over), (20, Told::Flapping), (45, Told::Problem)];
    let score = Score::of(&told, &[2..10, 30..40, 44..50]);
    assert_eq!((score.alerts, score.false_alerts, score.missed), (4, 1, 1));
    assert_eq!((&score.delays[..], score.over_after), (&[Some(1), None, Some(1)][..], Some(2)));
    assert_eq!(score.to_string(), "4, 1 false, 1 missed; +1 +1; over +2");
}
