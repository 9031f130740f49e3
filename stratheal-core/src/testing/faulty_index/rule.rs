//! When a fault strikes.

use std::time::Duration;

use super::content::Resource;
use super::fault::Fault;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Anything.
    Any,
    /// The page of a project, or the list of projects.
    Page,
    /// A file.
    File,
    /// The metadata of a file.
    Metadata,
}

/// A fault, and when it strikes.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) target: Target,
    /// Of a project for pages, of a file otherwise. A star at either end stands for anything.
    name: String,
    when: When,
    pub(super) scope: Scope,
    pub(super) fault: Fault,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Always,
    First(u64),
    Nth(u64),
    From(u64),
    EveryNth(u64),
    Chance {
        percent: u64,
        seed: u64,
    },
    /// When more than so many requests are being answered.
    Above(u64),
    /// Until so long after the first request of any kind.
    For(Duration),
}

/// Which requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Rule,
    Path,
    Connection,
}

impl Rule {
    /// Strikes every request for this.
    #[must_use]
    pub fn new(target: Target, fault: Fault) -> Self {
        Self { target, name: "*".to_owned(), when: When::Always, scope: Scope::Rule, fault }
    }

    /// Strikes every request.
    #[must_use]
    pub fn any(fault: Fault) -> Self {
        Self::new(Target::Any, fault)
    }

    /// Strikes every request for a page.
    #[must_use]
    pub fn pages(fault: Fault) -> Self {
        Self::new(Target::Page, fault)
    }

    /// Strikes every request for a file.
    #[must_use]
    pub fn files(fault: Fault) -> Self {
        Self::new(Target::File, fault)
    }

    /// Strikes every request for the metadata of a file.
    #[must_use]
    pub fn metadata(fault: Fault) -> Self {
        Self::new(Target::Metadata, fault)
    }

    /// Only projects or files with such a name; a star at either end stands for anything.
    #[must_use]
    pub fn named(mut self, pattern: &str) -> Self {
        pattern.clone_into(&mut self.name);
        self
    }

    /// Only the first `count` requests.
    #[must_use]
    pub const fn first(mut self, count: u64) -> Self {
        self.when = When::First(count);
        self
    }

    /// Only this request, from 1.
    #[must_use]
    pub const fn nth(mut self, number: u64) -> Self {
        self.when = When::Nth(number);
        self
    }

    /// Only from this request on, from 1.
    #[must_use]
    pub const fn from(mut self, number: u64) -> Self {
        self.when = When::From(number);
        self
    }

    /// Only every so many requests.
    #[must_use]
    pub const fn every(mut self, number: u64) -> Self {
        self.when = When::EveryNth(if number == 0 { 1 } else { number });
        self
    }

    /// Only so many of a hundred requests, always the same ones for the same seed.
    #[must_use]
    pub const fn chance(mut self, percent: u64, seed: u64) -> Self {
        self.when = When::Chance { percent, seed };
        self
    }

    /// Only while more than so many requests are being answered.
    #[must_use]
    pub const fn above(mut self, at_once: u64) -> Self {
        self.when = When::Above(at_once);
        self
    }

    /// Only until so long after the first request of any kind.
    #[must_use]
    pub const fn lasting(mut self, time: Duration) -> Self {
        self.when = When::For(time);
        self
    }

    /// Requests are counted for each path alone.
    #[must_use]
    pub const fn each_path(mut self) -> Self {
        self.scope = Scope::Path;
        self
    }

    /// Requests are counted for each connection alone.
    #[must_use]
    pub const fn each_connection(mut self) -> Self {
        self.scope = Scope::Connection;
        self
    }

    /// Whether a request is of the kind this rule is about.
    pub(super) fn is_about(&self, resource: Option<&Resource<'_>>) -> bool {
        let (target, name) = match resource {
            Some(Resource::Root) => (Target::Page, ""),
            Some(Resource::Page(project)) => (Target::Page, *project),
            Some(Resource::File(file)) => (Target::File, file.name.as_str()),
            Some(Resource::Metadata(file)) => (Target::Metadata, file.name.as_str()),
            None => (Target::Any, ""),
        };
        (self.target == Target::Any || self.target == target) && matches(&self.name, name)
    }

    /// Whether it strikes the request with this number, from 1, while so many are being answered, so long after the first one.
    pub(super) fn strikes(&self, number: u64, at_once: u64, since: Duration) -> bool {
        match self.when {
            When::Always => true,
            When::First(count) => number <= count,
            When::Nth(wanted) => number == wanted,
            When::From(first) => number >= first,
            When::EveryNth(step) => number.is_multiple_of(step),
            When::Chance { percent, seed } => {
                let noise = super::body::Body::noise(seed, (number + 1) * 8).read(number * 8, 8);
                let value = noise.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
                value % 100 < percent
            }
            When::Above(most) => at_once > most,
            When::For(time) => since < time,
        }
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(""), _) => true,
        (Some(end), None) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (Some(_), Some(_)) => name.contains(pattern.trim_matches('*')),
        (None, None) => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(rule: &Rule) -> Vec<u64> {
        (1..=6).filter(|number| rule.strikes(*number, 1, Duration::ZERO)).collect()
    }

    #[test]
    fn counts() {
        let rule = || Rule::any(Fault::ResetBefore);
        assert_eq!(struck(&rule()), [1, 2, 3, 4, 5, 6]);
        assert_eq!(struck(&rule().first(2)), [1, 2]);
        assert_eq!(struck(&rule().nth(3)), [3]);
        assert_eq!(struck(&rule().from(5)), [5, 6]);
        assert_eq!(struck(&rule().every(3)), [3, 6]);
        let half = (1..=1000).filter(|number| rule().chance(30, 5).strikes(*number, 1, Duration::ZERO)).count();
        assert!((250..350).contains(&half), "{half}");
    }

    #[test]
    fn names() {
        for (pattern, name, expected) in [
            ("*", "a", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("*b*", "abc", true),
            ("abc", "abc", true),
            ("b*", "abc", false),
            ("*b", "abc", false),
            ("ab", "abc", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
