//! `stratheal init`.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use stratheal_core::base::fs::write_atomic;
use stratheal_core::config::{Detected, ListeningPort, init};
use stratheal_core::sys::{SysRoot, listening};

use crate::args::{Common, InitOptions};
use crate::failure::Failure;
use crate::output;

/// More than a person wants to look through.
const MOST_PORTS: usize = 32;
/// Of one program: workers and test tools open dozens.
const MOST_OF_ONE: usize = 3;
/// How long a port has to say whether it speaks HTTP.
const PATIENCE: Duration = Duration::from_millis(300);
/// Servers of other protocols that a stray request would only trouble.
const NOT_HTTP: [u16; 14] = [21, 22, 23, 25, 53, 110, 143, 465, 587, 993, 3306, 5432, 6379, 27017];

pub(crate) fn run(common: &Common, options: &InitOptions) -> Result<ExitCode, Failure> {
    let text = init(&detect(&options.folder));
    if options.stdout {
        output::print(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = options.folder.join("stratheal.toml");
    if file.exists() && !options.force {
        return Err(Failure::Usage(format!("{} is there already: use --force to replace it", file.display())));
    }
    write_atomic(&file, text.as_bytes()).map_err(|error| Failure::io("write the configuration", error))?;
    if !common.quiet {
        output::print(&format!("wrote {}\nnext: stratheal check   |   stratheal up", file.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn detect(folder: &Path) -> Detected {
    let environments = [".venv", "venv", "env"].into_iter().map(PathBuf::from);
    let requirements =
        ["requirements.txt", "requirements-dev.txt", "requirements/base.txt"].into_iter().map(PathBuf::from);
    Detected {
        environment: environments.into_iter().find(|name| folder.join(name).join("pyvenv.cfg").is_file()),
        requirements: requirements.filter(|name| folder.join(name).is_file()).collect(),
        ports: ports(),
        pressure: Path::new("/proc/pressure").exists(),
    }
}

fn ports() -> Vec<ListeningPort> {
    let found = listening::read(&SysRoot::default()).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot see who listens on which port");
        Vec::new()
    });
    let reachable = found.into_iter().filter_map(|listening| {
        let address = match listening.address.ip() {
            ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), listening.address.port()),
            ip if ip.is_loopback() => listening.address,
            // Another interface's address may be gone tomorrow; a person can add it.
            _ => return None,
        };
        let own = listening.process.as_deref() == Some("stratheal");
        (!own).then_some(ListeningPort { http: None, address, program: listening.process })
    });
    let mut ports: Vec<ListeningPort> = Vec::new();
    for port in reachable.take(MOST_PORTS * 8) {
        let of_one = ports.iter().filter(|known| known.program.is_some() && known.program == port.program).count();
        if of_one < MOST_OF_ONE && ports.len() < MOST_PORTS {
            ports.push(port);
        }
    }
    for port in &mut ports {
        port.http = page(port.address);
    }
    ports
}

/// The first of the usual pages that a server has.
fn page(address: SocketAddr) -> Option<&'static str> {
    if NOT_HTTP.contains(&address.port()) {
        return None;
    }
    let works = |path: &&str| matches!(status(address, path), Ok(200..=399));
    // Who does not speak HTTP at all is asked once.
    status(address, "/").ok().and_then(|_| ["/healthz", "/health", "/"].into_iter().find(works))
}

fn status(address: SocketAddr, path: &str) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // In one piece: simple servers answer, and hang up, after the first they get.
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    let code = answer.strip_prefix(b"HTTP/1.").and_then(|rest| std::str::from_utf8(rest.get(2..5)?).ok()?.parse().ok());
    code.ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}
