//! Real packages: an index on loopback that has them from the default index, once, and then needs nobody.

use super::candidate::{Candidate, Programs};
use super::scene::{Scene, Stage};
use crate::failure::Failure;
use crate::fetch::peers::{Peer, Server};
use crate::fetch::place::Place;

/// Sets, by name: what somebody would write down, with all that it requires in whichever version is the newest. Nobody requires the
/// last one.
pub(super) const SETS: [(&str, &[&str]); 3] = [
    ("service", &["fastapi[standard]", "sqlalchemy", "alembic", "pydantic-settings", "tenacity"]),
    ("science", &["numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "tenacity"]),
    ("site", &["django", "djangorestframework", "celery[redis]", "psycopg[binary]", "gunicorn", "tenacity"]),
];

/// Starts an index that has a set.
///
/// # Errors
/// When the default index does not answer.
pub(super) async fn index(place: &Place, programs: &Programs, requirements: &[String]) -> Result<Server, Failure> {
    let folder = place.fresh()?;
    let filling = Peer::Stratheal.start_with(&[], &folder).await?;
    let url = filling.url_with_login();
    let stage = Stage::new(programs, place, &url, requirements).await?;
    // Both, because one may look at what the other does not need.
    for candidate in [Candidate::Uv, Candidate::Ours] {
        stage.measure(Scene::Cold, candidate).await?;
    }
    filling.child.stop(None).await?;
    Peer::Stratheal.start_with(&["--offline"], &folder).await
}
