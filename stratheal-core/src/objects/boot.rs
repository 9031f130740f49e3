//! Which start of the machine this is.
//!
//! Nothing that is stored is synced to the disk: a package index is there to give it again, and a sync costs more than the write.
//! A process that dies loses nothing by that; a power loss may leave files of the right size that are full of zeros. So what was
//! known to be good under another boot id is hashed once more before it is believed. Source: proc(5),
//! `sys/kernel/random/boot_id`.

use std::sync::Arc;

use crate::base::fs::read_text;

/// The id of this start, or `None` where the system does not tell: then nothing is believed from one process to the next.
pub(crate) fn id() -> Option<Arc<str>> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let text = read_text("/proc/sys/kernel/random/boot_id".as_ref(), 128);
    let text =
        text.inspect_err(|error| tracing::debug!(%error, "no boot id: every process hashes what it uses")).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}
