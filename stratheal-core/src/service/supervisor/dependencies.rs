//! Which service needs which.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ServiceId;
use crate::service::spec::{ServiceSpec, SpecError};

/// Whether a set of descriptions fits together.
pub(super) fn validate(specs: &[ServiceSpec]) -> Result<(), SpecError> {
    let mut by_id: BTreeMap<&ServiceId, &ServiceSpec> = BTreeMap::new();
    for spec in specs {
        spec.validate()?;
        if by_id.insert(&spec.id, spec).is_some() {
            return Err(SpecError::Twice(spec.id.clone()));
        }
    }
    for spec in specs {
        if let Some(on) = spec.depends_on.iter().find(|on| !by_id.contains_key(on)) {
            return Err(SpecError::NoSuchDependency { id: spec.id.clone(), on: on.clone() });
        }
    }
    let mut done = BTreeSet::new();
    for spec in specs {
        walk(spec, &by_id, &mut done)?;
    }
    Ok(())
}

/// Follows the dependencies of one service, without recursion: a configuration may be deep.
fn walk<'a>(
    first: &'a ServiceSpec,
    by_id: &BTreeMap<&'a ServiceId, &'a ServiceSpec>,
    done: &mut BTreeSet<&'a ServiceId>,
) -> Result<(), SpecError> {
    let mut path: Vec<(&ServiceSpec, usize)> = vec![(first, 0)];
    while let Some((spec, next)) = path.last_mut() {
        let spec: &ServiceSpec = spec;
        let Some(on) = spec.depends_on.get(*next) else {
            done.insert(&spec.id);
            path.pop();
            continue;
        };
        *next += 1;
        if done.contains(on) {
            continue;
        }
        if let Some(at) = path.iter().position(|(known, _)| known.id == *on) {
            let circle = path[at..].iter().map(|(known, _)| known.id.clone()).chain([on.clone()]).collect();
            return Err(SpecError::Circle { circle });
        }
        if let Some(spec) = by_id.get(on) {
            path.push((spec, 0));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(rows: &[(&str, &[&str])]) -> Vec<ServiceSpec> {
        let id = |text: &str| ServiceId::new(text).unwrap();
        let spec = |(name, on): &(&str, &[&str])| {
            let mut spec = ServiceSpec::child(id(name), ["true"]);
            spec.depends_on = on.iter().map(|on| id(on)).collect();
            spec
        };
        rows.iter().map(spec).collect()
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let said = |rows: &[(&str, &[&str])]| validate(&specs(rows)).map_err(|error| error.to_string());
        assert_eq!(said(&[("a", &["b"]), ("b", &["c"]), ("c", &[]), ("d", &["c", "b"])]), Ok(()));
        let circle = said(&[("x", &["a"]), ("a", &["b"]), ("b", &["c"]), ("c", &["a"])]).unwrap_err();
        assert_eq!(circle, "services wait for each other: a -> b -> c -> a");
        assert_eq!(said(&[("a", &["a"])]).unwrap_err(), "services wait for each other: a -> a");
        assert!(said(&[("a", &["z"])]).unwrap_err().contains("`z`, which is not there"));
        assert!(said(&[("a", &[]), ("a", &[])]).unwrap_err().contains("twice"));
    }
}
