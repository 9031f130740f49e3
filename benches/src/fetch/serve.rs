//! Requests a second, and how long one takes, of pages and files that a server has already.

use std::time::Duration;

use stratheal_core::testing::faulty_index::{Content, FaultyIndex, Package};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::http::{self, Connection};
use super::peers::{Peer, Server};
use super::place::Place;
use crate::failure::Failure;
use crate::program::say;
use crate::quantile::quantile;
use crate::table::Table;

/// How long each is asked.
const MEASURED: Duration = Duration::from_secs(4);
/// Connections at once.
const CONNECTIONS: usize = 8;
/// The project that is asked for.
const PROJECT: &str = "busy";
/// Its newest file, of 100 kB.
const FILE: &str = "busy-40.0-py3-none-any.whl";

/// What a server did under load.
#[derive(Debug, Clone, Copy)]
struct Load {
    per_second: f64,
    median: Duration,
}

/// Measures all servers.
///
/// # Errors
/// When the index or our own server cannot be started.
pub async fn measure(place: &Place) -> Result<String, Failure> {
    let releases = (1..=40).map(|number| Package::new(PROJECT, &format!("{number}.0")).payload(100_000));
    let index = FaultyIndex::start(Content::new(releases), Vec::new()).await?;
    let mut table = Table::new(&["server", "page/s", "page p50", "file/s", "file p50", "metadata/s"]);
    for peer in Peer::ALL {
        table.row(match of(peer, &index, place).await {
            Ok(cells) => cells,
            Err(failure) => vec![peer.name().to_owned(), failure.to_string()],
        });
    }
    Ok(table.to_string())
}

async fn of(peer: Peer, index: &FaultyIndex, place: &Place) -> Result<Vec<String>, Failure> {
    let server = peer.start(&index.url(), &place.fresh()?).await?;
    let page = format!("{}{PROJECT}/", server.simple);
    let text = server.connect().await?.text(&page).await?;
    let file = http::link(&text, &page, FILE)?;
    let mut cells = vec![peer.name().to_owned()];
    for path in [&page, &file] {
        match load(&server, path).await {
            Ok(load) => {
                cells.push(format!("{:.0}", load.per_second));
                cells.push(format!("{:.2} ms", load.median.as_secs_f64() * 1e3));
            }
            Err(failure) => {
                say(&format!("{} fails under load: {failure}", peer.name()))?;
                cells.extend(["failed".to_owned(), String::new()]);
            }
        }
    }
    let metadata = load(&server, &format!("{file}.metadata")).await;
    cells.push(metadata.map_or_else(|_| "-".to_owned(), |load| format!("{:.0}", load.per_second)));
    server.child.stop(None).await?;
    Ok(cells)
}

async fn load(server: &Server, path: &str) -> Result<Load, Failure> {
    // Once before, so that it is there.
    warm(server, path).await?;
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for _ in 0..CONNECTIONS {
        tasks.spawn(ask(server.connect().await?, path.to_owned(), began + MEASURED));
    }
    let mut times = Vec::new();
    while let Some(asked) = tasks.join_next().await {
        times.extend(asked.map_err(|error| Failure::new(error.to_string()))??);
    }
    let per_second = times.len() as f64 / began.elapsed().as_secs_f64();
    // How long one takes is asked without a crowd: in a crowd it is the number of connections by the rate.
    let mut alone = ask(server.connect().await?, path.to_owned(), Instant::now() + MEASURED / 4).await?;
    let median = quantile(&mut alone, 0.5).ok_or_else(|| Failure::new("nothing was answered"))?;
    Ok(Load { per_second, median: Duration::from_secs_f64(median) })
}

async fn warm(server: &Server, path: &str) -> Result<(), Failure> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = server.connect().await?.drain(path).await?;
        match answer.status {
            200 => return Ok(()),
            // Some send the first one elsewhere, until they have it.
            301 | 302 | 307 if Instant::now() < until => tokio::time::sleep(Duration::from_millis(200)).await,
            status => return Err(Failure::new(format!("{path}: {status}, {:?}", answer.location))),
        }
    }
}

/// How long each request took, in seconds.
async fn ask(mut connection: Connection, path: String, until: Instant) -> Result<Vec<f64>, Failure> {
    let mut times = Vec::new();
    while Instant::now() < until {
        let began = Instant::now();
        match connection.drain(&path).await {
            Ok(answer) if answer.status == 200 => times.push(began.elapsed().as_secs_f64()),
            Ok(answer) => return Err(Failure::new(format!("{path}: {}", answer.status))),
            // Some end a connection after so many requests.
            Err(_) => connection = connection.again().await?,
        }
    }
    Ok(times)
}
