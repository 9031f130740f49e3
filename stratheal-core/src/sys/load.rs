//! Load averages. Source: proc(5), `loadavg`.

use super::{Malformed, SysError, SysRoot, fields};

/// How many tasks ran or waited for a processor or a disk, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadAverage {
    /// Over one minute.
    pub one: f64,
    /// Over five minutes.
    pub five: f64,
    /// Over fifteen minutes.
    pub fifteen: f64,
}

/// Reads `/proc/loadavg`.
///
/// # Errors
/// [`Malformed`] when one of the three numbers is missing or none.
pub fn parse(text: &str) -> Result<LoadAverage, Malformed> {
    let mut numbers = text.split_ascii_whitespace();
    let one = fields::next(&mut numbers, "the 1-minute load")?;
    let five = fields::next(&mut numbers, "the 5-minute load")?;
    let fifteen = fields::next(&mut numbers, "the 15-minute load")?;
    if ![one, five, fifteen].iter().all(|load: &f64| load.is_finite() && *load >= 0.0) {
        return Err(Malformed::new("a load is not finite", text));
    }
    Ok(LoadAverage { one, five, fifteen })
}

/// The load of this host.
///
/// # Errors
/// [`SysError`] when it cannot be read.
pub fn read(root: &SysRoot) -> Result<LoadAverage, SysError> {
    if root.lacks_proc() {
        return super::elsewhere::load();
    }
    root.parse("proc/loadavg", parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_loadavg() {
        let load = parse("0.52 1.45 12.28 3/104 8679\n").unwrap();
        assert_eq!(load, LoadAverage { one: 0.52, five: 1.45, fifteen: 12.28 });
        for bad in ["", "1 2", "1 2 x", "1 2 inf", "-1 2 3"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_host_has_a_load() {
        assert!(read(&SysRoot::default()).unwrap().one >= 0.0);
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
