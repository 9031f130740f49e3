//! What the contenders have in common: a result goes in, and maybe somebody is told.

use stratheal_core::model::Status;

use crate::kubernetes::Kubernetes;
use crate::monit::Monit;
use crate::nagios::Nagios;
use crate::stratheal::Stratheal;

/// What a person hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Something is wrong, or worse than before.
    Problem,
    /// It changes too often to be told one by one.
    Flapping,
    /// It is over.
    Over,
}

impl Told {
    pub(crate) const fn is_alert(self) -> bool {
        matches!(self, Self::Problem | Self::Flapping)
    }
}

/// The memory and the judgement of one check.
pub(crate) trait Rule {
    /// Takes the next result. `parent_is_down` silences only those who know dependencies.
    fn take(&mut self, result: Status, parent_is_down: bool) -> Option<Told>;

    /// Whether the next look comes at the retry interval.
    fn retries(&self) -> bool {
        false
    }

    /// Whether parents should be looked at before this check may tell anything.
    fn asks_parents(&self) -> bool {
        false
    }

    /// Whether it silences its children, either only once it is confirmed or from the first bad result on.
    fn silences(&self, soft: bool) -> bool {
        let _ = soft;
        false
    }
}

/// Thresholds that mean the same to everybody, as far as they know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Bad results in a row.
    pub(crate) fail: u32,
    /// Good results in a row.
    pub(crate) recover: u32,
    /// Instead of a row: so many bad among the last so many. Those who cannot say that take the first number as a row.
    pub(crate) window: Option<(u8, u8)>,
}

impl Settings {
    pub(crate) const DEFAULT: Self = Self { fail: 2, recover: 2, window: None };
}

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Stratheal,
    Nagios,
    Monit,
    Kubernetes,
}

impl Contender {
    pub(crate) const OTHERS: [Self; 3] = [Self::Nagios, Self::Monit, Self::Kubernetes];

    pub(crate) fn rule(self, settings: Settings) -> Box<dyn Rule> {
        match self {
            Self::Stratheal => Box::new(Stratheal::new(settings)),
            Self::Nagios => Box::new(Nagios::new(settings)),
            Self::Monit => Box::new(Monit::new(settings)),
            Self::Kubernetes => Box::new(Kubernetes::new(settings)),
        }
    }
}

/// What a rule tells, by the number of the result that made it tell.
pub(crate) fn replay(rule: &mut dyn Rule, results: &[Status]) -> Vec<(usize, Told)> {
    let told = results.iter().enumerate().map(|(place, result)| Some((place, rule.take(*result, false)?)));
    told.flatten().collect()
}

/// The results that raised an alert.
pub(crate) fn alerts(rule: &mut dyn Rule, results: &[Status]) -> Vec<usize> {
    replay(rule, results).into_iter().filter(|(_, told)| told.is_alert()).map(|(place, _)| place).collect()
}
