//! Recorded series of results, with what was really the matter.

use std::ops::Range;

use stratheal_core::checks::{Active, Conditions, Measurement, judge};
use stratheal_core::model::{Metric, Report, Status, Unit};

use crate::rule::{Contender, Settings, replay};
use crate::score::Score;

impl Recording {
    /// What a contender would be given.
    pub(crate) fn results_for(&self, contender: Contender) -> &[Status] {
        match &self.single_threshold {
            Some(single) if contender != Contender::Stratheal => single,
            _ => &self.results,
        }
    }

    pub(crate) fn score(&self, contender: Contender) -> Score {
        let told = replay(&mut *contender.rule(self.settings), self.results_for(contender));
        Score::of(&told, &self.incidents)
    }
}

/// A series of results as one check would see them.
pub(crate) struct Recording {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) settings: Settings,
    pub(crate) results: Vec<Status>,
    /// The same for those without thresholds that differ for entering and leaving.
    pub(crate) single_threshold: Option<Vec<Status>>,
    /// When it was really broken, or really got worse.
    pub(crate) incidents: Vec<Range<usize>>,
}

/// Reads `h20 c2`: twenty healthy results, two critical ones. `(h1 c1)*3` repeats.
pub(crate) fn results(text: &str) -> Vec<Status> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if let Some(group) = rest.strip_prefix('(') {
            let (inner, after) = group.split_once(")*").expect("a group ends with `)*` and a number");
            let (times, after) = number(after);
            found.extend(results(inner).repeat(times));
            rest = after.trim_start();
            continue;
        }
        let status = match &rest[..1] {
            "h" => Status::Healthy,
            "w" => Status::Warning,
            "c" => Status::Critical,
            "u" => Status::Unknown,
            other => panic!("`{other}` is no letter of a recording"),
        };
        let (times, after) = number(&rest[1..]);
        found.extend(std::iter::repeat_n(status, times));
        rest = after.trim_start();
    }
    found
}

fn number(text: &str) -> (usize, &str) {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..digits].parse().expect("a letter of a recording is followed by a number"), &text[digits..])
}

fn recording(name: &'static str, about: &'static str, text: &str, incidents: &[(usize, usize)]) -> Recording {
    Recording {
        name,
        about,
        settings: Settings::DEFAULT,
        results: results(text),
        single_threshold: None,
        incidents: incidents.iter().map(|(from, to)| *from..*to).collect(),
    }
}

/// Numbers that look like noise and are the same everywhere (`SplitMix64`), between -1 and 1.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ bits >> 31) as f64 / u64::MAX as f64 * 2.0 - 1.0
    }
}

/// What the product's own conditions make of values in percent.
pub(crate) fn judged(condition: &str, values: &[f64]) -> Vec<Status> {
    let conditions = Conditions::default().crit(condition.parse().expect("the condition is well-formed"));
    let mut active = Active::default();
    let status = values.iter().map(|value| {
        let report = Report::healthy("measured").metric(Metric::new("used", *value, Unit::Percent));
        let (report, next) = judge(&conditions, &Measurement::new(report), &active);
        active = next;
        report.status
    });
    status.collect()
}

/// A disk fills from 80 to 90 percent in a thousand results, each off by up to a point, until somebody makes room.
fn drift() -> [Recording; 2] {
    let mut noise = Noise(85);
    let filling = (0..1000).map(|place| 80.0 + f64::from(place) / 100.0);
    let values: Vec<f64> = filling.chain([60.0; 40]).map(|mean| mean + noise.next()).collect();
    let first = values.iter().position(|value| *value > 85.0).expect("it fills beyond the limit");
    let single = judged("used > 85%", &values);
    let recording = |name, about, results, single_threshold| Recording {
        name,
        about,
        settings: Settings::DEFAULT,
        results,
        single_threshold,
        incidents: std::iter::once(first..1000).collect(),
    };
    [
        recording(
            "slow drift",
            "a value creeps across 85 % in 1000 results, each off by up to a point; stratheal leaves at 83 % (`clear 83%`)",
            judged("used > 85% clear 83%", &values),
            Some(single.clone()),
        ),
        recording("slow drift, one threshold", "the same without `clear`", single, None),
    ]
}

/// All of them.
pub(crate) fn recordings() -> Vec<Recording> {
    let mut all = vec![
        recording("short blips", "one bad result now and then, 12 of 300; nothing is wrong", "(h24 c1)*12", &[]),
        recording(
            "double blips",
            "two bad results in a row, as many as are asked for; nothing is wrong",
            "(h98 c2)*3",
            &[],
        ),
        recording("dense blips", "every sixth result is bad; nothing is wrong", "h20 (h5 c1)*20 h20", &[]),
        recording("hard outage", "down for 60 results", "h60 c60 h60", &[(60, 120)]),
        recording("outage too short to confirm", "down for one result", "h60 c1 h60", &[(60, 61)]),
        recording(
            "outage with lucky answers",
            "down, but every fifth result is good",
            "h60 (c4 h1)*12 h60",
            &[(60, 119)],
        ),
        recording("slow flapping", "three bad, three good, and so on", "h60 (c3 h3)*20 h60", &[(60, 177)]),
        recording("fast flapping", "every second result is bad", "h60 (c1 h1)*30 h60", &[(60, 119)]),
        recording(
            "hard outage after flapping",
            "it flaps, steadies for ten results, and breaks for good",
            "h60 (c3 h3)*6 h10 c60 h60",
            &[(60, 93), (106, 166)],
        ),
        recording("bumpy recovery", "comes back with relapses of two results", "h60 c30 (h1 c2)*5 h60", &[(60, 105)]),
        recording(
            "blind spots",
            "the monitor itself cannot measure, four times; nothing is wrong",
            "h30 u1 h30 u3 h30 u10 h30 u2 h30",
            &[],
        ),
        recording(
            "blink in an outage",
            "the monitor cannot measure between bad results",
            "h30 c1 u2 c20 h30",
            &[(30, 53)],
        ),
        recording("blind at the start", "it breaks while the monitor cannot measure", "h30 u10 c20 h30", &[(30, 60)]),
        recording("warning turns critical", "two steps, 20 results each", "h30 w20 c20 h30", &[(30, 50), (50, 70)]),
        recording(
            "critical blips in a warning",
            "a warning that looks critical at times",
            "h30 (w9 c1)*6 h30",
            &[(30, 89)],
        ),
    ];
    let mut intermittent = recording(
        "three of five",
        "bad results come in threes of five; asked for 3 of the last 5 (a row of 3 where that cannot be said)",
        "h60 (c1 h1 c1 h1 c1)*12 h60",
        &[(60, 120)],
    );
    intermittent.settings = Settings { fail: 3, recover: 2, window: Some((3, 5)) };
    all.push(intermittent);
    all.extend(drift());
    all
}

#[test]
fn the_short_form_is_read_as_meant() {
    let letters = |text| results(text).iter().map(|s| s.as_str().chars().next().unwrap_or('?')).collect::<String>();
    assert_eq!(letters("h2 (c1 u2)*2 w1"), "hhcuucuuw");
}
