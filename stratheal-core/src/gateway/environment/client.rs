//! Which client a command line starts.

use std::ffi::OsString;
use std::path::Path;

/// A program that installs packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Client {
    /// `pip`, `pip3`, `python -m pip`.
    Pip,
    /// `uv pip`.
    UvPip,
    /// `uv sync`, `lock`, `add`, `run` and the rest of uv.
    Uv,
    /// `uv tool`, `uvx`: what they install remembers its index in a receipt.
    UvTool,
    /// `poetry`.
    Poetry,
    /// `pdm`.
    Pdm,
    /// `tox`, `nox`.
    Tox,
    /// `pipx`.
    Pipx,
    /// `hatch`.
    Hatch,
    /// `python -m build`, `pyproject-build`.
    Build,
    /// Something else, which may start any of these.
    Other,
}

impl Client {
    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::UvPip => "uv pip",
            Self::Uv => "uv",
            Self::UvTool => "uv tool",
            Self::Poetry => "poetry",
            Self::Pdm => "pdm",
            Self::Tox => "tox",
            Self::Pipx => "pipx",
            Self::Hatch => "hatch",
            Self::Build => "build",
            Self::Other => "another program",
        }
    }
}

/// Options of uv that stand before its command and take a value.
const UV_VALUES: &[&str] =
    &["--cache-dir", "--color", "--config-file", "--directory", "--project", "--allow-insecure-host"];
/// Options of pip that may stand before its command and take a value.
const PIP_VALUES: &[&str] = &[
    "--python",
    "--log",
    "--proxy",
    "--retries",
    "--timeout",
    "--exists-action",
    "--trusted-host",
    "--cert",
    "--client-cert",
    "--cache-dir",
    "--use-feature",
    "--use-deprecated",
    "--keyring-provider",
    "--resume-retries",
];
/// Options of Python that take a value.
const PYTHON_VALUES: &[&str] = &["-W", "-X", "--check-hash-based-pycs"];
/// Options of `env` that take a value.
const ENV_VALUES: &[&str] = &["-u", "--unset", "-C", "--chdir"];

/// A command line, taken apart: who it starts, its command (`install`), and the arguments behind that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invocation<'a> {
    pub client: Client,
    pub command: Option<&'a str>,
    /// Options that stand before the command, with their values.
    pub before: Vec<&'a str>,
    pub arguments: Vec<&'a str>,
}

/// Takes a command line apart. What is no text is seen as an argument without meaning.
pub(super) fn recognise(argv: &[OsString]) -> Invocation<'_> {
    let words: Vec<&str> = argv.iter().map(|word| word.to_str().unwrap_or("\u{fffd}")).collect();
    recognise_words(&words, 0)
}

fn recognise_words<'a>(words: &[&'a str], depth: usize) -> Invocation<'a> {
    let other = || Invocation { client: Client::Other, command: None, before: Vec::new(), arguments: words.to_vec() };
    let Some((first, rest)) = words.split_first() else { return other() };
    let name = program_name(first);
    let behind = |client, values: &[&str]| {
        let (before, rest) = split_options(rest, values);
        let (command, arguments) = rest.split_first().map_or((None, &[][..]), |(command, rest)| (Some(*command), rest));
        Invocation { client, command, before: before.to_vec(), arguments: arguments.to_vec() }
    };
    if is_named(&name, "pip") {
        return behind(Client::Pip, PIP_VALUES);
    }
    if is_named(&name, "python") || is_named(&name, "pypy") || name == "py" {
        let (_, rest) = split_options(rest, PYTHON_VALUES);
        // `-m` ends Python's own options, and its value may be glued to it.
        let at = words.len() - rest.len();
        let before = &words[1..at];
        let module = before.iter().position(|word| *word == "-m").map(|at| at + 1);
        return match (module, rest.split_first()) {
            (Some(_), Some((module, rest))) if depth < 3 => {
                let mut words = vec![*module];
                words.extend(rest);
                match *module {
                    "pip" | "uv" | "poetry" | "pdm" | "tox" | "nox" | "pipx" | "hatch" | "build" => {
                        recognise_words(&words, depth + 1)
                    }
                    _ => other(),
                }
            }
            _ => other(),
        };
    }
    match &*name {
        "uv" => {
            let mut found = behind(Client::Uv, UV_VALUES);
            match found.command {
                Some("pip") => {
                    let (before, rest) = split_options(&found.arguments, UV_VALUES);
                    found.before.extend(before);
                    found.client = Client::UvPip;
                    found.command = rest.first().copied();
                    found.arguments = rest.get(1..).unwrap_or_default().to_vec();
                }
                Some("tool") => found.client = Client::UvTool,
                _ => {}
            }
            found
        }
        "uvx" => behind(Client::UvTool, UV_VALUES),
        "poetry" => behind(Client::Poetry, &["-C", "--directory", "-P", "--project"]),
        "pdm" => behind(Client::Pdm, &["-c", "--config", "-p", "--project"]),
        "tox" | "nox" => behind(Client::Tox, &[]),
        "pipx" => behind(Client::Pipx, &[]),
        "hatch" => behind(Client::Hatch, &["-e", "--env", "-p", "--project"]),
        "build" | "pyproject-build" => behind(Client::Build, &[]),
        // `env NAME=value command`: what stands behind it is what runs.
        "env" if depth < 3 => {
            let (_, rest) = split_options(rest, ENV_VALUES);
            let start = rest.iter().position(|word| !word.contains('=')).unwrap_or(rest.len());
            recognise_words(&rest[start..], depth + 1)
        }
        _ => other(),
    }
}

