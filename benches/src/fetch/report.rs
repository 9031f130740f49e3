//! All parts, one after the other.

use super::client::Clients;
use super::place::Place;
use super::settings::Settings;
use super::{faults, install, kill, memory, serve};
use crate::failure::Failure;
use crate::program::say;

/// Runs what is wanted and prints a table for each part.
///
/// # Errors
/// When a part cannot be run at all.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let clients = Clients::new()?;
    let place = Place::new()?;
    if settings.wants("install") {
        say(&install::measure(settings, &clients, &place).await?)?;
    }
    if settings.wants("serve") {
        say(&serve::measure(&place).await?)?;
    }
    if settings.wants("kill") {
        say(&kill::measure(&clients, &place).await?)?;
    }
    if settings.wants("memory") {
        say(&memory::measure(&place).await?)?;
    }
    if settings.wants("faults") {
        say(&faults::measure(settings, &clients, &place).await?)?;
    }
    Ok(())
}
