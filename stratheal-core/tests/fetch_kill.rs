//! Transfers that are killed: what arrived is continued by the next process, and the store stays whole.
//!
//! This binary starts itself again as the process that is killed (see `child`).
#![cfg(all(unix, feature = "fetch"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use stratheal_core::fetch::{Event, Fetcher, FileOrigin, FileRequest};
use stratheal_core::index::{Chain, CoreMetadata, Hashes, IndexFile, Member, Source, Trust, Yanked};
use stratheal_core::objects::{ContentId, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

const FOLDER: &str = "STRATHEAL_TEST_FETCH_FOLDER";
const PLACE: &str = "STRATHEAL_TEST_FETCH_URL";

const CONTENT: &str = "STRATHEAL_TEST_FETCH_CONTENT";

const SIZE: usize = 20_000_000;
/// What may be fetched twice for each kill: what was not written down yet, and what was on its way.
const CHUNK: u64 = 1 << 20;

/// Bytes that are nowhere the same.
fn content() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..SIZE).map(|_| next()).collect()
}

/// A server of one file, with ranges, at a steady rate for each connection.
#[derive(Debug)]
struct Server {
    url: String,
    sent: Arc<AtomicU64>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    async fn start(content: Arc<Vec<u8>>, rate: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/files/demo-1.tar.bz2", listener.local_addr().unwrap());
        let (sent, requests) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (sent.clone(), requests.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (content, (sent, requests)) = (content.clone(), counts.clone());
                tokio::spawn(async move {
                    requests.fetch_add(1, Ordering::SeqCst);
                    // A client that was killed ends the connection, and nothing else.
                    drop(serve(stream, &content, rate, &sent).await);
                });
            }
        });
        Self { url, sent, requests }
    }
}

async fn serve(mut stream: TcpStream, content: &[u8], rate: u64, sent: &AtomicU64) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes=")).map(|value| {
        let (first, last) = value.split_once('-').unwrap();
        (first.parse::<usize>().unwrap(), last.parse::<usize>().map_or(content.len(), |last| last + 1))
    });
    let (start, end) = range.unwrap_or((0, content.len()));
    let status = if range.is_some() {
        format!("206 X\r\ncontent-range: bytes {start}-{}/{}", end - 1, content.len())
    } else {
        "200 X".to_owned()
    };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", end - start);
    stream.write_all(head.as_bytes()).await?;
    let begun = Instant::now();
    for (number, piece) in content[start..end].chunks(16 * 1024).enumerate() {
        stream.write_all(piece).await?;
        sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
        let due = (number * 16 * 1024 + piece.len()) as f64 / rate as f64;
        tokio::time::sleep_until(begun + Duration::from_secs_f64(due)).await;
    }
    Ok(())
}

fn request(url: &str, id: ContentId, size: usize) -> FileRequest {
    let file = IndexFile {
        name: "demo-1.tar.bz2".to_owned(),
        url: url.parse().unwrap(),
        hashes: Hashes { sha256: Some(id), ..Hashes::default() },
        size: Some(size as u64),
        upload_time: None,
        requires_python: None,
        yanked: Yanked::No,
        core_metadata: CoreMetadata::Absent,
        gpg_sig: None,
        provenance: None,
        unknown: serde_json::Map::new(),
    };
    FileRequest { source: "default".into(), project: "demo".parse().unwrap(), file }
}

fn fetcher(folder: &Path, url: &str) -> Fetcher {
    let base = url.parse::<url::Url>().unwrap().join("/simple/").unwrap();
    let member = Member { url: base, trust: Trust::Pages };
    let source = Source { name: "default".to_owned(), members: vec![member], only: Vec::new(), immutable: true };
    Fetcher::builder(Chain { sources: vec![source] }, folder.to_owned()).build().unwrap()
}

#[tokio::test]
#[ignore = "what the other tests start as a process of its own"]
async fn child() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("started by another test"));
    let url = std::env::var(PLACE).unwrap();
    let fetcher = fetcher(&folder, &url);
    let mut events = fetcher.events();
    tokio::spawn(async move {
        let mut out = std::io::stdout();
        while let Ok(event) = events.recv().await {
            match event {
                Event::FileStarted { resumed_at, .. } => writeln!(out, "\nresumed {resumed_at}").unwrap(),
                Event::FileProgress { received, .. } => writeln!(out, "received {received}").unwrap(),
                _ => {}
            }
        }
    });
    let wanted = std::env::var(CONTENT).unwrap();
    let (id, size) = wanted.split_once(' ').unwrap();
    fetcher.file(&request(&url, id.parse().unwrap(), size.parse().unwrap())).await.unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    writeln!(std::io::stdout(), "most memory: {}", most.unwrap_or("not told").trim()).unwrap();
}