/// The name of a program without its folder and, on Windows, its ending.
fn program_name(program: &str) -> String {
    let name = Path::new(program).file_name().and_then(|name| name.to_str()).unwrap_or(program);
    let name = name.to_ascii_lowercase();
    name.strip_suffix(".exe").map(str::to_owned).unwrap_or(name)
}

/// Whether a name is this one, with a version behind it at most: `pip3.11`.
fn is_named(name: &str, program: &str) -> bool {
    name.strip_prefix(program).is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Splits the options off that stand before the first word that is none. `-m` ends them as well, and belongs to them.
fn split_options<'w, 'a>(words: &'w [&'a str], with_value: &[&str]) -> (&'w [&'a str], &'w [&'a str]) {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if !word.starts_with('-') || *word == "-" {
            break;
        }
        at += 1;
        if *word == "-m" {
            break;
        }
        if with_value.contains(word) {
            at += 1;
        }
    }
    words.split_at(at.min(words.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(line: &str) -> (Client, Option<String>) {
        let argv: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        let found = recognise(&argv);
        (found.client, found.command.map(str::to_owned))
    }

    #[test]
    fn who_is_started() {
        use Client::{Build, Hatch, Other, Pdm, Pip, Pipx, Poetry, Tox, Uv, UvPip, UvTool};
        for (line, client, command) in [
            ("pip install six", Pip, "install"),
            ("pip3.11 install six", Pip, "install"),
            ("/usr/bin/pip3 --timeout 5 -q install six", Pip, "install"),
            ("python -m pip install six", Pip, "install"),
            ("python3.12 -I -X utf8 -m pip --isolated download six", Pip, "download"),
            ("py.exe -m pip install six", Pip, "install"),
            ("uv pip install six", UvPip, "install"),
            ("uv --directory sync pip --color always compile x", UvPip, "compile"),
            ("python -m uv pip sync x", UvPip, "sync"),
            ("uv sync", Uv, "sync"),
            ("uv -q lock", Uv, "lock"),
            ("uv run -- pip install six", Uv, "run"),
            ("uv tool install six", UvTool, "tool"),
            ("uvx ruff", UvTool, "ruff"),
            ("poetry -C x install", Poetry, "install"),
            ("pdm install", Pdm, "install"),
            ("tox -e py", Tox, "py"),
            ("pipx install six", Pipx, "install"),
            ("hatch run test", Hatch, "run"),
            ("python -m build", Build, ""),
            ("env A=b C=d pip install six", Pip, "install"),
            ("make install", Other, ""),
            ("python setup.py install", Other, ""),
            ("pipsomething install", Other, ""),
            ("", Other, ""),
        ] {
            let (found, name) = of(line);
            assert_eq!((found, name.unwrap_or_default().as_str()), (client, command), "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(words in prop::collection::vec("(-m|--|env|uv|pip|python|-X|--color|A=b|[a-z-]{0,5})", 0..8)) {
            let argv: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            recognise(&argv);
        }
    }
}
