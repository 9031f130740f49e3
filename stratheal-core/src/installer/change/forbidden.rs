//! Folders that this user may not write to: whose they are, and what to do.

use std::io;
use std::path::Path;

use crate::installer::error::InstallError;

/// Who owns a folder, as far as that matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner<'a> {
    /// This user.
    Own,
    /// Another one: the number, and the name where there is one.
    Other(u32, Option<&'a str>),
    /// Nobody can tell.
    Unknown,
}

/// The error about an environment, there or not, where `source` says that nothing can be written.
pub(super) fn forbidden(root: &Path, source: io::Error) -> InstallError {
    let folder = root.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    let users = users_of_this_machine();
    let owner = match owner_number(folder) {
        Some((true, _)) => Owner::Own,
        Some((false, number)) => Owner::Other(number, name_of(&users, number)),
        None => Owner::Unknown,
    };
    let reason = reason(folder, source.kind() == io::ErrorKind::ReadOnlyFilesystem, owner);
    InstallError::Forbidden { folder: folder.to_owned(), reason, source }
}

/// Why, and what to do. Pure.
fn reason(folder: &Path, is_read_only: bool, owner: Owner<'_>) -> String {
    const ELSEWHERE: &str = "or name another environment with `--python`";
    let shown = folder.display();
    if is_read_only {
        return format!("it is on a file system that is read-only: mount it for writing, {ELSEWHERE}");
    }
    match owner {
        Owner::Own => format!(
            "it is this user's, and its mode does not let anybody write to it: `chmod u+w {shown}`, {ELSEWHERE}"
        ),
        Owner::Other(number, name) => {
            let name = name.map_or_else(|| format!("user {number}"), str::to_owned);
            format!("it belongs to {name}: do this as {name}, {ELSEWHERE}")
        }
        Owner::Unknown => format!("look at its permissions, {ELSEWHERE}"),
    }
}

/// Whether this user owns a folder, and the owner's number.
#[cfg(unix)]
fn owner_number(folder: &Path) -> Option<(bool, u32)> {
    use std::os::unix::fs::MetadataExt;
    let owner = std::fs::metadata(folder).ok()?.uid();
    Some((owner == rustix::process::geteuid().as_raw(), owner))
}

#[cfg(not(unix))]
fn owner_number(_folder: &Path) -> Option<(bool, u32)> {
    None
}

/// The list of users of this machine; empty where it cannot be read, and users are numbers then.
fn users_of_this_machine() -> String {
    /// The largest list that is read, in bytes.
    const LARGEST: u64 = 1 << 20;
    crate::base::fs::read_text(Path::new("/etc/passwd"), LARGEST).unwrap_or_else(|error| {
        tracing::debug!(%error, "users have no names");
        String::new()
    })
}

/// A user's name in that list.
fn name_of(users: &str, number: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_it_is_and_what_to_do() {
        let users = "root:x:0:0:root:/root:/bin/sh\nbroken\nservice:x:990:990::/srv:/bin/false\n";
        assert_eq!((name_of(users, 990), name_of(users, 7)), (Some("service"), None));
        let folder = Path::new("/srv/env");
        for (is_read_only, owner, words) in [
            (true, Owner::Own, "read-only"),
            (false, Owner::Own, "`chmod u+w /srv/env`"),
            (false, Owner::Other(990, Some("service")), "belongs to service: do this as service"),
            (false, Owner::Other(7, None), "belongs to user 7"),
            (false, Owner::Unknown, "look at its permissions"),
        ] {
            let told = reason(folder, is_read_only, owner);
            assert!(told.contains(words) && told.contains("--python"), "{told}");
        }
    }
}
