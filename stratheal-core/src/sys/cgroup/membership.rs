//! In which control groups a process is. Source: cgroups(7), `/proc/<pid>/cgroup`.

use crate::sys::Malformed;

/// One line of `/proc/<pid>/cgroup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The controllers of a version-1 hierarchy; empty for version 2.
    pub controllers: Vec<String>,
    /// The group, as seen from the root of this process' namespace.
    pub path: String,
}

impl Membership {
    /// Whether this is the line of version 2.
    #[must_use]
    pub fn is_v2(&self) -> bool {
        self.controllers.is_empty()
    }
}

/// Reads `/proc/<pid>/cgroup`.
///
/// # Errors
/// [`Malformed`] when a line has fewer than three fields.
pub fn parse(text: &str) -> Result<Vec<Membership>, Malformed> {
    let line = |line: &str| {
        // A path may hold colons, controllers may not.
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Some(Membership { controllers, path: fields.next()?.to_owned() })
    };
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|text| line(text).ok_or_else(|| Malformed::new("no line of a cgroup file", text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_both_versions() {
        let lines = parse("9:name=systemd:/\n4:cpu,cpuacct:/docker/a:b\n0::/user.slice\n").unwrap();
        assert_eq!(lines[1].controllers, ["cpu", "cpuacct"]);
        assert_eq!(lines[1].path, "/docker/a:b");
        assert!(lines[2].is_v2() && !lines[0].is_v2());
        assert!(parse("4:cpu").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9a-z:,/\n]*") {
            let _ = parse(&text);
        }
    }
}
