//! A first configuration, written from what is found on the machine.

use std::fmt::Write;
use std::path::PathBuf;

/// A port on which somebody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningPort {
    /// The address to connect to.
    pub address: std::net::SocketAddr,
    /// The name of the program, where it is known.
    pub program: Option<String>,
    /// The path of a page that is there, if it speaks HTTP and has one of the usual.
    pub http: Option<&'static str>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detected {
    /// The virtual environment, relative to the project.
    pub environment: Option<PathBuf>,
    /// Requirements files, relative to the project.
    pub requirements: Vec<PathBuf>,
    /// Ports on which somebody listens.
    pub ports: Vec<ListeningPort>,
    /// Whether the kernel tells how long tasks wait (PSI).
    pub pressure: bool,
}

/// A commented configuration for what was found. It is valid as it stands.
#[must_use]
pub fn init(detected: &Detected) -> String {
    let mut text = String::from(
        "# What stratheal watches. `stratheal check` runs every check once, `stratheal up` keeps watching.\n\
         # All keys: `stratheal config schema`. Is it valid? `stratheal config check`.\n",
    );
    // Writing into a String cannot fail, here and below.
    if detected.environment.is_some() || !detected.requirements.is_empty() {
        let _ = writeln!(text, "\n[project]");
        if let Some(environment) = &detected.environment {
            let _ = writeln!(text, "environment = {}", quoted(&environment.to_string_lossy()));
        }
        if !detected.requirements.is_empty() {
            let files: Vec<_> = detected.requirements.iter().map(|file| quoted(&file.to_string_lossy())).collect();
            let _ = writeln!(text, "requirements = [{}]", files.join(", "));
        }
    }
    text.push_str(HOST);
    if detected.pressure {
        text.push_str(PRESSURE);
    }
    let mut names: Vec<String> = Vec::new();
    for port in &detected.ports {
        let name = unique(&name_of(port), &mut names);
        let by =
            port.program.as_ref().map_or(String::new(), |program| format!(", where `{}` listens", one_line(program)));
        let _ = writeln!(text, "\n# Found at {}{by}.\n[checks.{name}]", port.address);
        let _ = match port.http {
            Some(page) => {
                writeln!(text, "http = \"http://{}{page}\"\n# warn_if = [\"latency > 300ms\"]", port.address)
            }
            None => writeln!(text, "tcp = \"{}\"", port.address),
        };
        text.push_str("interval = \"10s\"\ntags = [\"services\"]\n");
    }
    if detected.ports.is_empty() {
        text.push_str(EXAMPLE);
    }
    text
}

const HOST: &str = r#"
# This host. Without `warn_if` and `crit_if` each check has sensible thresholds of its own.
[checks.cpu]
cpu = {}
tags = ["resources"]

[checks.memory]
memory = {}
tags = ["resources"]

[checks.load]
load = {}
tags = ["resources"]

# Every local mount, space and inodes. Above 85 % a Warning, above 95 % Critical, each until two points lower.
[checks.disk]
disk = {}
tags = ["resources"]
"#;

const PRESSURE: &str = r#"
# How long tasks wait for processor, memory and disk: tells trouble apart from mere use.
[checks.pressure]
pressure = {}
tags = ["resources"]
"#;

const EXAMPLE: &str = r#"
# Nobody listened on a port when this was written. A web application is checked like this:
# [checks.web]
# http = "http://127.0.0.1:8000/healthz"
# interval = "10s"
# warn_if = ["latency > 300ms"]
# tags = ["services"]
"#;

fn name_of(port: &ListeningPort) -> String {
    let clean = |text: &str| -> String {
        let kept = text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        kept.take(24).collect::<String>().trim_matches('-').to_owned()
    };
    match port.program.as_deref().map(clean).filter(|name| !name.is_empty()) {
        Some(program) => program,
        None => format!("port-{}", port.address.port()),
    }
}

/// A name that is not taken yet, neither by the host's checks nor by an earlier port.
fn unique(wanted: &str, names: &mut Vec<String>) -> String {
    const HOST_NAMES: [&str; 5] = ["cpu", "memory", "load", "disk", "pressure"];
    let taken = |name: &str, names: &[String]| HOST_NAMES.contains(&name) || names.iter().any(|known| known == name);
    let mut name = wanted.to_owned();
    let mut number = 2;
    while taken(&name, names) {
        name = format!("{wanted}-{number}");
        number += 1;
    }
    names.push(name.clone());
    name
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", control as u32);
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// A program's name comes from outside and must not end the comment it stands in.
fn one_line(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(64).collect()
}
