//! The engine's end of the keeper's socket.
//!
//! A task of its own holds the connection. When it breaks, it connects again, starts a keeper if there is none, and asks once more
//! whatever had not been answered: every request that is repeated means the same when it is done twice.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, timeout};

use super::keeper::{KeeperPlace, KeeperProgram};
use super::protocol::{Answer, Asked, Cleared, Event, LONGEST, Request, RunView, Said, VERSION};
use crate::base::fs::{FileLock, read_text};
use crate::base::socket::is_ours;

/// How long a keeper may take to answer at its socket.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long to wait after no keeper could be reached.
const RETRY: Duration = Duration::from_secs(1);
/// A keeper that is about to end may still accept a connection. So often and after such pauses it is tried again before anybody is told.
const QUICK_RETRIES: u32 = 40;
const QUICK_RETRY: Duration = Duration::from_millis(50);
/// Requests that may wait.
const WAITING: usize = 256;

/// What comes from the keeper.
#[derive(Debug)]
pub(super) enum News {
    /// Connected, and this is what runs.
    Up { runs: Vec<RunView>, cleared: Vec<Cleared> },
    /// Something happened.
    Event(Event),
    /// The connection broke.
    Down,
    /// No keeper can be reached or started; it is tried again.
    Unreachable(String),
    /// Another engine took over; nothing comes any more.
    Replaced,
}

type Waiting = (Request, oneshot::Sender<Answer>);

/// Asks the keeper, whichever connection there is.
#[derive(Debug, Clone)]
pub(super) struct Link {
    requests: mpsc::Sender<Waiting>,
}

impl Link {
    /// Connects to the keeper of a folder, and starts one if there is none.
    pub(super) fn open(place: KeeperPlace, program: KeeperProgram) -> (Self, mpsc::Receiver<News>) {
        let (requests, waiting) = mpsc::channel(WAITING);
        let (news, received) = mpsc::channel(WAITING);
        tokio::spawn(serve(place, program, waiting, news));
        (Self { requests }, received)
    }

    /// Asks, and waits for the answer however often the connection breaks meanwhile. `None` when the keeper serves another engine by
    /// now: then nothing is known of what was asked.
    pub(super) async fn ask(&self, request: Request) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        self.requests.send((request, reply)).await.ok()?;
        answer.await.ok()
    }
}

/// Why a connection ended.
enum Broken {
    /// Nobody asks any more.
    Unwanted,
    Replaced,
    Lost,
}

async fn serve(
    place: KeeperPlace,
    program: KeeperProgram,
    mut waiting: mpsc::Receiver<Waiting>,
    news: mpsc::Sender<News>,
) {
    let mut unanswered: BTreeMap<u64, Waiting> = BTreeMap::new();
    let mut next = 2;
    let mut failures = 0;
    loop {
        if waiting.is_closed() {
            return;
        }
        let reached = async {
            match reach(&place, &program).await {
                Ok(stream) => greet(stream).await,
                Err(error) => {
                    // That took its time already.
                    failures = failures.max(QUICK_RETRIES - 1);
                    Err(error.to_string())
                }
            }
        };
        let greeted = tokio::select! {
            greeted = reached => greeted,
            // A supervisor that has stopped must not replace the next one.
            () = news.closed() => return,
        };
        let (connection, runs, cleared) = match greeted {
            Ok(greeted) => greeted,
            Err(why) => {
                failures += 1;
                if failures == QUICK_RETRIES && news.send(News::Unreachable(why)).await.is_err() {
                    return;
                }
                sleep(if failures < QUICK_RETRIES { QUICK_RETRY } else { RETRY }).await;
                continue;
            }
        };
        failures = 0;
        if news.send(News::Up { runs, cleared }).await.is_err() {
            return;
        }
        let broken = converse(connection, &mut waiting, &mut unanswered, &mut next, &news).await;
        match broken {
            Broken::Unwanted => return,
            Broken::Replaced => {
                // The supervisor may have gone first.
                drop(news.send(News::Replaced).await);
                return;
            }
            Broken::Lost => {
                unanswered.retain(|_, (request, _)| !matches!(request, Request::Signal { .. } | Request::End { .. }));
                if news.send(News::Down).await.is_err() {
                    return;
                }
            }
        }
    }
}

struct Connection {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Connection {
    async fn write(&mut self, number: u64, request: &Request) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Asked { number, request: request.clone() })?;
        line.push(b'\n');
        self.writer.write_all(&line).await
    }
}

