//! Time since this machine was started, and which start it was.
//!
//! It is the only time two processes can compare: it does not jump as the wall clock does. Source: proc(5), `uptime` and
//! `sys/kernel/random/boot_id`.

use std::time::Duration;

use super::{Malformed, SysError, SysRoot};

/// Reads `/proc/uptime`.
///
/// # Errors
/// [`Malformed`] when the first field is no time.
pub fn parse(text: &str) -> Result<Duration, Malformed> {
    let first = text.split_ascii_whitespace().next().ok_or_else(|| Malformed::missing("the uptime"))?;
    let seconds: f64 = super::fields::number(first, "the uptime")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| Malformed::new("the uptime is no time", first))
}

/// How long this machine has been running, including time asleep. On the host itself in nanoseconds, in recorded files as
/// exact as they are.
///
/// # Errors
/// [`SysError`] when it cannot be read.
pub fn since_boot(root: &SysRoot) -> Result<Duration, SysError> {
    #[cfg(target_os = "linux")]
    if root.is_host() {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        return Ok(Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32));
    }
    if root.lacks_proc() {
        return Ok(super::elsewhere::uptime());
    }
    root.parse("proc/uptime", parse)
}

/// A text that differs after every start of the machine.
///
/// # Errors
/// [`SysError`] when it cannot be read.
pub fn boot_id(root: &SysRoot) -> Result<String, SysError> {
    if root.lacks_proc() {
        return Ok(super::elsewhere::boot_time().to_string());
    }
    Ok(root.read("proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_uptime() {
        assert_eq!(parse("350735.47 234388.90\n"), Ok(Duration::from_millis(350_735_470)));
        for bad in ["", "x", "-1 2", "NaN 1", "inf"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_machine_runs() {
        let root = SysRoot::default();
        let first = since_boot(&root).unwrap();
        assert!(first > Duration::ZERO && since_boot(&root).unwrap() >= first);
        assert!(!boot_id(&root).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
