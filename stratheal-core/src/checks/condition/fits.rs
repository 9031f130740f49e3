//! Whether a condition can ever be judged by what a check supplies: asked once, when it is configured.

use super::operand::Step;
use super::{Condition, Function, Operator, compare_metric};
use crate::base::suggest::nearest;
use crate::model::{Metric, Unit};

impl Condition {
    /// Holds the condition against the metrics (with their units) and facts that a check has.
    ///
    /// # Errors
    /// A sentence: there is no such metric or fact (and which is near), the units differ, or the condition can never be true.
    pub fn fits(&self, metrics: &[(&str, Unit)], facts: &[&str]) -> Result<(), String> {
        let Some(Step::Key(root)) = self.operand.path.first() else { return Err("names nothing".to_owned()) };
        let is_fact = facts.contains(&root.as_str());
        let Some((name, unit)) = metrics.iter().find(|(name, _)| *name == root) else {
            if is_fact {
                return Ok(());
            }
            let known = metrics.iter().map(|(name, _)| *name).chain(facts.iter().copied());
            let advice = match nearest(root, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", known.collect::<Vec<_>>().join(", ")),
            };
            return Err(format!("`{self}`: this check has no `{root}`: {advice}"));
        };
        if self.operand.function != Function::Itself {
            return Err(format!("`{self}`: `{name}` is a number, so it has no length and is always there"));
        }
        compare_metric(self, &Metric::new((*name).to_owned(), 0.0, unit.clone()), false)?;
        if *unit == Unit::Percent && self.is_beyond_percent() {
            return Err(format!("`{self}` can never be true: `{name}` is a percentage, from 0 to 100"));
        }
        Ok(())
    }

    fn is_beyond_percent(&self) -> bool {
        let Some(limit) = self.value.quantity().map(|quantity| quantity.value) else { return false };
        match self.operator {
            Operator::Greater => limit >= 100.0,
            Operator::GreaterOrEqual => limit > 100.0,
            Operator::Less => limit <= 0.0,
            Operator::LessOrEqual => limit < 0.0,
            Operator::Equal => !(0.0..=100.0).contains(&limit),
            Operator::NotEqual | Operator::Matches | Operator::MatchesNot => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_cannot_be() {
        let metrics = [("latency", Unit::Seconds), ("used", Unit::Percent)];
        for (condition, problem) in [
            ("latency > 300ms", None),
            ("body.a[0] == 1", None),
            ("used[/var] > 85% clear 83%", None),
            ("len(body) > 3", None),
            ("latncy > 300ms", Some("did you mean `latency`?")),
            ("latency > 5GiB", Some("counts seconds")),
            ("used > 850%", Some("can never be true")),
            ("used < 0%", Some("can never be true")),
            ("len(used) > 3", Some("no length")),
        ] {
            let fits = condition.parse::<Condition>().unwrap().fits(&metrics, &["body"]);
            match problem {
                None => assert_eq!(fits, Ok(()), "{condition}"),
                Some(words) => {
                    assert!(fits.as_ref().is_err_and(|error| error.contains(words)), "{condition}: {fits:?}");
                }
            }
        }
    }
}
