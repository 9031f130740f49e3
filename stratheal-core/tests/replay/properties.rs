//! Where rules with equivalent settings must agree, on series that nobody thought of.

use proptest::prelude::*;
use stratheal_core::model::Status;

use crate::kubernetes::Kubernetes;
use crate::monit::Monit;
use crate::nagios::Nagios;
use crate::recording::judged;
use crate::rule::{Rule, Settings, Told, alerts, replay};
use crate::stratheal::Stratheal;

fn series(statuses: &'static [Status]) -> impl Strategy<Value = Vec<Status>> {
    // In short runs, as results come: independent ones would hardly ever confirm anything.
    let run = (proptest::sample::select(statuses), 1..5_usize);
    let runs = proptest::collection::vec(run, 0..40);
    runs.prop_map(|runs| runs.into_iter().flat_map(|(status, times)| std::iter::repeat_n(status, times)).collect())
}

const TWO: &[Status] = &[Status::Healthy, Status::Critical];
const WITH_UNKNOWN: &[Status] = &[Status::Healthy, Status::Critical, Status::Unknown];

fn settings() -> impl Strategy<Value = Settings> {
    (1..5_u32, 1..5_u32).prop_map(|(fail, recover)| Settings { fail, recover, window: None })
}

fn ours(settings: Settings) -> impl Rule {
    Stratheal::without_flapping(settings)
}

proptest! {
    /// Once both have seen enough good results to call it ready, everything is told at the same results.
    #[test]
    fn a_row_is_counted_as_kubernetes_does(settings in settings(), tail in series(WITH_UNKNOWN)) {
        let mut results = vec![Status::Healthy; settings.recover as usize];
        results.extend(tail);
        prop_assert_eq!(replay(&mut ours(settings), &results), replay(&mut Kubernetes::new(settings), &results));
    }

    /// With nothing but good and bad, `for X cycles` on failure and on success is the same rule.
    #[test]
    fn a_row_is_counted_as_monit_does(settings in settings(), results in series(TWO)) {
        prop_assert_eq!(replay(&mut ours(settings), &results), replay(&mut Monit::new(settings), &results));
    }

    /// Every alert is one of Nagios', which has more where a recovery did not last; none where one good result is a recovery.
    #[test]
    fn no_alert_that_nagios_would_not_raise(settings in settings(), results in series(TWO)) {
        let (our, their) = (alerts(&mut ours(settings), &results), alerts(&mut Nagios::without_flapping(settings), &results));
        prop_assert!(our.iter().all(|at| their.contains(at)), "{:?} / {:?}", our, their);
        if settings.recover == 1 {
            prop_assert_eq!(our, their);
        }
    }

    /// A series of any results that leaves Nagios or Monit silent leaves this engine silent.
    #[test]
    fn what_leaves_others_silent_is_silent_here(settings in settings(), results in series(&Status::ALL)) {
        let our = alerts(&mut ours(settings), &results);
        for their in [alerts(&mut Nagios::without_flapping(settings), &results), alerts(&mut Monit::new(settings), &results)] {
            prop_assert!(!their.is_empty() || our.is_empty(), "{:?}", our);
            prop_assert!(their.first() <= our.first() || our.is_empty(), "{:?} before {:?}", our, their);
        }
    }

    /// X of Y: the first alert comes at the same result as from Monit, which then forgets what it counted.
    #[test]
    fn the_first_x_of_y_is_that_of_monit(bad in 1..6_u8, more in 0..6_u8, results in series(TWO)) {
        let settings = Settings { fail: 1, recover: 1, window: Some((bad, bad + more)) };
        let (our, their) = (alerts(&mut ours(settings), &results), alerts(&mut Monit::new(settings), &results));
        prop_assert_eq!(our.first(), their.first());
    }

    /// Asking for more good results never adds an alert.
    #[test]
    fn patience_with_recovery_adds_no_alert(settings in settings(), more in 1..4_u32, results in series(WITH_UNKNOWN)) {
        let patient = Settings { recover: settings.recover + more, ..settings };
        let (few, many) = (alerts(&mut ours(patient), &results), alerts(&mut ours(settings), &results));
        prop_assert!(few.iter().all(|at| many.contains(at)), "{:?} / {:?}", few, many);
    }

    /// Two thresholds never tell more often than one, when each result counts by itself.
    #[test]
    fn hysteresis_adds_no_alert(values in proptest::collection::vec(70.0..100.0_f64, 0..200)) {
        let each = Settings { fail: 1, recover: 1, window: None };
        let count = |condition| alerts(&mut ours(each), &judged(condition, &values)).len();
        prop_assert!(count("used > 85% clear 80%") <= count("used > 85%"));
    }

    /// Trouble told is told to be over before it can be told again, unless it got worse or flaps.
    #[test]
    fn messages_alternate(settings in settings(), results in series(TWO)) {
        let told = replay(&mut ours(settings), &results);
        prop_assert!(told.windows(2).all(|pair| pair[0].1.is_alert() != pair[1].1.is_alert()), "{:?}", told);
        prop_assert!(told.first().is_none_or(|(_, told)| *told == Told::Problem));
    }
}
