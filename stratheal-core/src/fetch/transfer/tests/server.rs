//! A server of one file that misbehaves as it is told to, and counts what it sent.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// What it does with one request.
#[derive(Debug, Clone, Default)]
pub(super) struct Behaviour {
    /// Before the head.
    pub(super) delay: Duration,
    /// Another status than a success, with these headers.
    pub(super) status: Option<(u16, &'static str)>,
    pub(super) ranges: Ranging,
    /// The body is cut after so many bytes.
    pub(super) cut: Option<u64>,
    /// After so many bytes nothing comes any more.
    pub(super) stall: Option<u64>,
    /// Bytes a second.
    pub(super) rate: Option<u64>,
    /// The byte at this place of the file is wrong.
    pub(super) flip: Option<usize>,
    /// The file ends here, and the head says so.
    pub(super) short: Option<usize>,
    pub(super) length: Length,
    /// The connection is reset before anything is sent.
    pub(super) reset: bool,
    /// No entity tag.
    pub(super) no_tag: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Ranging {
    #[default]
    Right,
    Absent,
    OtherStart,
    OtherTotal,
    Unsaid,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Length {
    #[default]
    Told,
    /// The end is that of the connection.
    Untold,
}

/// What was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The how-manieth request this is, from 0 on.
    pub(super) number: usize,
    pub(super) range: Option<(u64, Option<u64>)>,
}

type Behave = dyn Fn(&Asked) -> Behaviour + Send + Sync;

pub(super) struct FileServer {
    pub(super) address: std::net::SocketAddr,
    pub(super) shared: Arc<Served>,
    task: JoinHandle<()>,
}

pub(super) struct Served {
    content: Vec<u8>,
    behave: Box<Behave>,
    asked: Mutex<Vec<Asked>>,
    count: AtomicUsize,
    /// Bytes of bodies that were sent, and answers that are under way.
    sent: AtomicU64,
    busy: AtomicUsize,
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FileServer {
    pub(super) async fn start(content: &[u8], behave: impl Fn(&Asked) -> Behaviour + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Served {
            content: content.to_vec(),
            behave: Box::new(behave),
            asked: Mutex::default(),
            count: AtomicUsize::new(0),
            sent: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
        });
        let served = shared.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let served = served.clone();
                tokio::spawn(async move {
                    // A client that goes away ends the connection, and nothing else.
                    drop(serve(stream, &served).await);
                });
            }
        });
        Self { address, shared, task }
    }

    pub(super) fn url(&self) -> Url {
        format!("http://{}/files/demo", self.address).parse().unwrap()
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub(super) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    pub(super) fn busy(&self) -> usize {
        self.shared.busy.load(Ordering::SeqCst)
    }
}

async fn serve(mut stream: TcpStream, served: &Served) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        let mut byte = [0; 1];
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read(&mut byte).await? == 0 {
                return Ok(());
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let number = served.count.fetch_add(1, Ordering::SeqCst);
        let asked = Asked { number, range: range_of(&head) };
        served.asked.lock().unwrap().push(asked.clone());
        let behaviour = (served.behave)(&asked);
        if behaviour.reset {
            return stream.set_zero_linger();
        }
        tokio::time::sleep(behaviour.delay).await;
        served.busy.fetch_add(1, Ordering::SeqCst);
        let answered = answer(&mut stream, served, &asked, &behaviour).await;
        served.busy.fetch_sub(1, Ordering::SeqCst);
        if !answered? {
            return Ok(());
        }
    }
}

fn range_of(head: &str) -> Option<(u64, Option<u64>)> {
    let value = head.lines().find_map(|line| line.strip_prefix("range: bytes="))?;
    let (first, last) = value.split_once('-').unwrap();
    Some((first.parse().unwrap(), last.parse().ok()))
}

/// Whether the connection can be used again.
async fn answer(stream: &mut TcpStream, served: &Served, asked: &Asked, how: &Behaviour) -> std::io::Result<bool> {
    if let Some((status, headers)) = how.status {
        stream.write_all(format!("HTTP/1.1 {status} X\r\n{headers}content-length: 0\r\n\r\n").as_bytes()).await?;
        return Ok(true);
    }
    let mut content = served.content.clone();
    if let Some(place) = how.flip {
        content[place] ^= 1;
    }
    content.truncate(how.short.unwrap_or(content.len()));
    let total = content.len();
    let range = asked.range.filter(|_| how.ranges != Ranging::Absent);
    let (first, end) = range
        .map_or((0, total), |(first, last)| (first as usize, last.map_or(total, |last| total.min(last as usize + 1))));
    if first >= total && range.is_some() {
        stream
            .write_all(
                format!("HTTP/1.1 416 X\r\ncontent-range: bytes */{total}\r\ncontent-length: 0\r\n\r\n").as_bytes(),
            )
            .await?;
        return Ok(true);
    }
    let mut head = if range.is_some() { "HTTP/1.1 206 X\r\n" } else { "HTTP/1.1 200 X\r\n" }.to_owned();
    if range.is_some() {
        let said = match how.ranges {
            Ranging::OtherStart => format!("content-range: bytes {}-{}/{total}\r\n", first - 1, end - 2),
            Ranging::OtherTotal => format!("content-range: bytes {first}-{}/{}\r\n", end - 1, total + 7),
            Ranging::Unsaid => String::new(),
            Ranging::Right | Ranging::Absent => format!("content-range: bytes {first}-{}/{total}\r\n", end - 1),
        };
        head.push_str(&said);
    }
    match how.length {
        Length::Told => head.extend(["content-length: ", &(end - first).to_string(), "\r\n"]),
        Length::Untold => head.push_str("connection: close\r\n"),
    }
    if !how.no_tag {
        head.push_str("etag: \"v1\"\r\n");
    }
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    send(stream, served, &content[first..end], how).await
}

async fn send(stream: &mut TcpStream, served: &Served, body: &[u8], how: &Behaviour) -> std::io::Result<bool> {
    let step = how.rate.map_or(64 * 1024, |rate| (rate / 50).clamp(1, 64 * 1024)) as usize;
    let mut at = 0;
    let begun = tokio::time::Instant::now();
    while at < body.len() {
        let limit =
            [how.cut, how.stall].into_iter().flatten().min().map_or(body.len(), |limit| body.len().min(limit as usize));
        if at >= limit {
            if how.stall == Some(limit as u64) {
                // Until the client goes away.
                let mut rest = [0; 64];
                while stream.read(&mut rest).await? > 0 {}
            }
            return Ok(false);
        }
        let end = limit.min(at + step);
        stream.write_all(&body[at..end]).await?;
        served.sent.fetch_add((end - at) as u64, Ordering::SeqCst);
        at = end;
        if let Some(rate) = how.rate {
            tokio::time::sleep_until(begun + Duration::from_secs_f64(at as f64 / rate as f64)).await;
        }
    }
    Ok(how.length == Length::Told)
}
