//! Times in which a check may fail without anybody being told.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// A maintenance window: once, or every week on some days.
///
/// Written as `2026-11-30T02:00Z/2026-11-30T04:00Z`, or as days, times and an optional time zone:
/// `daily 02:00-04:00`, `mon,thu 22:00-02:00 Europe/Berlin`. A window over midnight belongs to the day it begins on;
/// without a zone the machine's own counts.
///
/// ```
/// use stratheal_core::model::window::Window;
/// let window: Window = "sat,sun 22:00-02:00 UTC".parse().unwrap();
/// assert!(window.contains("2026-11-23T01:00:00Z".parse().unwrap())); // Monday night, begun on Sunday
/// assert!(!window.contains("2026-11-23T22:30:00Z".parse().unwrap()));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    text: String,
    when: When,
}

#[derive(Debug, Clone, PartialEq)]
enum When {
    Once { from: Timestamp, until: Timestamp },
    Weekly { days: Vec<Weekday>, from: Time, until: Time, zone: TimeZone },
}

/// A text is no maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a maintenance window: {problem}")]
pub struct InvalidWindow {
    text: String,
    problem: &'static str,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Window {
    /// Whether the moment lies in the window; its beginning does, its end does not.
    #[must_use]
    pub fn contains(&self, now: Timestamp) -> bool {
        match &self.when {
            When::Once { from, until } => (*from..*until).contains(&now),
            When::Weekly { days, from, until, zone } => {
                let local = now.to_zoned_datetime(zone.clone());
                let (today, time) = (local.date(), local.time());
                let on = |day: Weekday| days.contains(&day);
                if from < until {
                    return on(today.weekday()) && (*from..*until).contains(&time);
                }
                let began_yesterday = today.checked_sub(1.day()).is_ok_and(|date| on(date.weekday()));
                (on(today.weekday()) && time >= *from) || (began_yesterday && time < *until)
            }
        }
    }
}

impl FromStr for Window {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let when =
            parse(text.trim()).map_err(|problem| InvalidWindow { text: text.chars().take(128).collect(), problem })?;
        Ok(Self { text: text.trim().to_owned(), when })
    }
}

fn parse(text: &str) -> Result<When, &'static str> {
    let mut words = text.split_whitespace();
    let first = words.next().ok_or("it is empty")?;
    if let Some((from, until)) = first.split_once('/') {
        let moment =
            |text: &str| text.parse::<Timestamp>().map_err(|_| "write both ends like 2026-11-30T02:00Z, with the zone");
        let (from, until) = (moment(from)?, moment(until)?);
        return if words.next().is_some() {
            Err("nothing may follow the two moments")
        } else if from >= until {
            Err("it ends before it begins")
        } else {
            Ok(When::Once { from, until })
        };
    }
    let days = match first {
        "daily" => DAYS.iter().map(|(_, day)| *day).collect(),
        list => list
            .split(',')
            .map(|name| DAYS.iter().find(|(short, _)| *short == name).map(|(_, day)| *day))
            .collect::<Option<Vec<_>>>()
            .ok_or("begin with `daily` or days such as mon,thu")?,
    };
    let times = words.next().ok_or("give the times as 02:00-04:00")?;
    let (from, until) = times.split_once('-').ok_or("give the times as 02:00-04:00")?;
    let time = |text: &str| text.parse::<Time>().map_err(|_| "give the times as 02:00-04:00");
    let (from, until) = (time(from)?, time(until)?);
    if from == until {
        return Err("it ends when it begins");
    }
    let zone = match words.next() {
        None => TimeZone::system(),
        Some(name) => TimeZone::get(name).map_err(|_| "its time zone is not known here")?,
    };
    if words.next().is_some() {
        return Err("nothing may follow the time zone");
    }
    Ok(When::Weekly { days, from, until, zone })
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Window {
    type Error = InvalidWindow;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn knows_its_moments() {
        // 2026-11-23 is a Monday.
        for (window, moment, inside) in [
            ("2026-11-23T02:00Z/2026-11-23T04:00Z", "2026-11-23T02:00:00Z", true),
            ("2026-11-23T02:00Z/2026-11-23T04:00Z", "2026-11-23T04:00:00Z", false),
            ("daily 02:00-04:00 UTC", "2026-11-25T03:59:59Z", true),
            ("mon 02:00-04:00 UTC", "2026-11-24T03:00:00Z", false),
            ("mon 22:00-02:00 UTC", "2026-11-24T01:00:00Z", true),
            ("mon 22:00-02:00 UTC", "2026-11-23T01:00:00Z", false),
            ("mon 02:00-04:00 Europe/Berlin", "2026-11-23T01:30:00Z", true),
        ] {
            let parsed: Window = window.parse().unwrap();
            assert_eq!(parsed.contains(moment.parse().unwrap()), inside, "{window} {moment}");
        }
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        for text in
            ["", "daily", "daily 2-4", "someday 02:00-04:00", "daily 02:00-02:00", "daily 02:00-04:00 Mars/One", "a/b"]
        {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<Window>();
        }

        #[test]
        fn never_panics_near_the_language(
            text in "(daily|mon,thu|[a-z,]{0,6}) [0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}( UTC| Europe/Berlin| [+-][0-9]{2})?",
            second in -377_705_023_201_i64..253_402_207_200,
        ) {
            if let Ok(window) = text.parse::<Window>() {
                let _ = window.contains(Timestamp::from_second(second).unwrap());
            }
        }

        #[test]
        fn never_panics_on_odd_moments(from in "-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}T[0-9]{2}(:[0-9]{2})?Z?", until in "[0-9T:Z-]{0,20}") {
            let _ = format!("{from}/{until}").parse::<Window>();
        }
    }
}
