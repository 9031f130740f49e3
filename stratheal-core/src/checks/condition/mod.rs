//! The language of `warn_if` and `crit_if`: `latency > 300ms`, `used > 85% clear 83%`, `body.state != "ok"`.
//!
//! ```text
//! condition = operand operator value [ "clear" value ]  |  has(path)
//! operand   = path | len(path) | has(path)
//! path      = key { "." key | [ index ] | [ "key" ] } | key [ instance ]
//! operator  = == != < <= > >= ~ !~
//! value     = quantity | true | false | null | word | "text"
//! ```
//! A path names a metric first and a fact otherwise. `used` covers the metric `used` and every `used[...]`; `used[/var]` only
//! that one. Inside `"text"`, `\"` and `\\` stand for the character itself; any other backslash is kept, so that regular
//! expressions need no doubling.

mod compare;
mod operand;
mod parse;

use std::fmt;
use std::str::FromStr;

use regex::Regex;

pub(super) use compare::{compare_fact, compare_metric, threshold};
pub(super) use operand::{Function, Operand, found};

use crate::model::quantity::Quantity;

/// One comparison. Parsed once, when it is configured.
///
/// ```
/// use stratheal_core::checks::Condition;
/// let condition: Condition = "used > 85% clear 83%".parse().unwrap();
/// assert_eq!(condition.to_string(), "used > 85% clear 83%");
/// let error = "free < 1GiB clear 512MiB".parse::<Condition>().unwrap_err();
/// assert!(error.to_string().contains("must lie above"), "{error}");
/// ```
#[derive(Debug, Clone)]
pub struct Condition {
    pub(super) operand: Operand,
    pub(super) operator: Operator,
    pub(super) value: Literal,
    /// Where an ordering comparison that was once true becomes false again.
    pub(super) clear: Option<Literal>,
    /// Compiled from `value` for `~` and `!~`.
    pattern: Option<Regex>,
}

/// A text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{condition}` is not a condition: {problem}")]
pub struct InvalidCondition {
    /// The text, cut to a readable length.
    pub condition: String,
    /// What is wrong with it, and what to write instead.
    pub problem: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
    MatchesNot,
}

impl Operator {
    pub(super) const ALL: [Self; 8] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Matches,
        Self::MatchesNot,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Matches => "~",
            Self::MatchesNot => "!~",
        }
    }

    const fn is_ordering(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }

    const fn is_upper_limit(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual)
    }
}

/// A value as it was written, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Literal {
    pub(super) text: String,
    pub(super) kind: LiteralKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum LiteralKind {
    Quantity(Quantity),
    Bool(bool),
    Null,
    Word,
    Quoted,
}

impl Literal {
    const fn quantity(&self) -> Option<&Quantity> {
        match &self.kind {
            LiteralKind::Quantity(quantity) => Some(quantity),
            _ => None,
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == LiteralKind::Quoted { operand::write_quoted(f, &self.text) } else { f.write_str(&self.text) }
    }
}

impl Condition {
    /// The longest text that is read as a condition, in bytes.
    pub const MAX_LENGTH: usize = 1024;

    /// The metric or fact that is compared, as it was written.
    #[must_use]
    pub fn operand(&self) -> String {
        self.operand.to_string()
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        // The pattern is a function of the value.
        self.operand == other.operand
            && self.operator == other.operator
            && self.value == other.value
            && self.clear == other.clear
    }
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::condition(text)
            .map_err(|problem| InvalidCondition { condition: crate::model::report::cut(text.trim(), 80), problem })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.operand, self.operator.as_str(), self.value)?;
        self.clear.as_ref().map_or(Ok(()), |clear| write!(f, " clear {clear}"))
    }
}

impl TryFrom<String> for Condition {
    type Error = InvalidCondition;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

impl serde::Serialize for Condition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Condition {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
