//! Whether a condition holds for a metric or a fact, and in which words to say so.

use serde_json::Value;

use super::operand::describe;
use super::{Condition, Literal, LiteralKind, Operator};
use crate::model::quantity::{self, Quantity};
use crate::model::report::cut;
use crate::model::{Metric, Range, Unit};

/// A condition that holds, in words: `latency 512.3ms > 300.0ms`.
pub(crate) type Held = Option<String>;

/// Compares a metric. `active` says whether the condition held for it before, so that `clear` counts.
pub(crate) fn compare_metric(condition: &Condition, metric: &Metric, active: bool) -> Result<Held, String> {
    if metric.value.is_nan() {
        return Err(format!("`{}` is not a number", metric.name));
    }
    if matches!(condition.operator, Operator::Matches | Operator::MatchesNot) {
        return Err(format!("`{}` is a measured number, so it cannot be compared with a pattern", metric.name));
    }
    let enter = fitting(metric, &condition.value)?;
    let show = |value: f64| {
        Metric::new("", value, if metric.unit == Unit::Counter { Unit::Number } else { metric.unit.clone() })
            .show_value()
    };
    let operator = condition.operator;
    if holds(operator, metric.value, enter) {
        return Ok(Some(format!("{metric} {} {}", operator.as_str(), show(enter))));
    }
    let Some(clear) = condition.clear.as_ref().filter(|_| active) else { return Ok(None) };
    let exit = fitting(metric, clear)?;
    Ok(holds(operator, metric.value, exit).then(|| {
        format!("{metric} {} {}, since it was {} {}", operator.as_str(), show(exit), operator.as_str(), show(enter))
    }))
}

/// The value in the metric's base unit, if it counts the same thing.
fn fitting(metric: &Metric, literal: &Literal) -> Result<f64, String> {
    let Some(quantity) = literal.quantity() else {
        return Err(format!("`{}` is a number, so it cannot be compared with {literal}", metric.name));
    };
    if quantity.unit == Unit::Number || quantity.unit == metric.unit {
        return Ok(quantity.value);
    }
    Err(match &metric.unit {
        Unit::Number | Unit::Counter => {
            format!("`{}` is a plain number, so compare it with one, not with {literal}", metric.name)
        }
        Unit::Other(unit) => {
            format!("`{}` counts {unit}, so compare it with a plain number, not with {literal}", metric.name)
        }
        unit => {
            let (unit, example) = words(unit);
            format!("`{}` counts {unit}, so compare it with something like {example}, not with {literal}", metric.name)
        }
    })
}

const fn words(unit: &Unit) -> (&'static str, &'static str) {
    match unit {
        Unit::Seconds => ("seconds", "300ms"),
        Unit::Bytes => ("bytes", "5GiB"),
        Unit::Percent => ("percent", "85%"),
        _ => ("something", "12"),
    }
}

fn holds(operator: Operator, value: f64, limit: f64) -> bool {
    match operator {
        // Written numbers are compared, so a difference below their precision is none.
        Operator::Equal => (value - limit).abs() <= f64::EPSILON * limit.abs(),
        Operator::NotEqual => (value - limit).abs() > f64::EPSILON * limit.abs(),
        Operator::Less => value < limit,
        Operator::LessOrEqual => value <= limit,
        Operator::Greater => value > limit,
        Operator::GreaterOrEqual => value >= limit,
        Operator::Matches | Operator::MatchesNot => false,
    }
}

/// The range that alerts when the condition holds, for performance data.
pub(crate) fn threshold(condition: &Condition) -> Option<Range> {
    let limit = condition.value.quantity()?.value;
    let between = |start, end, inside| Range { start, end, inside };
    Some(match condition.operator {
        Operator::Greater => Range::above(limit),
        Operator::GreaterOrEqual => between(limit, f64::INFINITY, true),
        Operator::Less => Range::below(limit),
        Operator::LessOrEqual => between(f64::NEG_INFINITY, limit, true),
        Operator::Equal => between(limit, limit, true),
        Operator::NotEqual => between(limit, limit, false),
        Operator::Matches | Operator::MatchesNot => return None,
    })
}

