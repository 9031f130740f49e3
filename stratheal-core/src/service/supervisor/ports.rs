//! Whether somebody else holds a port that a service is going to listen on. Nobody is ever killed for it.

use crate::service::user;
use crate::sys::listening::{Holder, holders};
use crate::sys::{SysError, SysRoot};

/// The first of these ports that is held, with its holder in words.
pub(super) fn taken(ports: &[u16]) -> Result<Option<(u16, String)>, SysError> {
    let root = SysRoot::default();
    if ports.is_empty() || root.lacks_proc() {
        // Without `/proc` nobody can be named; the service itself finds out.
        return Ok(None);
    }
    let found = holders(&root, ports)?.into_iter().next();
    Ok(found.map(|holder| (holder.address.port(), in_words(&holder, user::name_of(holder.uid)))))
}

fn in_words(holder: &Holder, user: Option<String>) -> String {
    let user = user.unwrap_or_else(|| holder.uid.to_string());
    match &holder.process {
        Some((pid, name)) => format!("{} (process {pid}, user {user})", crate::model::report::printable(name)),
        None => format!("a process of the user {user} that cannot be seen from here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_named() {
        let holder =
            Holder { address: "0.0.0.0:80".parse().unwrap(), uid: 33, process: Some((1234, "nginx".to_owned())) };
        assert_eq!(in_words(&holder, Some("www-data".to_owned())), "nginx (process 1234, user www-data)");
        let hidden = Holder { process: None, ..holder };
        assert_eq!(in_words(&hidden, None), "a process of the user 33 that cannot be seen from here");
    }

    #[test]
    fn a_free_port_is_free() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(taken(&[port]).unwrap().unwrap().0, port);
        drop(listener);
        assert_eq!(taken(&[port]).unwrap(), None);
        assert_eq!(taken(&[]).unwrap(), None);
    }
}
