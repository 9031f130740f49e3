//! Pressure stall information: how long tasks waited for processors, memory or disks.
//!
//! Source: the kernel's `Documentation/accounting/psi.rst`. `some` is the share of time in which at least one task waited, `full`
//! that in which all did.

use std::io;
use std::time::Duration;

use super::{Malformed, SysError, SysRoot, fields};

/// What tasks wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Processors.
    Cpu,
    /// Memory: reclaiming it, or reading back what was dropped.
    Memory,
    /// Disks.
    Io,
}

impl Resource {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Io];

    /// The kernel's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
        }
    }
}

/// One line: shares of time in percent, and all time waited since the machine was started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stall {
    /// Over ten seconds.
    pub avg10: f64,
    /// Over a minute.
    pub avg60: f64,
    /// Over five minutes.
    pub avg300: f64,
    /// All in all.
    pub total: Duration,
}

/// The pressure on one resource.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pressure {
    /// At least one task waited.
    pub some: Stall,
    /// All tasks waited; old kernels do not say so for processors.
    pub full: Option<Stall>,
}

/// Reads a file of `/proc/pressure`, or a control group's `*.pressure`.
///
/// # Errors
/// [`Malformed`] when the line `some` is missing or a number is none.
pub fn parse(text: &str) -> Result<Pressure, Malformed> {
    let line = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        rest.map(parse_stall).transpose()
    };
    Ok(Pressure { some: line("some")?.ok_or_else(|| Malformed::missing("the line `some`"))?, full: line("full")? })
}

fn parse_stall(rest: &str) -> Result<Stall, Malformed> {
    let field = |key: &str| {
        let value = rest.split_ascii_whitespace().find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
        value.ok_or_else(|| Malformed::missing(key))
    };
    let average = |key: &str| {
        let share: f64 = fields::number(field(key)?, key)?;
        if share.is_finite() { Ok(share) } else { Err(Malformed::new("an average is not finite", rest)) }
    };
    Ok(Stall {
        avg10: average("avg10")?,
        avg60: average("avg60")?,
        avg300: average("avg300")?,
        total: Duration::from_micros(fields::number(field("total")?, "total")?),
    })
}

/// The pressure on a resource of the whole host.
///
/// # Errors
/// [`SysError::Unsupported`] when the kernel has no pressure information or it was switched off, else [`SysError`].
pub fn read(root: &SysRoot, resource: Resource) -> Result<Pressure, SysError> {
    read_file(root, &format!("proc/pressure/{}", resource.as_str()))
}

/// The pressure on a resource of one control group (version 2), given its folder.
///
/// # Errors
/// As [`read`].
pub fn read_group(root: &SysRoot, folder: &std::path::Path, resource: Resource) -> Result<Pressure, SysError> {
    let file = folder.join(format!("{}.pressure", resource.as_str()));
    root.parse(file, parse).map_err(unsupported)
}

fn read_file(root: &SysRoot, file: &str) -> Result<Pressure, SysError> {
    root.parse(file, parse).map_err(unsupported)
}

/// A kernel without PSI has no such file; one that was booted with `psi=0` has it and refuses to answer.
fn unsupported(error: SysError) -> SysError {
    let refused = matches!(&error, SysError::Read { source, .. } if source.kind() == io::ErrorKind::Unsupported);
    if error.is_missing() || refused {
        return SysError::Unsupported {
            what: "pressure",
            why: "this kernel keeps no pressure stall information (CONFIG_PSI, boot option psi=1)",
        };
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_pressure() {
        let text = "some avg10=3.15 avg60=1.11 avg300=0.53 total=6131618\nfull avg10=2.84 avg60=0.97 avg300=0.46 total=5483041\n";
        let pressure = parse(text).unwrap();
        assert_eq!((pressure.some.avg10, pressure.some.avg300), (3.15, 0.53));
        assert_eq!(pressure.full.unwrap().total, Duration::from_micros(5_483_041));
        assert_eq!(parse("some avg10=0.00 avg60=0.00 avg300=0.00 total=0").unwrap().full, None);
        for bad in [
            "",
            "full avg10=1 avg60=1 avg300=1 total=1",
            "some avg10=1",
            "some avg10=x avg60=1 avg300=1 total=1",
            "some avg10=NaN avg60=1 avg300=1 total=1",
            "some avg10=1 avg60=1 avg300=1 total=-1",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_kernel_without_it_is_unsupported() {
        let folder = tempfile::tempdir().unwrap();
        let answer = read(&SysRoot::new(folder.path()), Resource::Memory);
        assert!(matches!(answer, Err(SysError::Unsupported { .. })), "{answer:?}");
    }

    proptest! {
        #[test]
        fn never_panics(text in "(some |full |avg10=|avg60=|avg300=|total=|[0-9. \n]){0,40}") {
            let _ = parse(&text);
        }
    }
}
