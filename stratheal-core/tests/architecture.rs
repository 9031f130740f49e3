//! The shape of the source tree: layers, file sizes, and a few habits that a compiler does not check.
//!
//! The rules are written down in CONTRIBUTING.md. A violation is printed as `file:line: what is wrong`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the library with what it may import, in layer order: every name in a list stands above its row.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("model", &["base"]),
    ("contract", &["base", "model"]),
    ("engine", &["base", "model", "contract"]),
    ("format", &["base", "model", "contract", "engine"]),
    ("history", &["base", "model", "contract"]),
    ("state", &["base", "model"]),
    ("published", &["base", "model", "contract", "engine"]),
    ("audit", &["base", "model"]),
    ("journal", &["base"]),
    ("healing", &["base", "model", "contract", "engine", "audit", "journal"]),
    ("net", &["base", "model", "contract"]),
    ("sys", &["base", "model", "contract"]),
    ("objects", &["base", "model"]),
    ("index", &["base", "model", "objects"]),
    ("fetch", &["base", "model", "net", "objects", "index"]),
    ("gateway", &["base", "model", "net", "sys", "objects", "index", "fetch"]),
    ("doctor", &["base", "model", "sys"]),
    ("installer", &["base", "model", "contract", "sys", "objects", "index", "fetch", "gateway"]),
    ("snapshot", &["base", "contract", "sys", "objects", "index", "fetch", "installer"]),
    ("checks", &["base", "model", "contract", "net", "sys"]),
    ("service", &["base", "model", "contract", "engine", "sys"]),
    ("remedies", &["base", "model", "contract", "sys", "objects", "installer", "snapshot", "service"]),
    ("evidence", &["base", "model", "contract", "sys", "snapshot", "remedies"]),
    ("notify", &["base", "model", "contract", "sys", "fetch"]),
    (
        "config",
        &[
            "base", "model", "contract", "engine", "history", "state", "healing", "net", "sys", "checks", "service",
            "remedies",
        ],
    ),
    (
        "workspace",
        &["base", "contract", "state", "objects", "index", "fetch", "gateway", "installer", "snapshot", "config"],
    ),
    (
        "supervision",
        &[
            "base",
            "model",
            "contract",
            "engine",
            "audit",
            "healing",
            "service",
            "remedies",
            "evidence",
            "notify",
            "config",
            "workspace",
        ],
    ),
    ("endpoints", &["base", "model", "contract", "engine", "format"]),
    ("control", &["base", "model", "contract", "engine", "format", "state", "healing", "service"]),
    ("testing", &["base", "model", "contract", "engine", "history", "objects", "index"]),
];

/// The most lines of a file, tests in it included.
const MOST_LINES: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "manager"];

/// Parsers whose property stands elsewhere, or that read nothing but a fixed word.
const FUZZED_ELSEWHERE: &[&str] = &[
    "stratheal-core/src/model/status.rs",            // four words
    "stratheal-core/src/checks/condition/parsed.rs", // in condition/parse.rs
    "stratheal-core/src/config/load.rs",             // in config/tests.rs
    "stratheal-core/src/sys/root.rs",                // hands a file to the parsers of others
];

