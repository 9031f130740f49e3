//! A condition as it was read: plain data, and how it is written again.

use std::fmt;
use std::str::FromStr;

use regex::Regex;

use super::operand::Operand;
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
    pub(in crate::checks) operand: Operand,
    pub(in crate::checks) operator: Operator,
    pub(in crate::checks) value: Literal,
    /// Where an ordering comparison that was once true becomes false again.
    pub(in crate::checks) clear: Option<Literal>,
    /// Compiled from `value` for `~` and `!~`.
    pub(super) pattern: Option<Regex>,
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
pub(in crate::checks) enum Operator {
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
    pub(in crate::checks) const ALL: [Self; 8] = [
        Self::Equal,
        Self::NotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Matches,
        Self::MatchesNot,
    ];

    pub(in crate::checks) const fn as_str(self) -> &'static str {
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

    pub(super) const fn is_ordering(self) -> bool {
        matches!(self, Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual)
    }

    pub(super) const fn is_upper_limit(self) -> bool {
        matches!(self, Self::Greater | Self::GreaterOrEqual)
    }
}

/// A value as it was written, and what it means.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::checks) struct Literal {
    pub(in crate::checks) text: String,
    pub(in crate::checks) kind: LiteralKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(in crate::checks) enum LiteralKind {
    Quantity(Quantity),
    Bool(bool),
    Null,
    Word,
    Quoted,
}

impl Literal {
    pub(super) const fn quantity(&self) -> Option<&Quantity> {
        match &self.kind {
            LiteralKind::Quantity(quantity) => Some(quantity),
            _ => None,
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == LiteralKind::Quoted {
            super::operand::write_quoted(f, &self.text)
        } else {
            f.write_str(&self.text)
        }
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
        super::parse::condition(text)
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
