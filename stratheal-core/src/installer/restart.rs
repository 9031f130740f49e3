//! What a power loss may have taken.
//!
//! A change is not synced: that would take longer than the change. A process that dies loses nothing by it; a machine that does may
//! find files empty which were written in its last half minute. So the start of the machine under which an environment was changed
//! last is noted, and under another one every file is looked at once, and put back where it is damaged.

use std::io;

use super::engine::Installer;
use super::environment::Environment;
use super::error::InstallError;
use super::event::InstallEvent;
use super::repair::RepairOptions;
use super::switch::Register;
use super::verify::Subject;
use crate::base::fs::{read_text, replace_unsynced};
use crate::objects::boot;

/// The longest note that is read, in bytes.
const LONGEST: u64 = 256;

/// Notes that an environment was changed under this start of the machine. Without the note nothing is looked at.
pub(super) fn note(register: &Register) {
    let Some(id) = boot::id() else { return };
    if let Err(error) = replace_unsynced(&register.boot(), id.as_bytes()) {
        tracing::debug!(%error, "after a restart this environment will not be looked at by itself");
    }
}

/// Whether the machine was restarted since an environment was changed last.
fn is_due(register: &Register) -> io::Result<bool> {
    match read_text(&register.boot(), LONGEST) {
        // An empty note is what a power loss leaves of one.
        Ok(before) => Ok(boot::id().is_some_and(|now| *now != *before.trim())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(true),
        Err(error) => Err(error),
    }
}

impl Installer {
    /// Looks at every file of an environment that was changed before the machine was restarted, and puts back what is damaged. Otherwise
    /// it reads one small file.
    ///
    /// # Cancellation
    /// As for [`Installer::repair`]; the next one begins again.
    pub(super) async fn after_restart(&self, environment: &Environment) -> Result<(), InstallError> {
        if !environment.exists {
            return Ok(());
        }
        let storage = |source| InstallError::storage("look whether the machine was restarted", source);
        let register = Register::open(self.state(), environment.root()).map_err(storage)?;
        if !is_due(&register).map_err(storage)? {
            return Ok(());
        }
        let repaired = self.repair(&Subject::from(environment), &RepairOptions { full: true }).await?;
        let (mended, unmended) = (repaired.mended.len(), repaired.unmended.len());
        self.tell(InstallEvent::Restarted { files: repaired.verified.files, mended, unmended });
        note(&register);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_start_is_a_reason() {
        if boot::id().is_none() {
            return crate::testing::skipped("environments after a restart", "this system has no boot id");
        }
        let state = tempfile::tempdir().unwrap();
        let register = Register::open(state.path(), "/env".as_ref()).unwrap();
        assert!(!is_due(&register).unwrap(), "nobody changed it");
        note(&register);
        assert!(!is_due(&register).unwrap(), "the same start");
        for text in ["", "another-start\n", "\0\0\0"] {
            std::fs::write(register.boot(), text).unwrap();
            assert!(is_due(&register).unwrap(), "{text:?}");
        }
    }
}
