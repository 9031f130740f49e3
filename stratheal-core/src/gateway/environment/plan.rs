//! How a client is brought to use the gateway.

use std::ffi::OsString;
use std::path::PathBuf;

use super::arguments;
use super::client::{Client, Invocation, recognise};
use super::{Bypass, Chosen, Environment, Plugin};
use crate::base::redact::safe_url;

/// How a client uses the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The gateway is its index, by environment variables.
    Index,
    /// The gateway is its HTTP proxy, and answers for the indexes of the chain under their own URLs.
    Proxy,
    /// Neither would be right.
    Refused {
        /// Why, and what to do.
        reason: String,
    },
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModeChoice {
    /// What fits the client.
    #[default]
    Auto,
    /// Index variables, whatever the client writes into its lock.
    Index,
    /// The proxy.
    Proxy,
}

/// What a command line says about indexes. Whoever builds the chain maps these into it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of other programs, each with a meaning of its own"
)]
pub struct Given {
    /// The index instead of the default one. May hold credentials.
    pub default_index: Option<String>,
    /// Further indexes, in their order. May hold credentials.
    pub extra_indexes: Vec<String>,
    /// Files of requirements and constraints, which may name indexes in turn.
    pub requirement_files: Vec<PathBuf>,
    /// Locks with URLs that the client installs.
    pub locks: Vec<PathBuf>,
    /// `--no-index`: the client asks no index at all.
    pub no_index: bool,
    /// `--offline`: the client asks nobody, and so not the gateway either.
    pub offline: bool,
    /// `pip --isolated`: variables of pip are not read.
    pub ignores_variables: bool,
    /// URLs are written into a lock or a report.
    pub writes_urls: bool,
    /// URLs are read from a lock.
    pub keeps_urls: bool,
    /// `--proxy`: the client has a proxy of its own.
    pub own_proxy: bool,
    /// `--cert`: the client trusts the certificates of this file only.
    pub certificates: Option<PathBuf>,
}

/// What is to be done about a client.
#[derive(Debug, Clone)]
pub struct ClientPlan {
    /// Which client it is.
    pub client: Client,
    /// Its command (`install`).
    pub command: Option<String>,
    /// How it uses the gateway.
    pub mode: Mode,
    /// Why this mode.
    pub why: String,
    /// What the command line says about indexes.
    pub given: Given,
    /// What goes past the gateway, from the command line and the environment. Files are read by others.
    pub bypasses: Vec<Bypass>,
    /// What a person should know beside that.
    pub notes: Vec<String>,
    /// Why the gateway should not be its index, unless somebody puts the right URLs into what it writes.
    pub keeps_index: Option<String>,
    pub(in crate::gateway) chosen: Chosen,
    pub(in crate::gateway) environment: Environment,
    plugin: Plugin,
}

impl ClientPlan {
    /// The same for a client that is to ask these indexes. One whose index is the gateway asks it for them in any case; one that uses
    /// the proxy has to be told, unless its command line says it. What it cannot be told is a bypass.
    #[must_use]
    pub fn asking(mut self, chosen: Chosen) -> Self {
        if self.mode == Mode::Proxy && self.given.default_index.is_none() {
            self.bypasses.extend(chosen.not_followed(self.client, &self.given, self.plugin));
        }
        self.chosen = chosen;
        self
    }
}

/// Plans for a command line and the environment it would have, as found.
///
/// ```
/// use stratheal_core::gateway::{Client, Environment, Mode, plan};
/// let plan = plan(&["uv".into(), "lock".into()], &Environment::default());
/// assert_eq!((plan.client, plan.mode), (Client::Uv, Mode::Proxy));
/// ```
#[must_use]
pub fn plan(argv: &[OsString], environment: &Environment) -> ClientPlan {
    plan_with(argv, environment, ModeChoice::Auto, Plugin::Unknown)
}

