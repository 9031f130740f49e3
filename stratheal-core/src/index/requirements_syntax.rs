//! How a requirements file is written: logical lines, variables, options (pip's "Requirements File Format").
//!
//! Only the form is decided here. What a line means for the choice of an index is `discover`'s, what it means for an installation
//! is the installer's.

use super::surroundings::Surroundings;

/// A line once continuations are joined and comments are gone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogicalLine {
    /// The number of its first line in the file, from 1.
    pub(crate) number: usize,
    pub(crate) text: String,
}

/// An option that may stand in a requirements file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileOption {
    IndexUrl,
    ExtraIndexUrl,
    NoIndex,
    FindLinks,
    TrustedHost,
    Requirement,
    Constraint,
    Editable,
    NoBinary,
    OnlyBinary,
    PreferBinary,
    RequireHashes,
    NoRequireHashes,
    Pre,
    AllReleases,
    OnlyFinal,
    UseFeature,
    Hash,
    ConfigSettings,
    GlobalOption,
}

/// Short name, long name, what it is, whether a value follows.
const OPTIONS: &[(&str, &str, FileOption, bool)] = &[
    ("-i", "--index-url", FileOption::IndexUrl, true),
    ("", "--pypi-url", FileOption::IndexUrl, true),
    ("", "--extra-index-url", FileOption::ExtraIndexUrl, true),
    ("", "--no-index", FileOption::NoIndex, false),
    ("-f", "--find-links", FileOption::FindLinks, true),
    ("", "--trusted-host", FileOption::TrustedHost, true),
    ("-r", "--requirement", FileOption::Requirement, true),
    ("-c", "--constraint", FileOption::Constraint, true),
    ("-e", "--editable", FileOption::Editable, true),
    ("", "--no-binary", FileOption::NoBinary, true),
    ("", "--only-binary", FileOption::OnlyBinary, true),
    ("", "--prefer-binary", FileOption::PreferBinary, false),
    ("", "--require-hashes", FileOption::RequireHashes, false),
    ("", "--no-require-hashes", FileOption::NoRequireHashes, false),
    ("", "--pre", FileOption::Pre, false),
    ("", "--all-releases", FileOption::AllReleases, true),
    ("", "--only-final", FileOption::OnlyFinal, true),
    ("", "--use-feature", FileOption::UseFeature, true),
    ("", "--hash", FileOption::Hash, true),
    ("-C", "--config-settings", FileOption::ConfigSettings, true),
    ("", "--config-setting", FileOption::ConfigSettings, true),
    ("", "--global-option", FileOption::GlobalOption, true),
];

/// A part of the options of a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A known option. It has a value where one is given, rightly or not.
    Option { option: FileOption, value: Option<String>, end: usize },
    /// Something that looks like an option and is none, without its value.
    Unknown(String),
    /// A word that belongs to no option, and where it begins.
    Word { text: String, start: usize },
    /// A quote that is not closed.
    Unclosed,
}

impl FileOption {
    /// The long name.
    pub(crate) fn name(self) -> &'static str {
        OPTIONS.iter().find(|(_, _, option, _)| *option == self).map_or("", |(_, long, ..)| long)
    }

    pub(crate) fn takes_value(self) -> bool {
        OPTIONS.iter().any(|(_, _, option, takes_value)| *option == self && *takes_value)
    }

    /// The long names of all options, for suggestions.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        OPTIONS.iter().map(|(_, long, ..)| *long)
    }
}

