//! Setting modes right. The content of a file is none of this.

use std::fs;
use std::path::Path;

use crate::installer::verify::Right;

/// Gives a file a right that it lacks, as wheels give it.
#[cfg(unix)]
pub(super) fn allow(root: &Path, path: &Path, lacks: Right) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let place = root.join(path);
    let inside = place.parent().and_then(|parent| parent.canonicalize().ok());
    let found = fs::symlink_metadata(&place).map_err(|error| error.to_string())?;
    if !found.is_file() || !inside.is_some_and(|inside| inside.starts_with(root)) {
        return Err("it is reached through a link: look at it yourself".to_owned());
    }
    let mode = found.permissions().mode() & 0o7777;
    let mode = match lacks {
        // Whoever may read a program may run it.
        Right::Execute => mode | ((mode | 0o400) & 0o444) >> 2,
        Right::Read => mode | 0o644,
    };
    let set = fs::set_permissions(&place, fs::Permissions::from_mode(mode));
    set.map_err(|error| format!("its mode cannot be set ({error}): `chmod` it yourself"))
}

#[cfg(not(unix))]
pub(super) fn allow(_root: &Path, _path: &Path, _lacks: Right) -> Result<(), String> {
    Err("there are no modes here".to_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn rights_come_back_and_nothing_is_reached_through_links() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().canonicalize().unwrap().join(path);
        fs::create_dir_all(at("env/bin")).unwrap();
        fs::write(at("outside"), "").unwrap();
        for (lacks, before, after) in [
            (Right::Execute, 0o644, 0o755),
            (Right::Execute, 0o600, 0o700),
            (Right::Read, 0o000, 0o644),
            (Right::Read, 0o111, 0o755),
        ] {
            fs::write(at("env/bin/run"), "").unwrap();
            fs::set_permissions(at("env/bin/run"), fs::Permissions::from_mode(before)).unwrap();
            allow(&at("env"), Path::new("bin/run"), lacks).unwrap();
            assert_eq!(fs::metadata(at("env/bin/run")).unwrap().permissions().mode() & 0o7777, after, "{before:o}");
            fs::remove_file(at("env/bin/run")).unwrap();
        }
        std::os::unix::fs::symlink(at("outside"), at("env/bin/link")).unwrap();
        std::os::unix::fs::symlink(at(""), at("env/way")).unwrap();
        for path in ["bin/link", "way/outside", "bin/absent", "bin"] {
            assert!(allow(&at("env"), Path::new(path), Right::Read).is_err(), "{path}");
        }
    }
}