fn start(folder: &Path, url: &str, id: ContentId, size: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "--exact", "--ignored", "--nocapture"]);
    command.env(FOLDER, folder).env(PLACE, url).env(CONTENT, format!("{id} {size}"));
    command
}

/// Starts a process that fetches, kills it after so many bytes more, and says where it continued.
fn kill_after(folder: &Path, url: &str, id: ContentId, more: u64) -> u64 {
    let mut process = start(folder, url, id, SIZE).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut resumed = None;
    for line in lines {
        let line = line.unwrap();
        let number = |word| line.strip_prefix(word).and_then(|rest| rest.parse::<u64>().ok());
        resumed = resumed.or_else(|| number("resumed "));
        if let (Some(resumed), Some(received)) = (resumed, number("received "))
            && received >= resumed + more
        {
            break;
        }
    }
    process.kill().unwrap();
    process.wait().unwrap();
    resumed.expect("it began")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_again_and_again_it_continues() {
    let content = Arc::new(content());
    let id = ContentId::of(&content);
    let server = Server::start(content.clone(), 6_000_000).await;
    let folder = tempfile::tempdir().unwrap();
    let mut continued = Vec::new();
    for more in [1, 2_000_000, 700_000, 3_000_000] {
        let (place, url) = (folder.path().to_owned(), server.url.clone());
        continued.push(tokio::task::spawn_blocking(move || kill_after(&place, &url, id, more)).await.unwrap());
        let store = Store::open(&folder.path().join("objects")).unwrap();
        assert!(store.pack(&id).unwrap().is_none(), "nothing is there before it is whole");
    }
    assert_eq!(continued[0], 0);
    assert!(continued.windows(2).all(|two| two[0] <= two[1]), "{continued:?}");
    assert!(continued[3] > 2_000_000, "{continued:?}");

    let last = fetcher(folder.path(), &server.url);
    let fetched = last.file(&request(&server.url, id, SIZE)).await.unwrap();
    assert_eq!(std::fs::read(&fetched.path).unwrap(), *content);
    assert!(matches!(fetched.origin, FileOrigin::Members(_)));
    let twice = server.sent.load(Ordering::SeqCst) - SIZE as u64;
    assert!(twice <= 4 * CHUNK + 512 * 1024, "{twice} bytes twice, continued at {continued:?}");
    assert!(last.status().totals.resumed_bytes > 3_000_000);
    let left: Vec<_> = std::fs::read_dir(folder.path().join("objects/partials")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_process_that_dies_takes_over() {
    let content = Arc::new(content());
    let id = ContentId::of(&content);
    let server = Server::start(content.clone(), 6_000_000).await;
    let folder = tempfile::tempdir().unwrap();
    let (place, url) = (folder.path().to_owned(), server.url.clone());
    let killed = tokio::task::spawn_blocking(move || kill_after(&place, &url, id, 6_000_000));
    // The other one has begun, and this one waits for it.
    while server.requests.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let last = fetcher(folder.path(), &server.url);
    let fetched = last.file(&request(&server.url, id, SIZE)).await.unwrap();
    assert_eq!(killed.await.unwrap(), 0);
    assert_eq!(std::fs::read(&fetched.path).unwrap(), *content);
    assert!(last.status().totals.resumed_bytes > 4_000_000, "{:?}", last.status().totals);
    let twice = server.sent.load(Ordering::SeqCst) - SIZE as u64;
    assert!(twice <= CHUNK + 512 * 1024, "{twice} bytes twice");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_takes_little_memory() {
    let content = Arc::new(content().repeat(20));
    let (id, size) = (ContentId::of(&content), content.len());
    let server = Server::start(content.clone(), 10_000_000_000).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = start(folder.path(), &server.url, id, size);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let most =
        text.lines().find_map(|line| line.strip_prefix("most memory: ")?.strip_suffix(" kB")?.parse::<u64>().ok());
    let most = most.unwrap_or_else(|| panic!("{text}"));
    assert!(most < 100_000, "{most} kB for {size} bytes");
}
