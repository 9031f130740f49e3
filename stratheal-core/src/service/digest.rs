//! By which an engine sees that a service runs which was described otherwise when it was started.

use super::spec::ServiceSpec;
use super::wire;
use crate::base::redact::Secret;

/// Differs when anything does that a running service cannot take over: what it runs, where, as whom, with which variables and limits.
///
/// FNV-1a over JSON. It only has to notice changes; it never leaves the socket and files of the user's own.
pub(super) fn digest(spec: &ServiceSpec) -> String {
    #[derive(serde::Serialize)]
    struct Parts<'a> {
        run: &'a [String],
        folder: Option<&'a std::path::Path>,
        environment: Option<&'a std::path::Path>,
        #[serde(with = "wire::variables")]
        variables: &'a [(String, Secret<String>)],
        inherit: &'a [String],
        user: Option<&'a str>,
        limits: &'a super::spec::Limits,
        notify: bool,
    }
    let parts = Parts {
        run: &spec.run,
        folder: spec.folder.as_deref(),
        environment: spec.environment.as_deref(),
        variables: &spec.variables,
        inherit: &spec.inherit,
        user: spec.user.as_deref(),
        limits: &spec.limits,
        notify: spec.ready == super::spec::Ready::Notify,
    };
    let bytes = serde_json::to_vec(&parts).unwrap_or_else(|error| error.to_string().into_bytes());
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
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
        assert!(!differs(&|spec| spec.stop_timeout *= 2));
        assert!(!differs(&|spec| spec.ports.push(80)));
    }
}