/// A source file, its path relative to the repository.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    /// Lines that are code, numbered from 1. Comments and the examples in them do not count.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let numbered = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        numbered.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn stem(&self) -> &str {
        self.path.file_stem().unwrap().to_str().unwrap()
    }

    /// The module path inside the crate: `engine/gate.rs` is `["engine", "gate"]`, `engine/mod.rs` is `["engine"]`.
    fn module(&self) -> Vec<&str> {
        let inside = self.path.strip_prefix("stratheal-core/src").unwrap();
        let parts = inside.parent().into_iter().flat_map(Path::iter).map(|part| part.to_str().unwrap());
        parts.chain((!matches!(self.stem(), "mod" | "lib")).then(|| self.stem())).collect()
    }

    fn is_module_list(&self) -> bool {
        matches!(self.stem(), "mod" | "lib") && self.path.starts_with("stratheal-core/src")
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The files below a folder of the repository for which `wanted` says so. What is built and what is hidden is left out.
fn files(folder: &str, wanted: &dyn Fn(&Path) -> bool) -> Vec<Source> {
    let root = repository();
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            if name.to_string_lossy().starts_with('.') && name != ".ci" && name != ".github" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                if !path.join("CACHEDIR.TAG").exists() && name != "node_modules" && name != "__pycache__" {
                    folders.push(path);
                }
            } else if wanted(&path)
                && let Ok(text) = fs::read_to_string(&path)
            {
                found.push(Source { path: path.strip_prefix(&root).unwrap().to_owned(), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn library() -> Vec<Source> {
    let found = files("stratheal-core/src", &is_rust);
    assert!(found.len() > 100, "only {} files: is this the right folder?", found.len());
    found
}

fn every_rust_file() -> Vec<Source> {
    files("", &is_rust)
}

/// Collects violations, and fails with all of them at once.
#[derive(Default)]
struct Violations(String);

impl Violations {
    fn add(&mut self, source: &Source, line: usize, what: &str) {
        writeln!(self.0, "{}:{line}: {what}", source.path.display()).unwrap();
    }

    #[track_caller]
    fn none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The words that follow `marker` in a line: the first part of each path that begins with it.
fn after<'a>(line: &'a str, marker: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(marker).filter(|(at, _)| !line[..*at].ends_with(is_word)).map(move |(at, _)| {
        let rest = &line[at + marker.len()..];
        &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
    })
}

/// How many `super::` stand in a row, at most, in a line.
fn steps_up(line: &str) -> usize {
    let mut rest = line;
    let mut most = 0;
    while let Some(at) = rest.find("super::") {
        rest = &rest[at..];
        let mut here = 0;
        while let Some(next) = rest.strip_prefix("super::") {
            (rest, here) = (next, here + 1);
        }
        most = most.max(here);
    }
    most
}

#[test]
fn the_table_is_in_layer_order_and_whole() {
    for (row, (name, allowed)) in LAYERS.iter().enumerate() {
        for below in *allowed {
            assert!(LAYERS[..row].iter().any(|(above, _)| above == below), "`{name}` lists `{below}`, not above it");
        }
    }
    let root = fs::read_to_string(repository().join("stratheal-core/src/lib.rs")).unwrap();
    let declared: Vec<_> = root.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let listed: Vec<_> = LAYERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(declared, listed, "lib.rs names its modules in layer order, and this table has each of them");
}

#[test]
fn modules_import_only_from_layers_above() {
    let mut violations = Violations::default();
    for source in library() {
        let module = source.module();
        let Some(layer) = module.first() else { continue };
        let allowed = LAYERS.iter().find(|(name, _)| name == layer).map_or(&[][..], |(_, allowed)| allowed);
        let mut in_tests = source.stem() == "tests";
        for (line, text) in source.code() {
            in_tests |= text.starts_with("mod tests {");
            for imported in after(text, "crate::") {
                if imported.is_empty() {
                    violations.add(&source, line, "name the module right behind `crate::`, so that layers can be read");
                } else if imported != *layer && !allowed.contains(&imported) && !(in_tests && imported == "testing") {
                    violations.add(&source, line, &format!("`{layer}` must not import from `{imported}`"));
                }
            }
            // Tests inside a file are one module deeper.
            if steps_up(text) >= module.len() + usize::from(in_tests) {
                violations.add(&source, line, "`super::` leads out of the layer: write `crate::`");
            }
        }
    }
    violations.none();
}

#[test]
fn files_can_be_read_in_one_go() {
    let mut violations = Violations::default();
    for source in every_rust_file() {
        let lines = source.text.lines().count();
        if lines > MOST_LINES {
            violations.add(&source, lines, &format!("longer than {MOST_LINES} lines: one concept a file"));
        }
    }
    violations.none();
}

#[test]
fn files_say_what_they_are_for() {
    let mut violations = Violations::default();
    for source in every_rust_file() {
        let opening = source.text.lines().find(|line| !line.is_empty()).unwrap_or_default();
        if !opening.starts_with("//!") {
            violations.add(&source, 1, "begin with `//!`: what the file is for");
        }
        if source.path.iter().any(|part| EMPTY_NAMES.contains(&part.to_str().unwrap().trim_end_matches(".rs"))) {
            violations.add(&source, 1, "name it after what is inside");
        }
    }
    violations.none();
}

#[test]
fn module_lists_hold_no_logic() {
    let mut violations = Violations::default();
    for source in library().into_iter().filter(Source::is_module_list) {
        for (line, text) in source.code() {
            let words: Vec<_> = text.split(|c| !is_word(c)).collect();
            if words.contains(&"fn") || words.contains(&"impl") || text.starts_with("macro_rules!") {
                violations.add(&source, line, "mod.rs and lib.rs hold documentation, `mod` and `use`");
            }
        }
    }
    violations.none();
}

/// `make fuzz` runs every test whose name contains `never_panics`, so a parser without one is never fuzzed.
#[test]
fn every_parser_has_a_never_panics() {
    let mut violations = Violations::default();
    for source in library() {
        let tests = repository().join(source.path.with_extension("")).join("tests.rs");
        let fuzzed = |text: &str| text.contains("never_panics");
        if fuzzed(&source.text)
            || fs::read_to_string(tests).is_ok_and(|text| fuzzed(&text))
            || FUZZED_ELSEWHERE.iter().any(|path| source.path == Path::new(path))
        {
            continue;
        }
        let parses = |line: &str| {
            line.contains("FromStr for ")
                || after(line, "fn ").any(|name| name == "parse" || name.starts_with("parse_"))
        };
        if let Some((line, _)) = source.code().find(|(_, text)| parses(text)) {
            violations.add(&source, line, "give this parser a property test named `never_panics`");
        }
    }
    violations.none();
}

#[test]
fn lints_are_never_just_switched_off() {
    let attribute = ["allow", "("].concat();
    let mut violations = Violations::default();
    for source in every_rust_file() {
        for (line, text) in source.code() {
            let text = text.trim_start();
            let inside = text.strip_prefix("#![").or_else(|| text.strip_prefix("#["));
            if inside.is_some_and(|inside| inside.contains(&attribute)) {
                violations.add(&source, line, "use `#[expect(..., reason = \"...\")]`");
            }
        }
    }
    violations.none();
}

/// Which index is used is found at run time from the user's own tools; no registry is written into the product.
#[test]
fn no_registry_is_named() {
    // In pieces, so that this file does not name them either.
    let names = [
        ["py", "pi.org"],
        ["python", "hosted.org"],
        ["crates", ".io"],
        ["npm", "js."],
        ["anaconda", ".org"],
        ["docker", ".io"],
        ["gh", "cr.io"],
        ["quay", ".io"],
        ["ruby", "gems.org"],
        ["proxy.go", "lang.org"],
    ]
    .map(|pieces| pieces.concat());
    // Cargo writes its registry into the lock file itself.
    let wanted = |path: &Path| path.file_name().is_some_and(|name| name != "Cargo.lock");
    let mut violations = Violations::default();
    for source in files("", &wanted) {
        for (index, text) in source.text.lines().enumerate() {
            if let Some(name) = names.iter().find(|name| text.contains(name.as_str())) {
                violations.add(&source, index + 1, &format!("names the registry {name}"));
            }
        }
    }
    violations.none();
}

#[test]
fn paths_are_read_as_meant() {
    let found = |line| after(line, "crate::").collect::<Vec<_>>();
    assert_eq!(found("use crate::model::Status;"), ["model"]);
    assert_eq!(found("pub(in crate::checks) fn x(y: crate::sys::Root)"), ["checks", "sys"]);
    assert_eq!(found("use crate::{base, model};"), [""]);
    assert_eq!(found("$crate::model::x + my_crate::model"), ["model"]);
    assert_eq!(steps_up("use super::super::{a, b}; // super::"), 2);
    let source = |path: &str| Source { path: path.into(), text: String::new() };
    assert_eq!(source("stratheal-core/src/engine/gate.rs").module(), ["engine", "gate"]);
    assert_eq!(source("stratheal-core/src/engine/mod.rs").module(), ["engine"]);
    assert!(source("stratheal-core/src/lib.rs").module().is_empty());
}