/// The same, with a wish, and with what is known about the mirror plugin of the poetry that would run.
#[must_use]
pub fn plan_with(argv: &[OsString], environment: &Environment, choice: ModeChoice, plugin: Plugin) -> ClientPlan {
    let invocation = recognise(argv);
    let (given, mut bypasses) = arguments::read(&invocation);
    bypasses.extend(from_variables(&invocation, environment));
    let mut notes = notes(&given, environment);
    let (mode, why) = match choice {
        ModeChoice::Auto => mode(&invocation, &given, plugin, &mut notes),
        ModeChoice::Index => (Mode::Index, "asked for".to_owned()),
        ModeChoice::Proxy => (Mode::Proxy, "asked for".to_owned()),
    };
    let mode = match mode {
        Mode::Proxy if given.own_proxy => Mode::Refused {
            reason: "its command line names a proxy of its own, which would be asked instead of the gateway: leave --proxy away, \
                     and set HTTPS_PROXY, which the gateway uses"
                .to_owned(),
        },
        Mode::Proxy if given.certificates.is_some() => Mode::Refused {
            reason: "its command line says which certificates it trusts, and the gateway's is not among them: leave --cert away, \
                     and set SSL_CERT_FILE, which the gateway reads"
                .to_owned(),
        },
        mode => mode,
    };
    let command = invocation.command.map(str::to_owned);
    let keeps_index = keeps_index(&invocation, &given);
    ClientPlan {
        client: invocation.client,
        command,
        mode,
        why,
        given,
        bypasses,
        notes,
        keeps_index,
        chosen: Chosen::default(),
        environment: environment.clone(),
        plugin,
    }
}

fn keeps_index(invocation: &Invocation<'_>, given: &Given) -> Option<String> {
    let command = invocation.command?;
    let keeps = match invocation.client {
        Client::Uv => {
            let locks = ["lock", "sync", "add", "remove", "run", "export", "tree"].contains(&command);
            locks && !invocation.arguments.contains(&"--frozen")
        }
        Client::Pip => command == "lock" || given.writes_urls,
        Client::UvPip => given.writes_urls,
        _ => false,
    };
    keeps.then(|| {
        let client = invocation.client.name();
        format!("`{client} {command}` writes down the URLs it uses, which would be those of the gateway: that is what `--mode proxy` is for")
    })
}

fn mode(invocation: &Invocation<'_>, given: &Given, plugin: Plugin, notes: &mut Vec<String>) -> (Mode, String) {
    let proxy = |why: &str| (Mode::Proxy, why.to_owned());
    let index = |why: &str| (Mode::Index, why.to_owned());
    if given.default_index.is_some() || !given.extra_indexes.is_empty() {
        return proxy("an index on the command line overrides variables");
    }
    match invocation.client {
        Client::Pip | Client::UvPip if given.ignores_variables => proxy("--isolated keeps pip from reading variables"),
        Client::Pip if invocation.command == Some("lock") => proxy("it writes URLs into a lock"),
        Client::Pip | Client::UvPip if given.writes_urls => proxy("it writes URLs into a file"),
        Client::Pip | Client::UvPip if given.keeps_urls => proxy("its input is a lock with URLs"),
        Client::Pip | Client::UvPip => index("it reads its index from variables and keeps no URL"),
        Client::Uv => proxy("it keeps URLs in uv.lock"),
        Client::UvTool => proxy("it keeps its index in a receipt"),
        Client::Poetry => match plugin {
            Plugin::Found => index("poetry's mirror plugin reads the gateway from a variable"),
            Plugin::Missing => {
                notes.push(
                    "poetry-plugin-pypi-mirror is not installed, so poetry goes through the gateway as its proxy; with it \
                     (`poetry self add poetry-plugin-pypi-mirror`) it would use the gateway as its index"
                        .to_owned(),
                );
                proxy("without its mirror plugin, poetry takes no index from a variable")
            }
            Plugin::Unknown => {
                notes.push(
                    "it is not known whether poetry-plugin-pypi-mirror is installed, so poetry uses the proxy"
                        .to_owned(),
                );
                proxy("whether poetry has its mirror plugin is not known")
            }
        },
        Client::Pdm => index("pdm reads its index from a variable; pdm.lock holds hashes, not URLs"),
        Client::Tox | Client::Pipx | Client::Hatch | Client::Build => {
            index("it starts pip or `uv pip`, which read variables")
        }
        Client::Other => proxy("what it starts is not known, and some clients keep URLs in locks"),
    }
}

