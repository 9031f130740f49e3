//! For which Python and which platform.
//!
//! Platforms are written as in the names of wheels (PEP 600, 656); uv has its own words for them.

/// A Python and a platform; without them, those of the interpreter and of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Target {
    /// Such as `3.12`.
    pub(super) python: Option<String>,
    /// Such as `manylinux_2_28_x86_64`.
    pub(super) platform: Option<String>,
}

impl Target {
    /// Every Python with every platform.
    pub(super) fn all(pythons: &[String], platforms: &[String]) -> Vec<Self> {
        let some = |all: &[String]| match all {
            [] => vec![None],
            all => all.iter().cloned().map(Some).collect(),
        };
        let platforms = some(platforms);
        let of =
            |python: &Option<String>| platforms.iter().map(|platform| (python.clone(), platform.clone())).collect();
        let pairs = some(pythons).iter().flat_map::<Vec<_>, _>(of).collect::<Vec<_>>();
        pairs.into_iter().map(|(python, platform)| Self { python, platform }).collect()
    }

    /// Whether it is another one than that of the interpreter, whose version is given.
    pub(super) fn is_foreign(&self, series: &str) -> bool {
        self.platform.is_some() || self.python.as_ref().is_some_and(|python| python != series)
    }

    /// For people.
    pub(super) fn shown(&self) -> String {
        let python = self.python.as_ref().map(|python| format!("Python {python}"));
        let words: Vec<_> = python.into_iter().chain(self.platform.clone()).collect();
        if words.is_empty() { "this machine".to_owned() } else { words.join(" on ") }
    }
}

/// The word uv has for a platform tag, or what is wrong with the tag.
pub(super) fn uv_platform(tag: &str) -> Result<String, String> {
    let unknown = || format!("`{tag}` is no platform: write it as in a wheel's name, such as manylinux_2_28_x86_64");
    let machine = |arch: &str| match arch {
        "x86_64" | "amd64" => Some("x86_64"),
        "aarch64" | "arm64" => Some("aarch64"),
        "i686" | "win32" => Some("i686"),
        "armv7l" => Some("armv7"),
        "ppc64le" => Some("powerpc64le"),
        "s390x" => Some("s390x"),
        "riscv64" => Some("riscv64gc"),
        _ => None,
    };
    let versioned = |rest: &str| {
        let (major, rest) = rest.split_once('_')?;
        let (minor, arch) = rest.split_once('_')?;
        let number = |text: &str| text.parse::<u16>().ok();
        Some((number(major)?, number(minor)?, machine(arch)?))
    };
    let found = if let Some(rest) = tag.strip_prefix("manylinux_") {
        versioned(rest).map(|(major, minor, arch)| format!("{arch}-manylinux_{major}_{minor}"))
    } else if let Some(arch) = tag.strip_prefix("manylinux2014_") {
        machine(arch).map(|arch| format!("{arch}-manylinux2014"))
    } else if let Some(rest) = tag.strip_prefix("musllinux_") {
        versioned(rest).map(|(_, _, arch)| format!("{arch}-unknown-linux-musl"))
    } else if let Some(arch) = tag.strip_prefix("linux_") {
        machine(arch).map(|arch| format!("{arch}-unknown-linux-gnu"))
    } else if let Some(rest) = tag.strip_prefix("macosx_") {
        versioned(rest).map(|(_, _, arch)| format!("{arch}-apple-darwin"))
    } else if let Some(arch) = tag.strip_prefix("win_").or_else(|| (tag == "win32").then_some(tag)) {
        machine(arch).map(|arch| format!("{arch}-pc-windows-msvc"))
    } else {
        None
    };
    found.ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_in_the_words_of_uv() {
        for (tag, word) in [
            ("manylinux_2_28_x86_64", Some("x86_64-manylinux_2_28")),
            ("manylinux2014_aarch64", Some("aarch64-manylinux2014")),
            ("musllinux_1_2_x86_64", Some("x86_64-unknown-linux-musl")),
            ("linux_x86_64", Some("x86_64-unknown-linux-gnu")),
            ("macosx_11_0_arm64", Some("aarch64-apple-darwin")),
            ("win_amd64", Some("x86_64-pc-windows-msvc")),
            ("win32", Some("i686-pc-windows-msvc")),
            ("manylinux_2_x86_64", None),
            ("beos_5", None),
            ("", None),
        ] {
            assert_eq!(uv_platform(tag).ok().as_deref(), word, "{tag}");
        }
    }

    #[test]
    fn every_python_with_every_platform() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let shown = |pythons: &[&str], platforms: &[&str]| {
            let all = Target::all(&texts(pythons), &texts(platforms));
            all.iter().map(Target::shown).collect::<Vec<_>>()
        };
        assert_eq!(shown(&[], &[]), ["this machine"]);
        assert_eq!(shown(&["3.11", "3.12"], &["win_amd64"]), ["Python 3.11 on win_amd64", "Python 3.12 on win_amd64"]);
        let native = Target { python: Some("3.12".to_owned()), platform: None };
        assert!(!native.is_foreign("3.12") && native.is_foreign("3.13"));
    }
}
