//! Recorded worlds: what is really the matter with many targets, second by second, whoever looks and whenever.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use stratheal_core::model::{CheckSpec, Status};

use crate::rule::Told;

/// One target and how often it is looked at.
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) interval: Duration,
    /// The target it cannot work without, by its place.
    pub(crate) parent: Option<usize>,
    /// When it is down, in seconds.
    pub(crate) down: Vec<Range<u64>>,
}

impl Target {
    fn new(id: String, interval: u64, down: Range<u64>) -> Self {
        Self { id, interval: Duration::from_secs(interval), parent: None, down: vec![down] }
    }

    fn is_down(&self, at: Duration) -> bool {
        self.down.iter().any(|down| down.contains(&at.as_secs()))
    }

    pub(crate) fn spec(&self) -> CheckSpec {
        CheckSpec::every(self.interval)
    }
}

/// Worlds that differ only in when things happen, so that no contender is lucky with its schedule.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) worlds: Vec<Arc<World>>,
}

pub(crate) struct World {
    pub(crate) targets: Vec<Target>,
    /// When nothing at all can be measured, in seconds.
    pub(crate) blind: Range<u64>,
    /// The targets whose own fault it is. What their children suffer is no news.
    pub(crate) roots: Vec<usize>,
    pub(crate) end: Duration,
}

/// One thing told: when, of which target (or of the monitor itself), what.
pub(crate) type Message = (Duration, Option<usize>, Told);

impl World {
    /// What a check would find.
    pub(crate) fn look(&self, target: usize, at: Duration) -> Status {
        if self.blind.contains(&at.as_secs()) {
            Status::Unknown
        } else if self.targets[target].is_down(at) {
            Status::Critical
        } else {
            Status::Healthy
        }
    }

    pub(crate) fn score(&self, told: &[Message]) -> WorldScore {
        let alerts = || told.iter().filter(|(.., told)| told.is_alert());
        let blames_the_innocent =
            |at: &Duration, target: &Option<usize>| target.is_some_and(|target| !self.targets[target].is_down(*at));
        let mut score = WorldScore {
            alerts: alerts().count(),
            false_alerts: alerts().filter(|(at, target, _)| blames_the_innocent(at, target)).count(),
            ..WorldScore::default()
        };
        for root in &self.roots {
            let concerns =
                |target: &usize| target == root || self.targets[*target].parent.is_some_and(|parent| parent == *root);
            for incident in &self.targets[*root].down {
                let first = alerts()
                    .find(|(at, target, _)| incident.contains(&at.as_secs()) && target.as_ref().is_some_and(concerns));
                match first {
                    Some((at, ..)) => score.delays.push(at.abs_diff(Duration::from_secs(incident.start))),
                    None => score.missed += 1,
                }
            }
        }
        score
    }
}

/// The balance of one contender in one world.
#[derive(Debug, Clone, Default)]
pub(crate) struct WorldScore {
    pub(crate) alerts: usize,
    pub(crate) false_alerts: usize,
    pub(crate) missed: usize,
    /// From the beginning of each incident that was told to the first word of it.
    pub(crate) delays: Vec<Duration>,
}

impl WorldScore {
    pub(crate) fn add(&mut self, other: Self) {
        self.alerts += other.alerts;
        self.false_alerts += other.false_alerts;
        self.missed += other.missed;
        self.delays.extend(other.delays);
    }

    pub(crate) fn worst_delay(&self) -> Option<Duration> {
        self.delays.iter().max().copied()
    }

    fn mean_delay(&self) -> Option<Duration> {
        let count = u32::try_from(self.delays.len()).ok().filter(|count| *count > 0)?;
        Some(self.delays.iter().sum::<Duration>() / count)
    }
}

impl std::fmt::Display for WorldScore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.alerts)?;
        if self.false_alerts > 0 {
            write!(f, ", {} false", self.false_alerts)?;
        }
        if self.missed > 0 {
            write!(f, ", {} missed", self.missed)?;
        }
        let (Some(mean), Some(worst)) = (self.mean_delay(), self.worst_delay()) else { return Ok(()) };
        write!(f, "; {:.0} s", worst.as_secs_f64())?;
        if self.delays.len() > 1 {
            write!(f, " (mean {:.0} s)", mean.as_secs_f64())?;
        }
        Ok(())
    }
}

/// How often a scene is played.
pub(crate) const TIMES: usize = 5;

/// A parent with thirty children, all down from `start` for three minutes; each child comes back `lag` after the one before.
fn family(parent: u64, children: u64, start: u64, lag: u64) -> World {
    let down = start..start + 180;
    let mut targets = vec![Target::new("database".to_owned(), parent, down.clone())];
    targets.extend((0..30).map(|number| Target {
        parent: Some(0),
        ..Target::new(format!("service-{number}"), children, start..down.end + lag * number)
    }));
    World { targets, blind: 0..0, roots: vec![0], end: Duration::from_secs(start + 400) }
}

/// Twenty targets that have nothing to do with each other, each down once, a little later than the one before.
fn strangers(start: u64, lasting: u64) -> World {
    let target = |number: u64| {
        let start = start + 7 * number;
        Target::new(format!("host-{number}"), 30, start..start + lasting)
    };
    let end = Duration::from_secs(start + 140 + lasting + 200);
    World { targets: (0..20).map(target).collect(), blind: 0..0, roots: (0..20).collect(), end }
}

/// Everything works, and for five minutes nobody can see that.
fn blind(start: u64) -> World {
    let mut world = family(30, 10, 0, 0);
    for target in &mut world.targets {
        target.down.clear();
    }
    World { blind: start..start + 300, roots: Vec::new(), end: Duration::from_secs(start + 400), ..world }
}

pub(crate) fn scenes() -> Vec<Scene> {
    let scene = |name, about, world: &dyn Fn(u64) -> World| Scene {
        name,
        about,
        worlds: (0..TIMES as u64).map(|time| Arc::new(world(120 + 7 * time))).collect(),
    };
    vec![
        scene("cascade", "a parent (30 s) takes 30 children (10 s) down with it", &|start| family(30, 10, start, 0)),
        scene("cascade, parent looked at rarely", "the parent every 60 s, its 30 children every 10 s", &|start| {
            family(60, 10, start, 0)
        }),
        scene("cascade, children looked at rarely", "the parent every 10 s, its 30 children every 60 s", &|start| {
            family(10, 60, start, 0)
        }),
        scene(
            "recovery storm",
            "as the first; then the children come back one by one, 2 s apart, the last 58 s after the parent",
            &|start| family(30, 10, start, 2),
        ),
        scene("outages", "20 targets (30 s), each down for 5 minutes", &|start| strangers(start, 300)),
        scene("short outages", "20 targets (30 s), each down for 15 seconds", &|start| strangers(start, 15)),
        scene("blinks", "20 targets (30 s), each down for 5 seconds", &|start| strangers(start, 5)),
        scene("blind monitor", "for 5 minutes nothing can be measured; all 31 targets work", &blind),
    ]
}
