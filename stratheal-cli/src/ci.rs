//! Build servers: whether this runs on one, and how it is told what matters.
//!
//! Source: the workflow commands of GitHub Actions (annotations and log groups). They are understood on standard error, too, and
//! standard output belongs to whoever reads it.

use stratheal_core::workspace::place::is_build_server;

/// Which build server this runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Build {
    /// None: a person may be watching.
    #[default]
    Absent,
    /// One that only keeps what is printed.
    Plain,
    /// GitHub Actions.
    GitHub,
}

impl Build {
    /// Finds out by the variables that build servers set. `variable` looks one up.
    pub(crate) fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        if variable("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
            Self::GitHub
        } else if is_build_server(variable) {
            Self::Plain
        } else {
            Self::Absent
        }
    }

    /// The one this process runs on.
    pub(crate) fn here() -> Self {
        Self::detect(|name| std::env::var(name).ok())
    }

    /// An annotation, where there are such things.
    pub(crate) fn annotation(self, level: Level, text: &str) -> Option<String> {
        let word = match level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        (self == Self::GitHub).then(|| format!("::{word} title=stratheal::{}", escaped(text)))
    }

    /// The lines around something that is folded away.
    pub(crate) fn group(self, title: &str) -> Option<(String, &'static str)> {
        (self == Self::GitHub).then(|| (format!("::group::{}", escaped(title)), "::endgroup::"))
    }
}

/// How bad an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
}

/// What is not escaped ends the command, and the rest could be one of its own.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_servers_are_known_by_their_variables() {
        let detect = |set: &[(&str, &str)]| {
            Build::detect(|name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(detect(&[]), Build::Absent);
        assert_eq!(detect(&[("CI", "false")]), Build::Absent);
        assert_eq!(detect(&[("CI", "true")]), Build::Plain);
        assert_eq!(detect(&[("CI", "true"), ("GITHUB_ACTIONS", "true")]), Build::GitHub);
    }

    #[test]
    fn nothing_breaks_out_of_an_annotation() {
        let text = Build::GitHub.annotation(Level::Error, "100%\r\n::set-env name=A::b");
        assert_eq!(text.as_deref(), Some("::error title=stratheal::100%25%0D%0A::set-env name=A::b"));
        assert_eq!(Build::Plain.annotation(Level::Warning, "x"), None);
        assert!(Build::GitHub.group("a\nb").is_some_and(|(begin, _)| begin == "::group::a%0Ab"));
    }
}