fn from_variables(invocation: &Invocation<'_>, environment: &Environment) -> Vec<Bypass> {
    let uv = matches!(invocation.client, Client::UvPip | Client::Uv | Client::UvTool);
    let names = [("PIP_FIND_LINKS", !uv), ("UV_FIND_LINKS", true)];
    let found = names.into_iter().filter(|(_, applies)| *applies).filter_map(|(name, _)| {
        let value = environment.text(name)?;
        Some(Bypass {
            what: value.split([' ', ',']).map(safe_url).collect::<Vec<_>>().join(" "),
            place: name.to_owned(),
            meaning: "files from there are not checked by the gateway; a local folder needs no network".to_owned(),
        })
    });
    found.collect()
}

fn notes(given: &Given, environment: &Environment) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |condition: bool, what: &str| {
        if condition {
            notes.push(format!("{what}: the client asks no index, and so not the gateway either"));
        }
    };
    say(given.no_index, "--no-index");
    say(given.offline, "--offline");
    for name in ["PIP_NO_INDEX", "UV_NO_INDEX", "UV_OFFLINE"] {
        let off = |value: &str| ["0", "false", "no", "off", "f", "n"].contains(&value.to_ascii_lowercase().as_str());
        say(environment.text(name).is_some_and(|value| !off(value)), name);
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str, plugin: Plugin) -> ClientPlan {
        let argv: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        plan_with(&argv, &Environment::default(), ModeChoice::Auto, plugin)
    }

    #[test]
    fn which_mode() {
        for (line, expected) in [
            ("pip install six", Mode::Index),
            ("pip download six", Mode::Index),
            ("pip install --dry-run --report x.json six", Mode::Proxy),
            ("pip --isolated install six", Mode::Proxy),
            ("pip lock six", Mode::Proxy),
            ("pip install -i https://index.example/simple six", Mode::Proxy),
            ("pip install -r pylock.toml", Mode::Proxy),
            ("uv pip install six", Mode::Index),
            ("uv pip compile x.in -o x.txt", Mode::Index),
            ("uv pip compile x.in -o pylock.toml", Mode::Proxy),
            ("uv sync", Mode::Proxy),
            ("uv lock", Mode::Proxy),
            ("uv add six", Mode::Proxy),
            ("uv run x", Mode::Proxy),
            ("uv tool install six", Mode::Proxy),
            ("uvx ruff", Mode::Proxy),
            ("pdm install", Mode::Index),
            ("tox", Mode::Index),
            ("make", Mode::Proxy),
        ] {
            assert_eq!(of(line, Plugin::Unknown).mode, expected, "{line}");
        }
        assert_eq!(of("poetry install", Plugin::Found).mode, Mode::Index);
        let missing = of("poetry install", Plugin::Missing);
        assert_eq!(missing.mode, Mode::Proxy);
        assert!(missing.notes[0].contains("poetry self add"), "{:?}", missing.notes);
        for line in ["uv sync --proxy http://x", "pip lock --cert x.pem six"] {
            assert!(matches!(of(line, Plugin::Found).mode, Mode::Refused { .. }), "{line}");
        }
    }

    #[test]
    fn nothing_writes_down_the_gateway() {
        let of = |line: &str| {
            let argv: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            plan_with(&argv, &Environment::default(), ModeChoice::Index, Plugin::Unknown).keeps_index
        };
        for line in
            ["uv lock", "uv sync", "pip lock six", "pip install --report x.json six", "uv pip compile x -o pylock.toml"]
        {
            assert!(of(line).is_some_and(|why| why.contains("--mode proxy")), "{line}");
        }
        for line in ["uv sync --frozen", "pip install six", "uv pip compile x -o x.txt", "poetry lock"] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn what_the_environment_says() {
        let environment = Environment::from_iter([
            ("PIP_FIND_LINKS", "https://me:hunter2@files.example/ /wheels"),
            ("PIP_NO_INDEX", "1"),
            ("UV_OFFLINE", "false"),
        ]);
        let found = plan(&["pip".into(), "install".into()], &environment);
        assert_eq!(found.bypasses[0].what, "https://***@files.example/ /wheels");
        assert_eq!(found.notes.len(), 1, "{:?}", found.notes);
        assert!(plan(&["uv".into(), "pip".into()], &environment).bypasses.is_empty());
    }
}
