//! Who listens on which TCP port. Source: `proc_net(5)`, `proc_pid_fd(5)`.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::error::if_there;
use super::process::{pids, read as read_process};
use super::{Malformed, SysError, SysRoot};

/// A socket that waits for connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Where; an unspecified address means every one of this machine's.
    pub address: SocketAddr,
    /// The process, where this user may see it.
    pub process: Option<String>,
}

/// Somebody who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Where.
    pub address: SocketAddr,
    /// The number of the user to whom the socket belongs.
    pub uid: u32,
    /// The process with its name, where this user may see it.
    pub process: Option<(u32, String)>,
}

/// A line of the kernel's list.
struct Socket {
    address: SocketAddr,
    uid: u32,
    inode: u64,
}

/// The state of a socket that listens, `TCP_LISTEN` in the kernel.
const LISTEN: &str = "0A";

/// Reads `/proc/net/tcp` or `/proc/net/tcp6`: the address and the inode of each listening socket.
///
/// # Errors
/// [`Malformed`] when a line is not as the kernel writes it.
pub fn parse(text: &str) -> Result<Vec<(SocketAddr, u64)>, Malformed> {
    Ok(parse_sockets(text)?.into_iter().map(|socket| (socket.address, socket.inode)).collect())
}

fn parse_sockets(text: &str) -> Result<Vec<Socket>, Malformed> {
    let mut found = Vec::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, local, _, state, ..] = fields.as_slice() else {
            return Err(Malformed::new("too few fields of a socket", line));
        };
        if *state != LISTEN {
            continue;
        }
        let address = address(local).ok_or_else(|| Malformed::new("not an address", local))?;
        let inode = fields.get(9).and_then(|inode| inode.parse().ok());
        let uid = fields.get(7).and_then(|uid| uid.parse().ok()).ok_or_else(|| Malformed::new("no user", line))?;
        found.push(Socket { address, uid, inode: inode.ok_or_else(|| Malformed::new("no inode", line))? });
    }
    Ok(found)
}

/// `0100007F:1F90`: words of 32 bits in the machine's own byte order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |part: &str| u32::from_str_radix(part, 16).ok().map(u32::to_ne_bytes);
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(address)?)),
        32 => {
            let mut bytes = [0; 16];
            for (place, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(address.get(place * 8..place * 8 + 8)?)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), port))
}

/// Everything that listens, sorted by port, each port once.
///
/// # Errors
/// [`SysError`] when the kernel's list cannot be read.
pub fn read(root: &SysRoot) -> Result<Vec<Listening>, SysError> {
    let mut sockets = root.parse("proc/net/tcp", parse)?;
    sockets.extend(if_there(root.parse("proc/net/tcp6", parse))?.unwrap_or_default());
    sockets.sort_by_key(|(address, _)| (address.port(), address.is_ipv6()));
    sockets.dedup_by_key(|(address, _)| address.port());
    let wanted = sockets.iter().map(|(_, inode)| *inode).collect();
    let owners = owners(root, &wanted);
    let name = |inode| owners.get(&inode).map(|(_, name)| name.clone());
    let named = |(address, inode)| Listening { address, process: name(inode) };
    Ok(sockets.into_iter().map(named).collect())
}

/// Who listens on these ports, at whatever address.
///
/// # Errors
/// [`SysError`] when the kernel's list cannot be read.
pub fn holders(root: &SysRoot, ports: &[u16]) -> Result<Vec<Holder>, SysError> {
    let mut sockets = root.parse("proc/net/tcp", parse_sockets)?;
    sockets.extend(if_there(root.parse("proc/net/tcp6", parse_sockets))?.unwrap_or_default());
    sockets.retain(|socket| ports.contains(&socket.address.port()));
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    let owners = owners(root, &sockets.iter().map(|socket| socket.inode).collect());
    let held = |socket: Socket| Holder {
        address: socket.address,
        uid: socket.uid,
        process: owners.get(&socket.inode).cloned(),
    };
    Ok(sockets.into_iter().map(held).collect())
}

/// The processes that hold these sockets, as far as this user may see.
fn owners(root: &SysRoot, inodes: &HashSet<u64>) -> HashMap<u64, (u32, String)> {
    let mut found = HashMap::new();
    for pid in pids(root).unwrap_or_default() {
        // Processes end meanwhile, and those of others are closed to us.
        let Ok(descriptors) = fs::read_dir(root.path(format!("proc/{pid}/fd"))) else { continue };
        let links = descriptors.flatten().filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
        let sockets = links.filter_map(|link| {
            link.to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')?
                .parse::<u64>()
                .ok()
                .filter(|i| inodes.contains(i))
        });
        for inode in sockets {
            // A process that ends while it is read has no name to tell; its port is told all the same.
            if let Ok(Some(process)) = read_process(root, pid) {
                found.insert(inode, (pid, process.name));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_kernels_list() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0\n   \
                    1: 0100007F:1F91 0100007F:AAAA 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0\n";
        let expected = if cfg!(target_endian = "little") { "127.0.0.1:8080" } else { "1.0.0.127:8080" };
        assert_eq!(parse(text).unwrap(), [(expected.parse().unwrap(), 4711)]);
        assert_eq!(
            address("00000000000000000000000001000000:0050").map(|a| a.to_string()),
            Some("[::1]:80".to_owned())
        );
    }

    #[test]
    fn finds_a_real_listener_with_its_program() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let found = read(&SysRoot::default()).unwrap();
        let own = found.iter().find(|listening| listening.address.port() == address.port()).unwrap();
        assert_eq!(own.address, address);
        assert!(own.process.is_some());
        let held = holders(&SysRoot::default(), &[address.port()]).unwrap();
        let [holder] = held.as_slice() else { panic!("{held:?}") };
        assert_eq!((holder.address, holder.process.as_ref().unwrap().0), (address, std::process::id()));
        assert_eq!(holders(&SysRoot::default(), &[0]).unwrap(), []);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            let _ = (parse(&text), parse_sockets(&text).is_ok());
            let _ = address(&text);
        }
    }
}
