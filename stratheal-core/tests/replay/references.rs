//! The reference rules in time: each looks at the targets of a world when it would.

use std::time::Duration;

use stratheal_core::engine::schedule::phase;

use crate::rule::{Contender, Rule, Settings};
use crate::world::{Message, World};

/// Nagios takes a result of a parent that is younger than this for fresh (`cached_service_check_horizon`).
const HORIZON: Duration = Duration::from_secs(15);

/// What is made of dependencies by those who know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dependencies {
    Ignored,
    /// A parent silences once its failure is confirmed.
    Hard,
    /// A parent silences from its first bad result on (`soft_state_dependencies`).
    Soft,
}

struct Watched {
    rule: Box<dyn Rule>,
    interval: Duration,
    retry: Duration,
    due: Duration,
    last: Option<Duration>,
}

/// Everything a contender tells in a world. A look takes no time; all start somewhere in their first interval.
pub(crate) fn watch(world: &World, contender: Contender, dependencies: Dependencies) -> Vec<Message> {
    let mut watched: Vec<Watched> = world
        .targets
        .iter()
        .map(|target| {
            let spec = target.spec();
            Watched {
                rule: contender.rule(Settings::DEFAULT),
                interval: spec.interval,
                retry: spec.retry_interval,
                due: phase(&target.id, spec.interval),
                last: None,
            }
        })
        .collect();
    let mut told = Vec::new();
    while let Some((next, now)) = watched.iter().map(|w| w.due).enumerate().min_by_key(|(_, due)| *due) {
        if now > world.end {
            break;
        }
        let parent = world.targets[next].parent.filter(|_| dependencies != Dependencies::Ignored);
        let parent_is_down =
            parent.is_some_and(|parent| watched[parent].rule.silences(dependencies == Dependencies::Soft));
        look(world, &mut watched, next, parent_is_down, now, &mut told);
        if let Some(parent) = parent
            && watched[next].rule.asks_parents()
            && watched[parent].last.is_none_or(|last| last + HORIZON <= now)
        {
            look(world, &mut watched, parent, false, now, &mut told);
        }
    }
    told
}

fn look(
    world: &World,
    watched: &mut [Watched],
    target: usize,
    parent_is_down: bool,
    now: Duration,
    told: &mut Vec<Message>,
) {
    let result = world.look(target, now);
    let watched = &mut watched[target];
    told.extend(watched.rule.take(result, parent_is_down).map(|what| (now, Some(target), what)));
    watched.last = Some(now);
    watched.due = now + if watched.rule.retries() { watched.retry } else { watched.interval };
}
