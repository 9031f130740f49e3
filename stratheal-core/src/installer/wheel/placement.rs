//! Where the files of a wheel go.

/// The parts of an environment that files of a wheel may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::installer) enum Part {
    /// Modules.
    Purelib,
    /// Modules with parts for a platform.
    Platlib,
    /// Programs.
    Scripts,
    /// Headers, below a folder of the project.
    Headers,
    /// Anything, below the root of the environment.
    Data,
}

/// The part that a file of a wheel goes to, and its path there. `stem` is `name-version` of the wheel's own folders. The reason when
/// there is no such part.
pub(in crate::installer) fn place<'a>(
    path: &'a str,
    stem: &str,
    root_is_purelib: bool,
) -> Result<(Part, &'a str), String> {
    let root = if root_is_purelib { Part::Purelib } else { Part::Platlib };
    let inside = path.strip_prefix(stem).and_then(|rest| rest.strip_prefix(".data/"));
    let Some(inside) = inside else { return Ok((root, path)) };
    let Some((part, rest)) = inside.split_once('/') else {
        return Err(format!("{path} belongs to no part of an environment"));
    };
    let part = match part {
        "purelib" => Part::Purelib,
        "platlib" => Part::Platlib,
        "scripts" => Part::Scripts,
        "headers" => Part::Headers,
        "data" => Part::Data,
        _ => return Err(format!("{path} belongs to no part of an environment")),
    };
    // Programs have no folders of their own.
    if part == Part::Scripts && rest.contains('/') {
        return Err(format!("{path} would be a program in a folder"));
    }
    Ok((part, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let at = |path: &'static str| place(path, "demo-1.0", true);
        assert_eq!(at("demo/a.py"), Ok((Part::Purelib, "demo/a.py")));
        assert_eq!(at("demo-1.0.dist-info/METADATA"), Ok((Part::Purelib, "demo-1.0.dist-info/METADATA")));
        assert_eq!(place("demo/a.so", "demo-1.0", false), Ok((Part::Platlib, "demo/a.so")));
        assert_eq!(at("demo-1.0.data/scripts/run"), Ok((Part::Scripts, "run")));
        assert_eq!(at("demo-1.0.data/headers/sub/a.h"), Ok((Part::Headers, "sub/a.h")));
        assert_eq!(at("demo-1.0.data/data/share/x"), Ok((Part::Data, "share/x")));
        assert_eq!(at("demo-1.0.data/platlib/x"), Ok((Part::Platlib, "x")));
        assert_eq!(at("demo-1.0.database/x"), Ok((Part::Purelib, "demo-1.0.database/x")));
        assert!(at("demo-1.0.data/other/x").is_err() && at("demo-1.0.data/x").is_err());
        assert!(at("demo-1.0.data/scripts/sub/x").is_err());
    }
}
