//! Dependencies between checks: order, cycles, and the root cause of a failure. Pure.
//!
//! Dependencies are joined by AND; those of one group stand in for each other (OR). The default is AND, because the tool that once
//! defaulted to OR had to take it back: a forgotten group name silently hid failures.

use std::collections::HashMap;

use crate::base::suggest::nearest;
use crate::model::{CheckId, Dependency};

/// Why dependencies make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A parent does not exist.
    #[error("check `{check}` depends on `{parent}`, which does not exist{}", suggestion.as_ref().map(|near| format!(": did you mean `{near}`?")).unwrap_or_default())]
    Missing {
        /// The check.
        check: CheckId,
        /// The parent.
        parent: CheckId,
        /// An existing check with a similar name.
        suggestion: Option<String>,
    },
    /// Checks depend on each other in a circle.
    #[error("checks depend on each other in a circle: {}", path.iter().map(CheckId::as_str).collect::<Vec<_>>().join(" -> "))]
    Cycle {
        /// The circle; its first and last are the same.
        path: Vec<CheckId>,
    },
}

/// So many missing parents come with a suggestion.
const MOST_SUGGESTIONS: usize = 20;

/// Who depends on whom, by the callers' own numbers for checks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    parents: HashMap<u32, Vec<Edge>>,
    children: HashMap<u32, Vec<u32>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    parent: u32,
    group: Option<String>,
}

