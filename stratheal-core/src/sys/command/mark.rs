//! The mark by which everything a command started is recognised, wherever it went.
//!
//! A process can leave its process group and its parent, but it keeps the environment it was started with, and so do its children
//! unless they are given another one on purpose.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sys::{SysRoot, uptime};

/// The environment variable that carries the mark.
pub const VARIABLE: &str = "STRATHEAL_RUN";

/// The most bytes of a value that is inherited; nested runs deeper than that lose the outer marks.
const MAX_INHERITED: usize = 512;

/// A mark no other run on this machine has.
pub(super) fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let now = uptime::since_boot(&SysRoot::default()).unwrap_or_default();
    format!("{}-{:x}-{number}", std::process::id(), now.as_nanos())
}

/// The value of the variable: the mark, behind those of the runs this one is part of.
pub(super) fn value(inherited: Option<&str>, mark: &str) -> String {
    match inherited {
        Some(outer) if !outer.is_empty() && outer.len() <= MAX_INHERITED => format!("{outer},{mark}"),
        _ => mark.to_owned(),
    }
}

/// The marks an environment carries, as `/proc/<pid>/environ` shows it.
#[cfg_attr(
    not(any(target_os = "linux", test)),
    expect(dead_code, reason = "only Linux shows the environment of others")
)]
pub(crate) fn marks(environment: &[u8]) -> impl Iterator<Item = &[u8]> {
    let value = |entry: &'_ [u8]| entry.strip_prefix(VARIABLE.as_bytes()).is_some_and(|rest| rest.starts_with(b"="));
    let values = environment.split(|byte| *byte == 0).filter(move |entry| value(entry));
    values.flat_map(|entry| entry[VARIABLE.len() + 1..].split(|byte| *byte == b','))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_nest() {
        let (outer, inner) = (fresh(), fresh());
        assert_ne!(outer, inner);
        let nested = value(Some(&outer), &inner);
        let environment = format!("PATH=/bin\0{VARIABLE}={nested}\0{VARIABLE}X=no\0");
        let found: Vec<&[u8]> = marks(environment.as_bytes()).collect();
        assert_eq!(found, [outer.as_bytes(), inner.as_bytes()]);
        assert_eq!(value(Some(&"x".repeat(600)), &inner), inner);
    }

    proptest! {
        #[test]
        fn never_panics(environment in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(marks(&environment).all(|mark| mark != b"1-2-3"));
        }
    }
}
