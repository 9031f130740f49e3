//! `WHEEL`: which version of the format a wheel follows, and where its modules go.

use super::metadata::headers;

/// What a `WHEEL` file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installer) struct WheelFile {
    /// Whether what lies at the top of the wheel is for any platform.
    pub(in crate::installer) root_is_purelib: bool,
}

impl WheelFile {
    /// The largest file that is read, in bytes.
    pub(in crate::installer) const LARGEST: u64 = 1 << 20;

    /// Reads one. The reason when it is none, or one of a format that is not known.
    pub(in crate::installer) fn parse(text: &str) -> Result<Self, String> {
        let mut version = None;
        let mut root_is_purelib = true;
        for (name, value) in headers(text) {
            if name.eq_ignore_ascii_case("Wheel-Version") {
                version = Some(value.trim().to_owned());
            } else if name.eq_ignore_ascii_case("Root-Is-Purelib") {
                root_is_purelib = value.trim().eq_ignore_ascii_case("true");
            }
        }
        let version = version.ok_or("WHEEL does not say which version of the format it follows")?;
        // A newer minor version only adds something.
        if version.split('.').next() != Some("1") {
            let version: String = version.chars().take(20).flat_map(char::escape_default).collect();
            return Err(format!("it follows version {version} of the wheel format, and only 1 is known"));
        }
        Ok(Self { root_is_purelib })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions() {
        let parse = |text: &str| WheelFile::parse(text).map(|file| file.root_is_purelib);
        assert_eq!(parse("Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: a\nTag: b\n"), Ok(false));
        assert_eq!(parse("wheel-version: 1.9\r\nroot-is-purelib: True\r\n"), Ok(true));
        assert!(parse("Wheel-Version: 2.0\n").unwrap_err().contains("version 2.0"));
        assert!(parse("Generator: x\n").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", near in "(Wheel-Version|:| |1|\\.|\n|\r){0,20}") {
            let _ = (WheelFile::parse(&text), WheelFile::parse(&near));
        }
    }
}
