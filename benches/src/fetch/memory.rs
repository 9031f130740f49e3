//! What a server of ours and of others needs while one wheel of a gigabyte goes through.

use std::time::Duration;

use stratheal_core::testing::faulty_index::{Content, FaultyIndex, Package};
use tokio::time::{Instant, timeout};

use super::http;
use super::peers::Peer;
use super::place::Place;
use crate::failure::Failure;
use crate::proc;
use crate::table::Table;

const PROJECT: &str = "huge";
const FILE: &str = "huge-1.0-py3-none-any.whl";
const PAYLOAD: u64 = 1_000_000_000;
/// How long it may take.
const LIMIT: Duration = Duration::from_mins(2);

/// Measures all servers.
///
/// # Errors
/// When the index cannot be started.
pub async fn measure(place: &Place) -> Result<String, Failure> {
    // Made while it is sent: this process does not hold it either.
    let index = FaultyIndex::start(Content::new([Package::new(PROJECT, "1.0").payload(PAYLOAD)]), Vec::new()).await?;
    let mut table = Table::new(&["server", "peak memory", "s, cold", "s, warm"]);
    for peer in Peer::ALL {
        let measured = timeout(LIMIT, of(peer, &index, place)).await;
        table.row(match measured {
            Ok(Ok(cells)) => cells,
            Ok(Err(failure)) => vec![peer.name().to_owned(), failure.to_string()],
            Err(_) => vec![peer.name().to_owned(), format!("not there after {} s", LIMIT.as_secs())],
        });
    }
    Ok(table.to_string())
}

async fn of(peer: Peer, index: &FaultyIndex, place: &Place) -> Result<Vec<String>, Failure> {
    let folder = place.fresh()?;
    let server = peer.start(&index.url(), &folder).await?;
    let page = format!("{}{PROJECT}/", server.simple);
    let text = server.connect().await?.text(&page).await?;
    let file = http::link(&text, &page, FILE)?;
    let mut times = Vec::new();
    for _ in 0..2 {
        let began = Instant::now();
        let answer = server.connect().await?.drain(&file).await?;
        if answer.status != 200 || answer.bytes < PAYLOAD {
            return Err(Failure::new(format!("{} with {} bytes", answer.status, answer.bytes)));
        }
        times.push(format!("{:.1}", began.elapsed().as_secs_f64()));
    }
    // The highest of all its processes.
    let peak = proc::peak_of_tree(server.child.id());
    server.child.stop(None).await?;
    let mut cells = vec![peer.name().to_owned(), format!("{:.0} MB", peak as f64 / 1e6)];
    cells.extend(times);
    Ok(cells)
}