/// The logical lines of a file. Those that say nothing are left out.
pub(crate) fn logical_lines(text: &str) -> Vec<LogicalLine> {
    let mut lines = Vec::new();
    let mut joined: Option<LogicalLine> = None;
    for (index, line) in text.replace("\r\n", "\n").split(['\n', '\r']).enumerate() {
        let is_comment = line.trim_start().starts_with('#');
        let continued = line.strip_suffix('\\').filter(|_| !is_comment);
        let whole = joined.get_or_insert_with(|| LogicalLine { number: index + 1, text: String::new() });
        // A comment ends what is continued.
        whole.text.push_str(continued.unwrap_or(if is_comment { "" } else { line }));
        if continued.is_none() {
            lines.extend(joined.take());
        }
    }
    lines.extend(joined);
    for line in &mut lines {
        let before = |at: usize| line.text[..at].chars().next_back();
        let comment = line.text.match_indices('#').find(|(at, _)| before(*at).is_none_or(char::is_whitespace));
        line.text = line.text[..comment.map_or(line.text.len(), |(at, _)| at)].trim().to_owned();
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// The line with the values of `${NAME}`: capital letters, digits and underscores only. What is unset or empty stays as it is.
pub(crate) fn expanded(line: &str, surroundings: &dyn Surroundings) -> String {
    let mut expanded = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("${") {
        let end = rest[at..].find('}').map(|length| at + length);
        let is_name =
            |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let name = end.map(|end| &rest[at + 2..end]).filter(|name| !name.is_empty()).filter(is_name);
        let value = name.and_then(|name| surroundings.variable(name)).filter(|value| !value.is_empty());
        if let Some((value, end)) = value.zip(end) {
            expanded.push_str(&rest[..at]);
            expanded.push_str(&value);
            rest = &rest[end + 1..];
        } else {
            expanded.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
        }
    }
    expanded.push_str(rest);
    expanded
}

/// Divides a line into a requirement and the options that follow it. Either may be empty.
pub(crate) fn divided(line: &str) -> (&str, &str) {
    let options = if line.starts_with('-') { Some(0) } else { line.find(" -").map(|at| at + 1) };
    let (requirement, options) = line.split_at(options.unwrap_or(line.len()));
    (requirement.trim(), options)
}

/// Reads options, word by word as a shell divides them.
pub(crate) fn options(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    loop {
        match word(text, at) {
            Ok(Some(found)) => at = option(text, found, &mut pieces),
            Ok(None) => return pieces,
            Err(()) => {
                pieces.push(Piece::Unclosed);
                return pieces;
            }
        }
    }
}

struct Word {
    text: String,
    start: usize,
    end: usize,
}

/// The next word, with its quotes and backslashes resolved.
fn word(text: &str, from: usize) -> Result<Option<Word>, ()> {
    let begun = text[from..].find(|character: char| !character.is_whitespace());
    let Some(start) = begun.map(|skipped| from + skipped) else { return Ok(None) };
    let mut word = Word { text: String::new(), start, end: text.len() };
    let mut quote = None;
    let mut characters = text[start..].char_indices();
    while let Some((offset, character)) = characters.next() {
        match (character, quote) {
            (_, Some(open)) if character == open => quote = None,
            ('\\', Some('"')) => match characters.next().ok_or(())?.1 {
                escaped @ ('"' | '\\') => word.text.push(escaped),
                other => word.text.extend(['\\', other]),
            },
            ('"' | '\'', None) => quote = Some(character),
            ('\\', None) => word.text.push(characters.next().ok_or(())?.1),
            (_, None) if character.is_whitespace() => {
                word.end = start + offset;
                return Ok(Some(word));
            }
            _ => word.text.push(character),
        }
    }
    if quote.is_some() { Err(()) } else { Ok(Some(word)) }
}

/// Adds what a word says, and returns where the next one is looked for.
fn option(text: &str, found: Word, pieces: &mut Vec<Piece>) -> usize {
    if !found.text.starts_with('-') || found.text == "-" {
        pieces.push(Piece::Word { text: found.text, start: found.start });
        return found.end;
    }
    let (name, value) = match found.text.split_once('=').filter(|_| found.text.starts_with("--")) {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (found.text.as_str(), None),
    };
    let (known, joined) = known(name);
    let Some((_, _, option, takes_value)) = known else {
        pieces.push(Piece::Unknown(name.to_owned()));
        return found.end;
    };
    let mut value = value.or_else(|| joined.map(str::to_owned));
    let mut end = found.end;
    if *takes_value && value.is_none() {
        match word(text, end) {
            Ok(Some(next)) => (value, end) = (Some(next.text), next.end),
            Ok(None) => {}
            Err(()) => {
                pieces.push(Piece::Unclosed);
                return text.len();
            }
        }
    }
    pieces.push(Piece::Option { option: *option, value, end });
    end
}

type Row = (&'static str, &'static str, FileOption, bool);

/// The option of this name, and a value that is joined to it as in `-ihttps://...`.
fn known(name: &str) -> (Option<&'static Row>, Option<&str>) {
    if let Some(row) = OPTIONS.iter().find(|(short, long, ..)| name == *long || name == *short) {
        return (Some(row), None);
    }
    if name.starts_with("--") {
        // A long name may be cut short as long as it can only mean one thing.
        let mut rows = OPTIONS.iter().filter(|(_, long, ..)| long.starts_with(name) && name.len() > 2);
        let first = rows.next();
        let only = first.filter(|(_, _, option, _)| rows.all(|(_, _, other, _)| other == option));
        return (only, None);
    }
    let row = OPTIONS.iter().find(|(short, ..)| !short.is_empty() && name.starts_with(short));
    (row, row.map(|(short, ..)| name[short.len()..].trim_start_matches('=')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::surroundings::fake::Fake;

    #[test]
    fn lines_are_joined_and_keep_the_number_of_the_first() {
        let text = "# one\r\na \\\n  b # not \\\n\n  # c\nd\\\n# ends it\ne#f \t#g\rh\\";
        let found: Vec<_> = logical_lines(text).into_iter().map(|line| (line.number, line.text)).collect();
        let expected = [(2, "a   b"), (6, "d"), (8, "e#f"), (9, "h")];
        assert_eq!(found, expected.map(|(number, text)| (number, text.to_owned())));
    }

    #[test]
    fn variables() {
        let fake = Fake::new(&[("A_1", "x"), ("EMPTY", ""), ("B", "${A_1}"), ("low", "y")], &[]);
        for (line, expected) in [
            ("${A_1}${A_1}", "xx"),
            ("$A_1 ${EMPTY} ${NONE} ${low} ${}", "$A_1 ${EMPTY} ${NONE} ${low} ${}"),
            ("${B}", "${A_1}"),
            ("${ ${A_1}", "${ x"),
            ("${A_1", "${A_1"),
        ] {
            assert_eq!(expanded(line, &fake), expected, "{line}");
        }
    }

    #[test]
    fn options_as_a_shell_divides_them() {
        let option = |option, value: Option<&str>, end| Piece::Option { option, value: value.map(str::to_owned), end };
        for (text, expected) in [
            ("--pre", vec![option(FileOption::Pre, None, 5)]),
            (
                "-i 'a b' x",
                vec![option(FileOption::IndexUrl, Some("a b"), 8), Piece::Word { text: "x".to_owned(), start: 9 }],
            ),
            ("-ia -f=b", vec![option(FileOption::IndexUrl, Some("a"), 3), option(FileOption::FindLinks, Some("b"), 8)]),
            ("--hash=sha256:00", vec![option(FileOption::Hash, Some("sha256:00"), 16)]),
            (r#"-C "--x=\"y\" z""#, vec![option(FileOption::ConfigSettings, Some("--x=\"y\" z"), 16)]),
            ("--extra a", vec![option(FileOption::ExtraIndexUrl, Some("a"), 9)]),
            ("--config-se a=b", vec![option(FileOption::ConfigSettings, Some("a=b"), 15)]),
            ("--no a", vec![Piece::Unknown("--no".to_owned()), Piece::Word { text: "a".to_owned(), start: 5 }]),
            ("--nope=secret", vec![Piece::Unknown("--nope".to_owned())]),
            ("--hash", vec![option(FileOption::Hash, None, 6)]),
            ("-e 'a", vec![Piece::Unclosed]),
            ("a\\", vec![Piece::Unclosed]),
        ] {
            assert_eq!(options(text), expected, "{text}");
        }
        assert_eq!(divided("a; b == 'c' --hash=x"), ("a; b == 'c'", "--hash=x"));
        assert_eq!(divided("-e ."), ("", "-e ."));
        assert_eq!(divided("a-b"), ("a-b", ""));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "(-i|-r|--index-url|=|\\$\\{|\\}|A|@|://|#| |\\\\|\n|\r|é|'|\"){0,30}") {
            let fake = Fake::new(&[("A", "${A}")], &[]);
            for text in [&text, &near] {
                for line in logical_lines(text) {
                    let line = expanded(&line.text, &fake);
                    let (_, said) = divided(&line);
                    let _ = options(said);
                }
            }
        }
    }
}