/// Reads a line. What was read stays in `line` when the future is dropped.
async fn read(reader: &mut BufReader<OwnedReadHalf>, line: &mut Vec<u8>) -> io::Result<Said> {
    let room = LONGEST.saturating_sub(line.len()) as u64;
    reader.take(room).read_until(b'\n', line).await?;
    if !line.ends_with(b"\n") {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let said = serde_json::from_slice(line)?;
    line.clear();
    Ok(said)
}

async fn converse(
    mut connection: Connection,
    waiting: &mut mpsc::Receiver<Waiting>,
    unanswered: &mut BTreeMap<u64, Waiting>,
    next: &mut u64,
    news: &mpsc::Sender<News>,
) -> Broken {
    unanswered.retain(|_, (_, reply)| !reply.is_closed());
    for (number, (request, _)) in &*unanswered {
        if connection.write(*number, request).await.is_err() {
            return Broken::Lost;
        }
    }
    let mut line = Vec::new();
    let mut ending = false;
    loop {
        tokio::select! {
            said = read(&mut connection.reader, &mut line) => match said {
                Ok(Said::Answer { number, answer }) => {
                    if let Some((request, reply)) = unanswered.remove(&number) {
                        ending |= matches!((&request, &answer), (Request::End { .. }, Answer::Done));
                        // Whoever asked may have gone.
                        drop(reply.send(answer));
                    }
                }
                Ok(Said::Event(Event::Replaced)) => return Broken::Replaced,
                Ok(Said::Event(event)) => {
                    if news.send(News::Event(event)).await.is_err() {
                        return Broken::Unwanted;
                    }
                }
                // It was asked to.
                Err(_) if ending => return Broken::Unwanted,
                Err(error) => {
                    tracing::debug!(%error, "the connection to the keeper broke");
                    return Broken::Lost;
                }
            },
            asked = waiting.recv() => {
                let Some((request, reply)) = asked else { return Broken::Unwanted };
                if reply.is_closed() {
                    // Whoever asked has given up meanwhile.
                    continue;
                }
                let number = *next;
                *next += 1;
                let written = connection.write(number, &request).await;
                unanswered.insert(number, (request, reply));
                if written.is_err() {
                    return Broken::Lost;
                }
            }
        }
    }
}

/// Introduces this engine and asks what runs.
async fn greet(stream: UnixStream) -> Result<(Connection, Vec<RunView>, Vec<Cleared>), String> {
    let (reader, writer) = stream.into_split();
    let mut connection = Connection { reader: BufReader::new(reader), writer };
    let greeting = async {
        connection.write(0, &Request::Hello { version: VERSION, pid: std::process::id() }).await?;
        connection.write(1, &Request::List).await?;
        let mut line = Vec::new();
        loop {
            match read(&mut connection.reader, &mut line).await? {
                Said::Answer { number: 1, answer } => return Ok(answer),
                Said::Answer { answer: Answer::Refused { why }, .. } => return Err(io::Error::other(why)),
                // What happens before the list is in the list.
                Said::Answer { .. } | Said::Event(_) => {}
            }
        }
    };
    match timeout(PATIENCE, greeting).await {
        Ok(Ok(Answer::Runs { runs, cleared })) => Ok((connection, runs, cleared)),
        Ok(Ok(_)) => Err("the keeper answers something else than was asked".to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the keeper does not answer".to_owned()),
    }
}

/// Connects, and starts a keeper if there is none.
async fn reach(place: &KeeperPlace, program: &KeeperProgram) -> io::Result<UnixStream> {
    beside(place, KeeperPlace::prepare).await?;
    let begun = Instant::now();
    let mut started: Option<tokio::process::Child> = None;
    let mut pause = Duration::from_millis(2);
    let mut ended = 0;
    loop {
        let error = match UnixStream::connect(place.socket()).await {
            Ok(stream) if !is_ours(&stream) => {
                let problem = format!("somebody else answers at {}", place.socket().display());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
            }
            Ok(stream) => {
                if let Some(mut child) = started {
                    // So that no zombie is left when it ends before this process does.
                    tokio::spawn(async move { child.wait().await.map(drop) });
                }
                return Ok(stream);
            }
            Err(error) => error,
        };
        let has_ended = match &mut started {
            Some(child) => child.try_wait()?.is_some(),
            None => true,
        };
        if has_ended {
            ended += u32::from(started.is_some());
            if ended > 2 {
                let said = beside(place, |place| Ok(last_words(&place.log()))).await?;
                return Err(io::Error::other(format!("the keeper ends at once: {said}")));
            }
            let program = program.clone();
            started = beside(place, move |place| {
                // Held only for a moment: it tells that nobody else holds it.
                let free = FileLock::try_acquire(&place.lock())?.is_some();
                if free { program.start(place).map(Some) } else { Ok(None) }
            })
            .await?;
        }
        if begun.elapsed() > PATIENCE {
            let socket = place.socket().display();
            return Err(io::Error::other(format!("a keeper is there, but does not answer at {socket}: {error}")));
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(100));
    }
}

/// Does something with files on a thread where it may block.
async fn beside<T: Send + 'static>(
    place: &KeeperPlace,
    work: impl FnOnce(&KeeperPlace) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let place = place.clone();
    tokio::task::spawn_blocking(move || work(&place)).await.map_err(io::Error::other)?
}

/// The last line of what the keeper said about itself.
fn last_words(path: &Path) -> String {
    let text = read_text(path, 4 << 20).unwrap_or_else(|error| error.to_string());
    text.lines().rfind(|line| !line.is_empty()).unwrap_or("it says nothing").to_owned()
}
