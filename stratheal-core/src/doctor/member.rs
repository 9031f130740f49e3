//! The places where packages come from: do they answer, how fast, and do they agree with us on what time it is.

use std::time::Duration;

use jiff::Timestamp;

use super::Finding;
use crate::model::Status;
use crate::model::quantity::show_seconds;

/// A first answer that takes longer is noticed by people.
const SLOW: Duration = Duration::from_secs(2);
/// More than two good clocks ever differ.
const OFF: Duration = Duration::from_secs(30);
/// Certificates and tokens that were just made are refused.
const FAR_OFF: Duration = Duration::from_mins(5);

/// What one member said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFacts {
    /// The name of its source.
    pub source: String,
    /// Its URL, safe to show.
    pub url: String,
    /// What it answered, or why there was no answer, safe to show.
    pub answer: Result<Answer, String>,
}

/// An answer to a small question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long it took, connection included.
    pub took: Duration,
    /// What time it was there, and here when that arrived.
    pub clocks: Option<(Timestamp, Timestamp)>,
}

/// Says how a member is. `others` tells whether another member of its source works: then a dead one is no reason to worry much.
#[must_use]
pub fn judge_member(facts: &MemberFacts, others: bool) -> Finding {
    const TOPIC: &str = "index";
    let MemberFacts { source, url, answer } = facts;
    let dead = if others { Status::Warning } else { Status::Critical };
    match answer {
        Err(why) => {
            let next = if others {
                "nothing at once: another mirror works; remove this one if it is gone for good"
            } else {
                "check the network, the proxy and the URL; `stratheal --offline run` works with what the cache has"
            };
            Finding::bad(TOPIC, dead, format!("{source}: {url} cannot be reached: {why}"), next)
        }
        Ok(Answer { status: status @ (401 | 403 | 407), .. }) => {
            let next = "give it credentials: in the URL, ~/.netrc, the environment or a keyring";
            Finding::bad(TOPIC, dead, format!("{source}: {url} refuses access ({status})"), next)
        }
        Ok(Answer { status: status @ (429 | 500..), .. }) => {
            let next = "try again later, or add a mirror";
            Finding::bad(TOPIC, dead, format!("{source}: {url} answers {status}"), next)
        }
        Ok(Answer { status, took, .. }) => {
            let what = format!("{source}: {url} answers in {}", show_seconds(took.as_secs_f64()));
            let finding = if *took > SLOW {
                Finding::bad(TOPIC, Status::Warning, format!("{what}, which is slow"), "add a mirror that is nearer")
            } else {
                Finding::healthy(TOPIC, what)
            };
            finding.with("http_status", *status).with("seconds", took.as_secs_f64())
        }
    }
}

/// Says whether the clock is right, by what the members say; `None` when none of them said what time it is.
#[must_use]
pub fn judge_clock(members: &[MemberFacts]) -> Option<Finding> {
    let clocks = members.iter().filter_map(|facts| facts.answer.as_ref().ok()?.clocks);
    let mut skews: Vec<f64> = clocks.map(|(there, here)| here.duration_since(there).as_secs_f64()).collect();
    skews.sort_by(f64::total_cmp);
    // The median: one server with a wrong clock says nothing about ours.
    let skew = *skews.get(skews.len() / 2)?;
    let (way, size) = (if skew < 0.0 { "behind" } else { "ahead" }, Duration::from_secs_f64(skew.abs()));
    let finding = if size <= OFF {
        Finding::healthy("clock", "agrees with the index")
    } else {
        let status = if size > FAR_OFF { Status::Critical } else { Status::Warning };
        let what = format!("is {} {way} of what the index says", show_seconds(size.as_secs_f64()));
        Finding::bad("clock", status, what, "set the clock, and let NTP keep it right (`timedatectl set-ntp true`)")
    };
    Some(finding.with("ahead_seconds", skew))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(answer: Result<Answer, String>) -> MemberFacts {
        MemberFacts { source: "default".to_owned(), url: "https://a.example.com/simple/".to_owned(), answer }
    }

    fn answer(status: u16, took: Duration, ahead: i64) -> MemberFacts {
        let there = Timestamp::UNIX_EPOCH;
        let here = Timestamp::new(ahead, 0).unwrap();
        member(Ok(Answer { status, took, clocks: Some((there, here)) }))
    }

    #[test]
    fn each_answer_has_its_advice() {
        let quick = Duration::from_millis(30);
        for (facts, others, status) in [
            (answer(200, quick, 0), false, Status::Healthy),
            (answer(404, quick, 0), false, Status::Healthy),
            (answer(200, SLOW * 2, 0), true, Status::Warning),
            (answer(401, quick, 0), false, Status::Critical),
            (answer(503, quick, 0), true, Status::Warning),
            (member(Err("connection refused".to_owned())), true, Status::Warning),
            (member(Err("connection refused".to_owned())), false, Status::Critical),
        ] {
            let finding = judge_member(&facts, others);
            assert_eq!(finding.status, status, "{finding:?}");
            assert_eq!(finding.next.is_some(), status != Status::Healthy, "{finding:?}");
        }
    }

    #[test]
    fn the_clock_is_judged_by_most() {
        let quick = Duration::from_millis(30);
        let skewed = |ahead: &[i64]| {
            let members: Vec<_> = ahead.iter().map(|ahead| answer(200, quick, *ahead)).collect();
            judge_clock(&members).map(|finding| finding.status)
        };
        assert_eq!(skewed(&[]), None);
        assert_eq!(skewed(&[2]), Some(Status::Healthy));
        assert_eq!(skewed(&[0, 1, 5000]), Some(Status::Healthy));
        assert_eq!(skewed(&[-60]), Some(Status::Warning));
        assert_eq!(skewed(&[4000, 4000, 0]), Some(Status::Critical));
    }
}