impl Graph {
    /// Builds the graph of checks that are given with their number, id and dependencies.
    ///
    /// # Errors
    /// Every [`GraphError`] there is: all missing parents, else the first circle.
    pub fn build<'a>(
        checks: impl Iterator<Item = (u32, &'a CheckId, &'a [Dependency])> + Clone,
    ) -> Result<Self, Vec<GraphError>> {
        let mut graph = Self::default();
        if checks.clone().all(|(.., dependencies)| dependencies.is_empty()) {
            return Ok(graph);
        }
        let ids: HashMap<&CheckId, u32> = checks.clone().map(|(number, id, _)| (id, number)).collect();
        let names: HashMap<u32, &CheckId> = checks.clone().map(|(number, id, _)| (number, id)).collect();
        let mut errors = Vec::new();
        for (number, id, dependencies) in checks {
            for dependency in dependencies {
                let Some(&parent) = ids.get(&dependency.on) else {
                    // Comparing with every id takes time, and nobody reads hundreds of suggestions.
                    let candidates = ids.keys().map(|id| id.as_str()).filter(|_| errors.len() < MOST_SUGGESTIONS);
                    let suggestion = nearest(dependency.on.as_str(), candidates).map(str::to_owned);
                    errors.push(GraphError::Missing { check: id.clone(), parent: dependency.on.clone(), suggestion });
                    continue;
                };
                let edge = Edge { parent, group: dependency.group.clone() };
                let edges = graph.parents.entry(number).or_default();
                if !edges.contains(&edge) {
                    edges.push(edge);
                    graph.children.entry(parent).or_default().push(number);
                }
            }
        }
        if errors.is_empty()
            && let Some(circle) = graph.circle()
        {
            let path = circle.into_iter().filter_map(|number| names.get(&number).map(|id| (*id).clone())).collect();
            errors.push(GraphError::Cycle { path });
        }
        if errors.is_empty() { Ok(graph) } else { Err(errors) }
    }

    /// A circle, if there is one. Depth-first without recursion, because a chain can be as long as the configuration.
    fn circle(&self) -> Option<Vec<u32>> {
        let mut finished = std::collections::HashSet::new();
        let mut starts: Vec<_> = self.parents.keys().copied().collect();
        starts.sort_unstable();
        for start in starts {
            let mut path = vec![(start, 0)];
            while let Some((node, next)) = path.last_mut() {
                let node = *node;
                if let Some(edge) = self.parents.get(&node).and_then(|edges| edges.get(*next)) {
                    *next += 1;
                    let parent = edge.parent;
                    if let Some(place) = path.iter().position(|(on_path, _)| *on_path == parent) {
                        let mut circle: Vec<_> = path[place..].iter().map(|(number, _)| *number).collect();
                        circle.push(parent);
                        return Some(circle);
                    }
                    if !finished.contains(&parent) {
                        path.push((parent, 0));
                    }
                } else {
                    finished.insert(node);
                    path.pop();
                }
            }
        }
        None
    }

    /// The direct parents of a check.
    pub fn parents(&self, check: u32) -> impl Iterator<Item = u32> + '_ {
        self.parents.get(&check).into_iter().flatten().map(|edge| edge.parent)
    }

    /// The direct children of a check.
    #[must_use]
    pub fn children(&self, check: u32) -> &[u32] {
        self.children.get(&check).map_or(&[], Vec::as_slice)
    }

    /// Every check that depends on this one, directly or not, nearest first.
    #[must_use]
    pub fn descendants(&self, check: u32) -> Vec<u32> {
        let mut found: Vec<u32> = self.children(check).to_vec();
        let mut known: std::collections::HashSet<u32> = found.iter().copied().collect();
        let mut next = 0;
        while let Some(&node) = found.get(next) {
            next += 1;
            found.extend(self.children(node).iter().copied().filter(|child| known.insert(*child)));
        }
        found
    }

    /// The root cause of a failing check: the nearest ancestor that is down and whose own dependencies hold.
    ///
    /// `down` tells whether a check is known to be down by its own measurements.
    pub fn root_cause(&self, check: u32, down: &impl Fn(u32) -> bool) -> Option<u32> {
        // Each step goes to a parent, and there is no circle, so the walk ends.
        let mut root = None;
        let mut at = check;
        while let Some(parent) = self.failing_dependency(at, down) {
            root = Some(parent);
            at = parent;
        }
        root
    }

    /// A parent that is down and whose dependency therefore fails: any outside a group, or the first of a group all of whose
    /// members are down.
    fn failing_dependency(&self, check: u32, down: &impl Fn(u32) -> bool) -> Option<u32> {
        let edges = self.parents.get(&check)?;
        edges.iter().find_map(|edge| {
            let fails = match &edge.group {
                None => down(edge.parent),
                Some(_) => edges.iter().filter(|other| other.group == edge.group).all(|other| down(other.parent)),
            };
            fails.then_some(edge.parent)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u32) -> CheckId {
        CheckId::new(&format!("c{number}")).unwrap()
    }

    fn graph(edges: &[(u32, u32, Option<&str>)], size: u32) -> Result<Graph, Vec<GraphError>> {
        let checks: Vec<(u32, CheckId, Vec<Dependency>)> = (0..size)
            .map(|number| {
                let own = edges.iter().filter(|(child, ..)| *child == number);
                let on = own.map(|(_, parent, group)| Dependency { on: id(*parent), group: group.map(str::to_owned) });
                (number, id(number), on.collect())
            })
            .collect();
        Graph::build(checks.iter().map(|(number, id, on)| (*number, id, on.as_slice())))
    }

    #[test]
    fn the_root_is_the_farthest_failing_ancestor_in_an_unbroken_line() {
        let chain = graph(&[(1, 0, None), (2, 1, None), (3, 2, None)], 4).unwrap();
        assert_eq!(chain.root_cause(3, &|n| n < 3), Some(0));
        assert_eq!(chain.root_cause(3, &|n| n == 2), Some(2));
        assert_eq!(chain.root_cause(3, &|_| false), None);
        assert_eq!(chain.descendants(0), [1, 2, 3]);
    }

    #[test]
    fn a_group_fails_only_as_a_whole() {
        let pair = graph(&[(2, 0, Some("db")), (2, 1, Some("db"))], 3).unwrap();
        assert_eq!(pair.root_cause(2, &|n| n == 0), None);
        assert_eq!(pair.root_cause(2, &|n| n < 2), Some(0));
    }

    #[test]
    fn a_circle_and_a_missing_parent_are_named() {
        let circle = graph(&[(0, 1, None), (1, 2, None), (2, 0, None)], 3).unwrap_err();
        assert_eq!(circle[0].to_string(), "checks depend on each other in a circle: c0 -> c1 -> c2 -> c0");
        let missing = graph(&[(0, 12, None)], 2).unwrap_err();
        assert!(missing[0].to_string().starts_with("check `c0` depends on `c12`, which does not exist"), "{missing:?}");
    }

    proptest! {
        #[test]
        fn in_any_acyclic_graph_the_root_is_down_and_stands_on_firm_ground(
            edges in proptest::collection::vec((1..30_u32, 0..29_u32), 0..80),
            downs in proptest::collection::vec(any::<bool>(), 30),
        ) {
            let edges: Vec<_> = edges.into_iter().filter(|(child, parent)| parent < child).map(|(c, p)| (c, p, None)).collect();
            let graph = graph(&edges, 30).unwrap();
            let down = |n: u32| downs[n as usize];
            for check in 0..30 {
                if let Some(root) = graph.root_cause(check, &down) {
                    prop_assert!(down(root));
                    prop_assert!(!graph.parents(root).any(down));
                } else {
                    prop_assert!(!graph.parents(check).any(down));
                }
            }
        }
    }
}
