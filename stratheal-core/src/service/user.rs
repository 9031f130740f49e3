//! Users and groups by name, from `/etc/passwd` and `/etc/group`. Source: passwd(5), group(5).
//!
//! Names that come over the network (LDAP, `systemd-userdb`) are not known here; their numbers can be given instead.

use std::io;
use std::path::Path;

use crate::base::fs::read_text;

/// The largest file that is read.
const LONGEST: u64 = 8 << 20;

/// A user as programs run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(super) name: Option<String>,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The groups it is in besides.
    pub(super) groups: Vec<u32>,
    pub(super) home: Option<String>,
}

/// Finds a user by name or number; `None` when there is no such name.
pub(crate) fn find(wanted: &str) -> io::Result<Option<User>> {
    let passwd = read_text(Path::new("/etc/passwd"), LONGEST)?;
    let Some(mut user) = parse_user(&passwd, wanted) else { return Ok(None) };
    if let Some(name) = &user.name {
        user.groups = parse_groups(&read_text(Path::new("/etc/group"), LONGEST)?, name);
    }
    Ok(Some(user))
}

/// The name of a user, where it has one.
pub(super) fn name_of(uid: u32) -> Option<String> {
    let passwd = read_text(Path::new("/etc/passwd"), LONGEST).ok()?;
    parse_user(&passwd, &uid.to_string())?.name
}

fn parse_user(passwd: &str, wanted: &str) -> Option<User> {
    let number = wanted.parse::<u32>().ok();
    let lines = passwd.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields.as_slice() else { return None };
        Some(User {
            name: Some((*name).to_owned()),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            groups: Vec::new(),
            home: Some((*home).to_owned()),
        })
    });
    let found = lines.into_iter().find(|user| user.name.as_deref() == Some(wanted) || number == Some(user.uid));
    // A number without a name is a user as well, in a group of the same number.
    found.or_else(|| number.map(|uid| User { name: None, uid, gid: uid, groups: Vec::new(), home: None }))
}

fn parse_groups(group: &str, user: &str) -> Vec<u32> {
    let lines = group.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, gid, members] = fields.as_slice() else { return None };
        members.split(',').any(|member| member == user).then(|| gid.parse().ok())?
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn users_are_found_by_name_and_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/var/www:/bin/false\nbroken\n";
        let web = parse_user(passwd, "web").unwrap();
        assert_eq!((web.uid, web.gid, web.home.as_deref()), (33, 34, Some("/var/www")));
        assert_eq!(parse_user(passwd, "33").unwrap(), web);
        assert_eq!(parse_user(passwd, "4242").unwrap().gid, 4242);
        assert_eq!(parse_user(passwd, "nobody"), None);
        assert_eq!(parse_groups("a:x:1:web\nb:x:2:\nc:x:3:root,web\nd\n", "web"), [1, 3]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[a-z0-9:,\n]{0,80}", wanted in "[a-z0-9]{0,4}") {
            let _ = (parse_user(&text, &wanted), parse_groups(&text, &wanted));
        }
    }
}
