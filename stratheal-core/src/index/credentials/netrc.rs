//! Reads `.netrc` files: `machine`, `default`, `login`, `password`, `account`, `macdef` (ftp(1), and the `netrc` module of Python,
//! which pip uses).

use crate::base::redact::Secret;

use super::Basic;

/// The most entries that are kept.
const MOST_ENTRIES: usize = 10_000;

/// What a `.netrc` file says.
#[derive(Debug, Clone, Default)]
pub struct Netrc {
    machines: Vec<(String, Basic)>,
    default: Option<Basic>,
}

/// A file is no `.netrc` file. Never shows a word of the file, because it may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the netrc file: {problem}")]
pub struct InvalidNetrc {
    line: usize,
    problem: &'static str,
}

impl Netrc {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`InvalidNetrc`] with the line.
    pub fn parse(text: &str) -> Result<Self, InvalidNetrc> {
        let mut words = Words { rest: text, line: 1 };
        let mut netrc = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "machine" => {
                    let machine = words.value("`machine` without a name")?;
                    let basic = words.entry()?;
                    if netrc.machines.len() < MOST_ENTRIES {
                        netrc.machines.push((machine.to_ascii_lowercase(), basic));
                    }
                }
                "default" => netrc.default = Some(words.entry()?),
                "macdef" => words.skip_macro(),
                _ => return Err(words.invalid("`machine`, `default` or `macdef` was expected")),
            }
        }
        Ok(netrc)
    }

    /// What is written for this host by name.
    #[must_use]
    pub fn machine(&self, host: &str) -> Option<&Basic> {
        self.machines.iter().find(|(machine, _)| machine.eq_ignore_ascii_case(host)).map(|(_, basic)| basic)
    }

    /// What is written for every host that is not named.
    #[must_use]
    pub const fn default_entry(&self) -> Option<&Basic> {
        self.default.as_ref()
    }
}

struct Words<'t> {
    rest: &'t str,
    line: usize,
}

impl Words<'_> {
    fn invalid(&self, problem: &'static str) -> InvalidNetrc {
        InvalidNetrc { line: self.line, problem }
    }

    fn skip(&mut self, bytes: usize) {
        self.line += self.rest[..bytes].matches('\n').count();
        self.rest = &self.rest[bytes..];
    }

    fn skip_space(&mut self) {
        let text = self.rest.trim_start();
        self.skip(self.rest.len() - text.len());
    }

    /// The next word, without quotes and backslashes. A word that begins with `#` begins a comment, except as a value.
    fn next(&mut self) -> Option<String> {
        loop {
            self.skip_space();
            if !self.rest.starts_with('#') {
                break;
            }
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        }
        self.word()
    }

    fn word(&mut self) -> Option<String> {
        self.skip_space();
        let mut word = String::new();
        let is_quoted = self.rest.starts_with('"');
        let mut characters = self.rest.char_indices().skip(usize::from(is_quoted));
        let mut end = self.rest.len();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => word.extend(characters.next().map(|(_, escaped)| escaped)),
                '"' if is_quoted => {
                    end = at + 1;
                    break;
                }
                other if other.is_whitespace() && !is_quoted => {
                    end = at;
                    break;
                }
                other => word.push(other),
            }
        }
        let found = end > 0;
        self.skip(end);
        found.then_some(word)
    }

    fn value(&mut self, problem: &'static str) -> Result<String, InvalidNetrc> {
        let line = self.line;
        self.word().ok_or(InvalidNetrc { line, problem })
    }

    /// The words of an entry, up to the next one.
    fn entry(&mut self) -> Result<Basic, InvalidNetrc> {
        let (mut user, mut password) = (String::new(), String::new());
        loop {
            let before = (self.rest, self.line);
            match self.next().as_deref() {
                Some("login" | "user") => user = self.value("`login` without a name")?,
                Some("password") => password = self.value("`password` without one")?,
                Some("account") => drop(self.value("`account` without a name")?),
                Some("machine" | "default" | "macdef") | None => {
                    (self.rest, self.line) = before;
                    return Ok(Basic { user: Secret::new(user), password: Secret::new(password) });
                }
                Some(_) => return Err(self.invalid("`login`, `password` or `account` was expected")),
            }
        }
    }

    /// A macro goes on to the next empty line.
    fn skip_macro(&mut self) {
        let ends = ["\n\n", "\n\r\n"].into_iter().filter_map(|end| Some(self.rest.find(end)? + end.len()));
        self.skip(ends.min().unwrap_or(self.rest.len()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(basic: Option<&Basic>) -> Option<(&str, &str)> {
        basic.map(|basic| (basic.user.expose().as_str(), basic.password.expose().as_str()))
    }

    #[test]
    fn files() {
        let text = "# a comment\nmachine A.example login me password #s3cret\nmacdef init\ncd /x\nmachine b.example login no\n\n\
            machine b.example\n  login \"my self\"\n  account x\n  password pa\\\"ss\n# again\ndefault login anonymous password user@x\n";
        let netrc = Netrc::parse(text).unwrap();
        assert_eq!(told(netrc.machine("a.EXAMPLE")), Some(("me", "#s3cret")));
        assert_eq!(told(netrc.machine("b.example")), Some(("my self", "pa\"ss")));
        assert_eq!(told(netrc.machine("c.example")), None);
        assert_eq!(told(netrc.default_entry()), Some(("anonymous", "user@x")));
        assert!(!format!("{netrc:?}").contains("s3cret"));
    }

    #[test]
    fn damaged_files_name_the_line_and_nothing_else() {
        for (text, line) in
            [("machine", 1), ("machine a login", 1), ("\n\nhunter2", 3), ("machine a password x\nhunter2", 2)]
        {
            let error = Netrc::parse(text).unwrap_err();
            assert_eq!(error.line, line, "{text}: {error}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert!(Netrc::parse("").is_ok());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "(machine|default|login|password|macdef|account|\"|\\\\|#|é| |\n){0,30}") {
            let _ = (Netrc::parse(&text), Netrc::parse(&near));
        }
    }
}
