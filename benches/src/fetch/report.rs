//! All parts, one after the other.

use super::client::Clients;
use super::faults;
use super::place::Place;
use super::settings::Settings;
use crate::failure::Failure;
use crate::program::say;

/// Runs what is wanted and prints a table for each part.
///
/// # Errors
/// When a part cannot be run at all.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let clients = Clients::new()?;
    let place = Place::new()?;
    if settings.wants("faults") {
        say(&faults::measure(settings, &clients, &place).await?)?;
    }
    Ok(())
}
