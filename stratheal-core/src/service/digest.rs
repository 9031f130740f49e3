//! By which an engine sees that a service runs which was described otherwise when it was started.

use std::collections::BTreeSet;

use super::signal::StopSignal;
use super::spec::{ServiceSpec, Whom};
use super::wire;
use crate::base::fnv::fnv1a;
use crate::base::redact::Secret;

/// Differs when anything does that a running service cannot take over: what it runs, where, as whom, with which variables and limits,
/// how it is stopped, and what of its output is kept.
///
/// A hash of JSON. It only has to notice changes; it never leaves the socket and files of the user's own.
pub(super) fn digest(spec: &ServiceSpec) -> String {
    #[derive(serde::Serialize)]
    struct Parts<'a> {
        run: &'a [String],
        folder: Option<&'a std::path::Path>,
        environment: Option<&'a std::path::Path>,
        #[serde(with = "wire::variables")]
        variables: &'a [(String, Secret<String>)],
        inherit: BTreeSet<&'a str>,
        user: Option<&'a str>,
        limits: &'a super::spec::Limits,
        notify: bool,
        stop: (StopSignal, Whom, u128),
        log: (u64, u32, &'a [String]),
    }
    // The order in which they are written means nothing. Of two with one name the last one counts, so those stay in theirs.
    let mut variables = spec.variables.clone();
    variables.sort_by(|one, other| one.0.cmp(&other.0));
    let inherit: BTreeSet<&str> = spec.inherit.iter().map(String::as_str).collect();
    let parts = Parts {
        run: &spec.run,
        folder: spec.folder.as_deref(),
        environment: spec.environment.as_deref(),
        variables: &variables,
        inherit,
        user: spec.user.as_deref(),
        limits: &spec.limits,
        notify: spec.ready == super::spec::Ready::Notify,
        stop: (spec.stop_signal, spec.stop_whom, spec.stop_timeout.as_millis()),
        // Texts that are masked besides are left out: a new one makes nobody want another run.
        log: (spec.log.max_size, spec.log.keep, &spec.log.patterns),
    };
    let bytes = serde_json::to_vec(&parts).unwrap_or_else(|error| error.to_string().into_bytes());
    format!("{:016x}", fnv1a(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ServiceId;

    #[test]
    fn what_matters_to_a_running_service_matters() {
        let spec = ServiceSpec::child(ServiceId::new("a").unwrap(), ["x"]);
        let differs = |change: &dyn Fn(&mut ServiceSpec)| {
            let mut other = spec.clone();
            change(&mut other);
            digest(&other) != digest(&spec)
        };
        assert!(differs(&|spec| spec.run.push("y".to_owned())));
        assert!(differs(&|spec| spec.variables.push(("A".to_owned(), Secret::new("1".to_owned())))));
        assert!(differs(&|spec| spec.limits.open_files = Some(1)));
        assert!(differs(&|spec| spec.stop_timeout *= 2));
        assert!(differs(&|spec| spec.log.patterns.push("card".to_owned())));
        assert!(!differs(&|spec| spec.start_timeout *= 2));
        assert!(!differs(&|spec| spec.ports.push(80)));
    }

    #[test]
    fn the_order_in_which_it_is_written_does_not() {
        let variables = |names: [(&str, &str); 3]| {
            let mut spec = ServiceSpec::child(ServiceId::new("a").unwrap(), ["x"]);
            spec.variables = names.map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned()))).to_vec();
            spec.inherit = names.map(|(name, _)| name.to_owned()).to_vec();
            digest(&spec)
        };
        let one = variables([("A", "1"), ("B", "2"), ("C", "3")]);
        assert_eq!(variables([("C", "3"), ("A", "1"), ("B", "2")]), one);
        assert_ne!(variables([("A", "1"), ("B", "2"), ("C", "4")]), one, "a secret was replaced by another");
        assert_ne!(variables([("A", "1"), ("A", "2"), ("B", "2")]), variables([("A", "2"), ("A", "1"), ("B", "2")]));
    }
}
