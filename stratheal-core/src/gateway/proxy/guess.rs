//! Which project a file belongs to, by its name alone.

use crate::index::ProjectName;

/// Guesses more than this many are not worth a request each.
const MOST: usize = 4;

/// The projects a file may belong to, the likeliest first: wheels say it, and of a source archive the version is what stands behind
/// one of the hyphens.
///
/// Rules: the binary and source distribution formats of the packaging specifications, and what was usual before them.
pub(super) fn projects_of(file: &str) -> Vec<ProjectName> {
    if file.to_ascii_lowercase().ends_with(".whl") {
        return file.split('-').next().and_then(|name| name.parse().ok()).into_iter().collect();
    }
    let known = [".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".egg", ".tar"];
    let Some(stem) = known.iter().find_map(|ending| file.strip_suffix(ending)) else { return Vec::new() };
    let mut likely = Vec::new();
    let mut unlikely = Vec::new();
    for (at, _) in stem.rmatch_indices('-').take(16) {
        let Ok(name) = stem[..at].parse::<ProjectName>() else { continue };
        let is_version = stem[at + 1..].starts_with(|first: char| first.is_ascii_digit());
        if is_version { likely.push(name) } else { unlikely.push(name) }
    }
    likely.extend(unlikely);
    likely.dedup();
    likely.truncate(MOST);
    likely
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_name() {
        for (file, expected) in [
            ("six-1.17.0-py2.py3-none-any.whl", vec!["six"]),
            ("Zope.Interface-1-cp312-abi3-linux_x86_64.whl", vec!["zope-interface"]),
            ("six-1.17.0.tar.gz", vec!["six"]),
            ("a-b-1.0-2.zip", vec!["a-b-1-0", "a-b", "a"]),
            ("a-1-b.tar.gz", vec!["a", "a-1"]),
            ("six.txt", vec![]),
            (".whl", vec![]),
        ] {
            let found: Vec<_> = projects_of(file).iter().map(ToString::to_string).collect();
            assert_eq!(found, expected, "{file}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(file in "\\PC{0,30}", near in "[a-z-]{0,10}[0-9.-]{0,10}(\\.tar\\.gz|\\.whl|\\.zip)?") {
            let _ = (projects_of(&file), projects_of(&near));
        }
    }
}