/// Compares a fact. `active` as for metrics.
pub(crate) fn compare_fact(condition: &Condition, fact: &Value, active: bool) -> Result<Held, String> {
    let name = &condition.operand;
    let operator = condition.operator;
    let held = match operator {
        Operator::Equal => equal(fact, &condition.value).map_err(|problem| format!("`{name}` is {problem}"))?,
        Operator::NotEqual => !equal(fact, &condition.value).map_err(|problem| format!("`{name}` is {problem}"))?,
        Operator::Matches | Operator::MatchesNot => {
            let matched = matches(condition, fact)
                .ok_or_else(|| format!("`{name}` is {}; name something inside it to match", describe(fact)))?;
            matched == (operator == Operator::Matches)
        }
        _ => {
            let value = number(fact).ok_or_else(|| format!("`{name}` is {}, not a number", describe(fact)))?;
            let against = |literal: &Literal| {
                let limit = literal.quantity().ok_or_else(|| format!("{literal} is no number"))?;
                if limit.unit != value.unit && limit.unit != Unit::Number && value.unit != Unit::Number {
                    return Err(format!("`{name}` is {}, which cannot be compared with {literal}", describe(fact)));
                }
                Ok(holds(operator, value.value, limit.value))
            };
            if !against(&condition.value)?
                && active
                && let Some(clear) = &condition.clear
                && against(clear)?
            {
                let (sign, enter) = (operator.as_str(), &condition.value);
                return Ok(Some(format!("{name} {} {sign} {clear}, since it was {sign} {enter}", show(fact))));
            }
            against(&condition.value)?
        }
    };
    Ok(held.then(|| match (&condition.operand.function, fact) {
        (super::Function::Exists, Value::Bool(exists)) => {
            format!("{} {}", if *exists { "there is" } else { "there is no" }, show_path(condition))
        }
        _ => format!("{name} {} {} {}", show(fact), operator.as_str(), condition.value),
    }))
}

fn show_path(condition: &Condition) -> String {
    super::Operand::new(super::Function::Itself, condition.operand.path.clone()).to_string()
}

/// A fact in the words of the language.
fn show(fact: &Value) -> String {
    match fact {
        Value::String(text) => format!("{:?}", cut(text, 64)),
        other => cut(&other.to_string(), 64),
    }
}

/// A number, or a text that is one: header values are always texts.
fn number(fact: &Value) -> Option<Quantity> {
    match fact {
        Value::Number(number) => number.as_f64().map(|value| Quantity { value, unit: Unit::Number }),
        Value::String(text) => quantity::parse(text).ok(),
        _ => None,
    }
}

fn equal(fact: &Value, literal: &Literal) -> Result<bool, String> {
    let wrong =
        |wanted: &str| Err(format!("{}, not {wanted}, so it cannot be compared with {literal}", describe(fact)));
    match (fact, &literal.kind) {
        (Value::Null, kind) => Ok(*kind == LiteralKind::Null),
        (_, LiteralKind::Null) => Ok(false),
        // What was written without quotes is the text too: `headers.x-ready == true`.
        (Value::String(text), LiteralKind::Quantity(wanted)) => Ok(*text == literal.text
            || quantity::parse(text)
                .is_ok_and(|actual| actual.unit == wanted.unit && holds(Operator::Equal, actual.value, wanted.value))),
        (Value::String(text), _) => Ok(*text == literal.text),
        (Value::Number(number), LiteralKind::Quantity(wanted)) => {
            Ok(number.as_f64().is_some_and(|value| holds(Operator::Equal, value, wanted.value)))
        }
        (Value::Bool(value), LiteralKind::Bool(wanted)) => Ok(value == wanted),
        (_, LiteralKind::Quantity(_)) => wrong("a number"),
        (_, LiteralKind::Bool(_)) => wrong("true or false"),
        (_, LiteralKind::Word | LiteralKind::Quoted) => wrong("a text"),
    }
}

fn matches(condition: &Condition, fact: &Value) -> Option<bool> {
    let pattern = condition.pattern.as_ref()?;
    match fact {
        Value::String(text) => Some(pattern.is_match(text)),
        Value::Number(number) => Some(pattern.is_match(&number.to_string())),
        Value::Bool(value) => Some(pattern.is_match(if *value { "true" } else { "false" })),
        Value::Null => Some(pattern.is_match("null")),
        Value::Array(_) | Value::Object(_) => None,
    }
}
