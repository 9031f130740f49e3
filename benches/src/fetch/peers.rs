//! Caching index servers: ours, devpi and proxpi.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use stratheal_core::testing::tools::Tool;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::http::Connection;
use super::run::run;
use crate::child::Child;
use crate::failure::Failure;
use crate::tool;

/// How long a server may take to start.
const STARTING: Duration = Duration::from_secs(30);

/// What our own server wants as a password. It is not asked for without one.
const TOKEN: &str = "token-of-the-benchmark";

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// `stratheal index serve`.
    Stratheal,
    /// devpi-server with one mirror index.
    Devpi,
    /// proxpi under gunicorn, with threads.
    Proxpi,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Its process.
    pub child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// The path of its Simple API, with a slash at both ends.
    pub simple: &'static str,
    /// User and password, where it wants them.
    pub login: Option<String>,
}

impl Peer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stratheal, Self::Devpi, Self::Proxpi];

    /// Its name and version.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stratheal => "stratheal",
            Self::Devpi => "devpi 6.20.3",
            Self::Proxpi => "proxpi 1.3.1",
        }
    }

    /// Starts it as a cache of an index, with everything it keeps below a folder.
    ///
    /// # Errors
    /// When it cannot be had, or does not start.
    pub async fn start(self, index: &str, folder: &Path) -> Result<Server, Failure> {
        self.start_with(&["--index", index], folder).await
    }

    /// As [`Peer::start`], with the words that name the index of ours: others get the last one.
    ///
    /// # Errors
    /// As for [`Peer::start`].
    pub async fn start_with(self, index: &[&str], folder: &Path) -> Result<Server, Failure> {
        let ours = index;
        let index = index.last().copied().unwrap_or_default();
        let address = free_address()?;
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let log = folder.join("server.log");
        let path = folder.display().to_string();
        let (program, arguments, simple) = match self {
            Self::Stratheal => {
                let program = std::env::current_exe()?.display().to_string();
                let token = folder.join("token");
                std::fs::write(&token, TOKEN)?;
                let (token, listen) = (token.display().to_string(), address.to_string());
                let words = [tool::ROLE, "index", "serve", "--cache-dir", &path, "--token-file", &token];
                let words = words.into_iter().chain(["--listen", &listen]).chain(ours.iter().copied());
                (program, words.map(str::to_owned).collect(), "/simple/")
            }
            Self::Devpi => {
                let devpi = Tool::new(&["devpi-server==6.20.3"]).map_err(Failure::new)?;
                initialise(&devpi, folder).await?;
                let words = ["--serverdir", &path, "--host", &host, "--port", &port];
                let program = devpi.program("devpi-server").display().to_string();
                (program, words.map(str::to_owned).to_vec(), "/root/bench/+simple/")
            }
            Self::Proxpi => {
                let proxpi = Tool::new(&["proxpi==1.3.1", "gunicorn==23.0.0"]).map_err(Failure::new)?;
                let program = proxpi.program("gunicorn").display().to_string();
                let words = ["--workers", "1", "--threads", "16", "--bind", &address.to_string(), "proxpi.server:app"];
                (program, words.map(str::to_owned).to_vec(), "/index/")
            }
        };
        let settings = [
            format!("PROXPI_INDEX_URL={index}"),
            format!("PROXPI_CACHE_DIR={path}/files"),
            "PROXPI_LOGGING_LEVEL=ERROR".to_owned(),
            format!("HOME={path}"),
        ];
        // A redirect back to the index would measure the index: proxpi gets the time to fetch instead.
        let settings = settings.into_iter().chain(["PROXPI_DOWNLOAD_TIMEOUT=60".to_owned()]);
        let words = settings.chain([program]).chain(arguments);
        let mut child = Child::start(self.name(), None, "env", words, &log, false)?;
        wait(address, &mut child, &log).await?;
        if self == Self::Devpi {
            add_mirror(address, index, folder).await?;
        }
        let login = (self == Self::Stratheal).then(|| format!("bench:{TOKEN}"));
        Ok(Server { child, address, simple, login })
    }
}

impl Server {
    /// The URL of its Simple API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.simple)
    }

    /// The same with user and password, where it wants them.
    #[must_use]
    pub fn url_with_login(&self) -> String {
        let login = self.login.as_ref().map(|login| format!("{login}@")).unwrap_or_default();
        format!("http://{login}{}{}", self.address, self.simple)
    }

    /// A connection to it.
    ///
    /// # Errors
    /// When it does not listen any more.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(self.address, self.login.as_deref()).await
    }
}

fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

async fn wait(address: SocketAddr, child: &mut Child, log: &Path) -> Result<(), Failure> {
    let until = Instant::now() + STARTING;
    while TcpStream::connect(address).await.is_err() {
        let ended = child.still_runs().err();
        if ended.is_some() || Instant::now() > until {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            let why = ended.map_or_else(|| "it does not listen".to_owned(), |failure| failure.to_string());
            return Err(Failure::new(format!("{why}: {}", said.lines().last().unwrap_or_default())));
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn initialise(devpi: &Tool, folder: &Path) -> Result<(), Failure> {
    let mut command = Command::new(devpi.program("devpi-init"));
    command.args(["--no-root-pypi", "--serverdir"]).arg(folder);
    let done = run(command, STARTING, &folder.with_extension("init.log")).await?;
    if done.success { Ok(()) } else { Err(Failure::new(format!("devpi-init failed: {}", done.said))) }
}

/// Makes the mirror index, by the interface that devpi's own client uses.
async fn add_mirror(address: SocketAddr, index: &str, folder: &Path) -> Result<(), Failure> {
    let devpi = Tool::new(&["devpi-server==6.20.3"]).map_err(Failure::new)?;
    let mut command = Command::new(devpi.program("python"));
    command.args(["-c", ADD_MIRROR]).arg(address.to_string()).arg(index);
    let done = run(command, STARTING, &folder.with_extension("mirror.log")).await?;
    if done.success { Ok(()) } else { Err(Failure::new(format!("devpi takes no mirror: {}", done.said))) }
}

const ADD_MIRROR: &str = r#"
import base64, json, sys, urllib.request
server, index = sys.argv[1:]
def ask(method, path, content, **headers):
    headers |= {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(f"http://{server}{path}", json.dumps(content).encode(), headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return json.load(opener.open(request))
login = ask("POST", "/+login", {"user": "root", "password": ""})["result"]["password"]
token = base64.b64encode(f"root:{login}".encode()).decode()
settings = {"type": "mirror", "mirror_url": index, "mirror_use_external_urls": False, "volatile": False}
ask("PUT", "/root/bench", settings, **{"X-Devpi-Auth": token})
"#;
