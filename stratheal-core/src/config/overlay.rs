//! Overlays: `[environments.NAME]` laid over the rest of the file.

use super::node::{Entry, Node, Table, Value};

/// Lays a table over another: tables are merged key by key, everything else is replaced.
pub(super) fn lay_over(base: &mut Table, overlay: &Table) {
    for entry in &overlay.entries {
        let Some(below) = base.entries.iter_mut().find(|below| below.key == entry.key) else {
            base.entries.push(entry.clone());
            continue;
        };
        match (&mut below.node.value, &entry.node.value) {
            (Value::Table(below), Value::Table(above)) => lay_over(below, above),
            _ => *below = entry.clone(),
        }
    }
}

/// Takes `environments` out of the root, and returns its entries.
pub(super) fn take_environments(root: &mut Table) -> Option<Entry> {
    let place = root.entries.iter().position(|entry| entry.key == "environments")?;
    Some(root.entries.remove(place))
}

/// The tables of the environments by name.
pub(super) fn environments(entry: &Entry) -> &[Entry] {
    match &entry.node {
        Node { value: Value::Table(table), .. } => &table.entries,
        _ => &[],
    }
}
