//! `entry_points.txt`: which commands a project brings ("Entry points specification").

use super::reserved::reserved_program;

/// The most entry points of one project.
const MOST: usize = 10_000;

/// A command that calls a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryPoint {
    /// The name of the command.
    pub name: String,
    /// The module.
    pub module: String,
    /// What to call in it, with dots for attributes of attributes.
    pub function: String,
    /// Whether it wants no console; that matters on Windows only.
    pub is_gui: bool,
}

/// Entry points cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry_points.txt cannot be read in line {line}: {reason}")]
pub struct InvalidEntryPoints {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads the commands: the groups `console_scripts` and `gui_scripts`. Other groups are not looked into.
///
/// # Errors
/// [`InvalidEntryPoints`] when a command's name would be a path, or when it calls nothing that could be called.
pub fn parse_entry_points(text: &str) -> Result<Vec<EntryPoint>, InvalidEntryPoints> {
    let mut group = "";
    let mut found: Vec<EntryPoint> = Vec::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let invalid = |reason: String| InvalidEntryPoints { line: index + 1, reason };
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            group = header.trim();
            continue;
        }
        let is_gui = group == "gui_scripts";
        if !is_gui && group != "console_scripts" {
            continue;
        }
        let (name, target) = line.split_once('=').ok_or_else(|| invalid("it has no `=`".to_owned()))?;
        let name = name.trim();
        check_name(name).map_err(invalid)?;
        // Extras behind the function are an old habit; they are ignored, as the specification says.
        let target = target.split('[').next().unwrap_or_default().trim();
        let (module, function) = target.split_once(':').ok_or_else(|| invalid("it names no function".to_owned()))?;
        let (module, function) = (module.trim(), function.trim());
        // Both become code.
        if !is_dotted(module) || !is_dotted(function) {
            return Err(invalid("what it calls is no name in Python".to_owned()));
        }
        if found.len() == MOST {
            return Err(invalid(format!("there are more than {MOST}")));
        }
        if found.iter().any(|other| other.name == name && other.is_gui == is_gui) {
            return Err(invalid("the command is there twice".to_owned()));
        }
        found.push(EntryPoint {
            name: name.to_owned(),
            module: module.to_owned(),
            function: function.to_owned(),
            is_gui,
        });
    }
    Ok(found)
}

fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > 200 || matches!(name, "." | "..") {
        return Err("the command has no usable name".to_owned());
    }
    if name.contains(['/', '\\', ':']) || name.chars().any(char::is_control) {
        return Err("the command's name would be a path".to_owned());
    }
    reserved_program(name).map_or(Ok(()), |what| Err(format!("the command would replace {what}")))
}

fn is_dotted(text: &str) -> bool {
    let is_word = |word: &str| {
        word.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !word.is_empty()
            && !word.starts_with(|c: char| c.is_numeric())
    };
    text.split('.').all(is_word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands() {
        let text = "# made by hand\n[console_scripts]\nFirst-Cmd = pkg.cli:main\nsecond=pkg:Class.run [extra]\n\n[other]\nx = :\n[gui_scripts]\nwin=pkg:w\n";
        let found = parse_entry_points(text).unwrap();
        let told: Vec<_> =
            found.iter().map(|one| format!("{} {}:{} {}", one.name, one.module, one.function, one.is_gui)).collect();
        assert_eq!(told, ["First-Cmd pkg.cli:main false", "second pkg:Class.run false", "win pkg:w true"]);
    }

    #[test]
    fn what_is_refused() {
        for (line, word) in [
            ("../evil = a:b", "path"),
            ("a = b", "no function"),
            ("a = b:c;import os", "no name"),
            ("python = a:b", "interpreter"),
            ("python3.12 = a:b", "interpreter"),
            ("activate = a:b", "activates"),
            ("a", "no `=`"),
            (". = a:b", "usable"),
            ("x = a:b\nx = c:d", "twice"),
        ] {
            let error = parse_entry_points(&format!("[console_scripts]\n{line}\n")).unwrap_err();
            assert!(error.to_string().contains(word), "{line}: {error}");
        }
        assert!(parse_entry_points("[console_scripts]\npythonista = a:b\n").is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}", near in "(\\[console_scripts\\]\n)?([a-z=:.\\[\\]\n]{0,40})") {
            let _ = (parse_entry_points(&text), parse_entry_points(&near));
        }
    }
}
