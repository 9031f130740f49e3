//! Whether a marker holds in an environment.

use std::borrow::Cow;

use super::expression::{Comparison, Expression, Operator, Variable};
use super::{Marker, MarkerEnvironment};
use crate::base::class::ErrorClass;
use crate::installer::requirement::{ExtraName, GroupName, specifier};

/// The extras and dependency groups that somebody asked for. None by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choice<'c> {
    /// For `extra == 'x'` and for `'x' in extras`.
    pub extras: &'c [ExtraName],
    /// For `'x' in dependency_groups`.
    pub groups: &'c [GroupName],
}

/// A marker compares texts that have no order by `~=` or `===`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the marker `{comparison}` compares something that is no version by an operator for versions")]
pub struct UndefinedComparison {
    comparison: String,
}

impl UndefinedComparison {
    /// The class of this error.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        ErrorClass::Permanent
    }
}

impl Marker {
    /// Whether the marker holds.
    ///
    /// With several extras it holds if it does for any one of them, as `extra` has one value at a time; without any, `extra` is
    /// empty.
    ///
    /// # Errors
    /// [`UndefinedComparison`], wherever in the marker it stands.
    ///
    /// ```
    /// # use stratheal_core::installer::requirement::{Choice, Marker, MarkerEnvironment, UndefinedComparison};
    /// # fn example(environment: &MarkerEnvironment) -> Result<(), Box<dyn std::error::Error>> {
    /// let marker: Marker = "extra == 'socks' and python_version >= '3.9'".parse()?;
    /// let extras = ["socks".parse()?];
    /// let wanted = marker.evaluate(environment, &Choice { extras: &extras, groups: &[] })?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn evaluate(&self, environment: &MarkerEnvironment, choice: &Choice<'_>) -> Result<bool, UndefinedComparison> {
        let asks_for_extra = self.0.comparisons().iter().any(|compared| compared.variable == Variable::Extra);
        let extras = if asks_for_extra { choice.extras } else { &[] };
        if extras.is_empty() {
            return holds(&self.0, environment, choice, "");
        }
        extras.iter().try_fold(false, |held, extra| Ok(holds(&self.0, environment, choice, extra.as_str())? || held))
    }
}

/// Looks at every comparison, so that a senseless one is found whatever the others say.
fn holds(
    expression: &Expression,
    environment: &MarkerEnvironment,
    choice: &Choice<'_>,
    extra: &str,
) -> Result<bool, UndefinedComparison> {
    let each = |part: &Expression| holds(part, environment, choice, extra);
    match expression {
        Expression::All(parts) => parts.iter().try_fold(true, |held, part| Ok(each(part)? && held)),
        Expression::Any(parts) => parts.iter().try_fold(false, |held, part| Ok(each(part)? || held)),
        Expression::Compare(comparison) => compare(comparison, environment, choice, extra),
    }
}

fn compare(
    comparison: &Comparison,
    environment: &MarkerEnvironment,
    choice: &Choice<'_>,
    extra: &str,
) -> Result<bool, UndefinedComparison> {
    let is_positive = comparison.operator == Operator::In;
    let text = match comparison.variable {
        Variable::Extras => {
            return Ok(choice.extras.iter().any(|extra| extra.as_str() == comparison.value) == is_positive);
        }
        Variable::DependencyGroups => {
            return Ok(choice.groups.iter().any(|group| group.as_str() == comparison.value) == is_positive);
        }
        Variable::Extra => Cow::Borrowed(extra),
        other => value(other, environment),
    };
    let (left, right) = if comparison.is_reversed {
        (comparison.value.as_str(), text.as_ref())
    } else {
        (text.as_ref(), comparison.value.as_str())
    };
    let as_versions = comparison.variable.is_version().then(|| versions(left, comparison.operator, right)).flatten();
    as_versions
        .or_else(|| texts(left, comparison.operator, right))
        .ok_or_else(|| UndefinedComparison { comparison: comparison.to_string() })
}

fn value(variable: Variable, environment: &MarkerEnvironment) -> Cow<'_, str> {
    Cow::Borrowed(match variable {
        Variable::ImplementationName => &environment.implementation_name,
        Variable::ImplementationVersion => &environment.implementation_version,
        Variable::OsName => &environment.os_name,
        Variable::PlatformMachine => &environment.platform_machine,
        Variable::PlatformPythonImplementation => &environment.platform_python_implementation,
        Variable::PlatformRelease => &environment.platform_release,
        Variable::PlatformSystem => &environment.platform_system,
        Variable::PlatformVersion => &environment.platform_version,
        Variable::PythonFullVersion => return environment.full_version(),
        Variable::PythonVersion => &environment.python_version,
        Variable::SysPlatform => &environment.sys_platform,
        // These have no text of their own.
        Variable::Extra | Variable::Extras | Variable::DependencyGroups => "",
    })
}

/// The answer for versions; `None` where operator and right side are no specifier.
fn versions(left: &str, operator: Operator, right: &str) -> Option<bool> {
    let right = right.trim();
    let operator = match operator {
        Operator::In | Operator::NotIn => return None,
        Operator::Arbitrary => {
            let is_one = !right.contains(|character: char| character.is_whitespace() || ";)".contains(character));
            return is_one.then(|| left.to_lowercase() == right.to_lowercase());
        }
        Operator::Equal => pep440_rs::Operator::Equal,
        Operator::NotEqual => pep440_rs::Operator::NotEqual,
        Operator::Compatible => pep440_rs::Operator::TildeEqual,
        Operator::LessOrEqual => pep440_rs::Operator::LessThanEqual,
        Operator::GreaterOrEqual => pep440_rs::Operator::GreaterThanEqual,
        Operator::Less => pep440_rs::Operator::LessThan,
        Operator::Greater => pep440_rs::Operator::GreaterThan,
    };
    let specifier = specifier::specifier(operator, right).ok()?;
    // What is no version satisfies no specifier.
    Some(left.trim().parse().is_ok_and(|version| specifier::matches(&specifier, &version)))
}

/// The answer for texts, which have no order; `None` for operators that make no sense for them.
fn texts(left: &str, operator: Operator, right: &str) -> Option<bool> {
    match operator {
        Operator::In => Some(right.contains(left)),
        Operator::NotIn => Some(!right.contains(left)),
        Operator::Equal | Operator::LessOrEqual | Operator::GreaterOrEqual => Some(left == right),
        Operator::NotEqual => Some(left != right),
        Operator::Less | Operator::Greater => Some(false),
        Operator::Compatible | Operator::Arbitrary => None,
    }
}

#[cfg(test)]
mod tests;
