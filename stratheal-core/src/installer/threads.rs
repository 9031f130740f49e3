//! What the installer's futures may do: change threads. Whoever embeds it has a runtime with several, and spawns them there.

use std::path::Path;

use super::requirement::Wanted;
use super::{
    Environment, InstallRequest, Installer, PlanOptions, Planned, RepairOptions, ResolveOptions, Subject, VerifyOptions,
};
use crate::index::ProjectName;

fn is_send<T: Send>(_: &T) {}

/// It is compiled, and that is the test.
#[expect(dead_code, clippy::too_many_arguments, reason = "nobody needs to call it")]
fn all(
    installer: &Installer,
    path: &Path,
    environment: &Environment,
    subject: &Subject,
    request: &InstallRequest,
    planned: Planned,
    wanted: &Wanted,
    (resolve, names): (&ResolveOptions, &[ProjectName]),
) {
    is_send(&installer.environment(path, path));
    is_send(&installer.environment_to_rebuild(path, Some(path), path));
    is_send(&installer.planned(environment, request));
    is_send(&installer.planned_ahead(environment, request));
    is_send(&installer.carry_out(environment, planned, PlanOptions::default()));
    is_send(&installer.uninstall(environment, names));
    is_send(&installer.resolve(environment, wanted, resolve, path));
    is_send(&installer.subject(path));
    is_send(&installer.verify(subject, &VerifyOptions::default()));
    is_send(&installer.repair_plan(subject, &RepairOptions::default()));
    is_send(&installer.repair(subject, &RepairOptions::default()));
    is_send(&installer.settled());
}
