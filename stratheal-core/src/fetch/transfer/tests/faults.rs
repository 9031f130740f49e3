//! One fault at a time: the file arrives, and the counts say how.

use std::time::Duration;

use tokio::time::Instant;

use super::server::{Asked, Behaviour, FileServer, Length, Ranging};
use super::setup::{Setup, content, request};
use crate::fetch::{FetchError, FileOrigin};

const FINE: Behaviour = Behaviour {
    delay: Duration::ZERO,
    status: None,
    ranges: Ranging::Right,
    cut: None,
    stall: None,
    rate: None,
    flip: None,
    short: None,
    length: Length::Told,
    reset: false,
    no_tag: false,
};

/// A chunk: what may be fetched twice after a cut.
const CHUNK: u64 = 256 * 1024;

/// What one server does, the limits of what it may cost, and of how long it may take.
struct Row {
    name: &'static str,
    behave: fn(&Asked) -> Behaviour,
    /// Bytes beyond those of the file.
    twice: u64,
    within: Duration,
}

const SIZE: usize = 3_000_000;

fn rows() -> Vec<Row> {
    let quick = Duration::from_millis(1500);
    let row = |name, behave, twice, within| Row { name, behave, twice, within };
    vec![
        row("nothing wrong", |_| FINE, 0, quick),
        row("reset before the head", |asked| Behaviour { reset: asked.number < 2, ..FINE }, 0, quick),
        row(
            "503 three times",
            |asked| Behaviour { status: (asked.number < 3).then_some((503, "")), ..FINE },
            0,
            Duration::from_secs(3),
        ),
        row(
            "429 with Retry-After",
            |asked| Behaviour { status: (asked.number < 1).then_some((429, "retry-after: 1\r\n")), ..FINE },
            0,
            Duration::from_secs(3),
        ),
        row(
            "cut once in the middle",
            |asked| Behaviour { cut: (asked.number < 1).then_some(1_500_000), ..FINE },
            CHUNK,
            quick,
        ),
        row(
            "every connection is cut after 64 KiB",
            |_| Behaviour { cut: Some(65_536), ..FINE },
            CHUNK,
            Duration::from_secs(4),
        ),
        row(
            "no length, and cut",
            |asked| Behaviour { length: Length::Untold, cut: (asked.number < 1).then_some(1_000_000), ..FINE },
            CHUNK,
            quick,
        ),
        row("no length", |_| Behaviour { length: Length::Untold, ..FINE }, 0, quick),
        row(
            "too short, and says so",
            |asked| Behaviour { short: (asked.number < 1).then_some(1_000_000), ..FINE },
            0,
            quick,
        ),
        row(
            "a flipped byte once",
            |asked| Behaviour { flip: (asked.number < 1).then_some(9), ..FINE },
            SIZE as u64,
            quick,
        ),
        row(
            "silence before the head",
            |asked| Behaviour { delay: Duration::from_secs(u64::from(asked.number < 1) * 30), ..FINE },
            0,
            Duration::from_secs(4),
        ),
        row(
            "silence within the body",
            |asked| Behaviour { stall: (asked.number < 1).then_some(1_000_000), ..FINE },
            CHUNK,
            Duration::from_secs(4),
        ),
        row(
            "a trickle",
            |asked| Behaviour { rate: (asked.number < 1).then_some(1000), ..FINE },
            CHUNK,
            Duration::from_secs(6),
        ),
        row(
            "no ranges, and cut twice",
            |asked| Behaviour { ranges: Ranging::Absent, cut: (asked.number < 2).then_some(1_000_000), ..FINE },
            2_000_000,
            Duration::from_secs(3),
        ),
        row(
            "wrong start of ranges, and a cut",
            |asked| cut_first(asked, Ranging::OtherStart),
            SIZE as u64,
            Duration::from_secs(3),
        ),
        row(
            "wrong total of ranges, and a cut",
            |asked| once_wrong(asked, Ranging::OtherTotal),
            SIZE as u64,
            Duration::from_secs(3),
        ),
        row(
            "ranges that say nothing, and a cut",
            |asked| cut_first(asked, Ranging::Unsaid),
            SIZE as u64,
            Duration::from_secs(3),
        ),
        row(
            "no ranges, and silence late in the body",
            |asked| Behaviour { ranges: Ranging::Absent, stall: (asked.number < 2).then_some(2_000_000), ..FINE },
            2 * 2_000_000 + CHUNK,
            Duration::from_secs(4),
        ),
        row("late by 200 ms", |_| Behaviour { delay: Duration::from_millis(200), ..FINE }, 0, quick),
    ]
}

fn cut_first(asked: &Asked, ranges: Ranging) -> Behaviour {
    Behaviour { ranges, cut: (asked.number < 1).then_some(1_000_000), ..FINE }
}

fn once_wrong(asked: &Asked, ranges: Ranging) -> Behaviour {
    Behaviour { ranges: if asked.number < 2 { ranges } else { Ranging::Right }, ..cut_first(asked, ranges) }
}

/// A single mirror survives everything that leaves it a chance.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_a_single_mirror() {
    let bytes = content(SIZE);
    let mut problems = Vec::new();
    for with_size in [true, false] {
        for row in rows() {
            let server = FileServer::start(&bytes, row.behave).await;
            let mut setup = Setup::new();
            let mut request = request(&bytes);
            request.file.size = request.file.size.filter(|_| with_size);
            let begun = Instant::now();
            let fetched = setup.fetch(&request, &[&server]).await;
            let (took, network) = (begun.elapsed(), setup.network());
            let twice = network.saturating_sub(SIZE as u64);
            let mut problem = |what: String| problems.push(format!("{} (size known: {with_size}): {what}", row.name));
            match fetched {
                Ok(fetched) => {
                    if std::fs::read(&fetched.path).unwrap() != bytes {
                        problem("other bytes".to_owned());
                    }
                    if fetched.origin != FileOrigin::Members(vec![server.address.to_string()]) {
                        problem(format!("{:?}", fetched.origin));
                    }
                }
                Err(error) => problem(format!("{error}; {:?}; {:#?}", server.asked(), setup.events())),
            }
            if twice > row.twice {
                problem(format!("{twice} bytes twice, asked {:?}", server.asked()));
            }
            if took > row.within {
                problem(format!("took {took:?}, asked {:?}", server.asked()));
            }
            if !setup.left_over().is_empty() {
                problem(format!("left {:?}", setup.left_over()));
            }
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[tokio::test]
async fn a_dead_mirror_costs_a_second_once() {
    let bytes = content(300_000);
    let good = FileServer::start(&bytes, |_| FINE).await;
    let silent = FileServer::start(&bytes, |_| Behaviour { delay: Duration::from_mins(1), ..FINE }).await;
    let setup = Setup::new();
    let begun = Instant::now();
    setup.fetch(&request(&bytes), &[&silent, &good]).await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(1300), "{:?}", begun.elapsed());
    let other = content(300_001);
    let good = FileServer::start(&other, |_| FINE).await;
    let begun = Instant::now();
    // The mirror that was silent is known by now, and not the first one any more.
    let mut locations = setup.locations(&[&silent, &good]);
    locations[1].url = good.url();
    setup.shared.transfers.join(&setup.shared, &request(&other), locations).outcome().await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn another_mirror_goes_on_where_one_died() {
    let bytes = content(SIZE);
    let dies =
        FileServer::start(&bytes, |asked| Behaviour { cut: Some(1_000_000), reset: asked.number > 0, ..FINE }).await;
    let good = FileServer::start(&bytes, |_| FINE).await;
    let setup = Setup::new();
    let fetched = setup.fetch(&request(&bytes), &[&dies, &good]).await.unwrap();
    let hosts = vec![good.address.to_string(), dies.address.to_string()];
    assert_eq!(fetched.origin, FileOrigin::Members(hosts));
    assert_eq!(good.asked()[0].range, Some((1_000_000, None)));
    assert_eq!(setup.network(), SIZE as u64, "nothing twice");
}

#[tokio::test]
async fn a_mirror_that_lies_is_found_out_and_named() {
    let bytes = content(SIZE);
    let lies = FileServer::start(&bytes, |_| Behaviour { flip: Some(77), ..FINE }).await;
    let good = FileServer::start(&bytes, |_| FINE).await;
    let mut setup = Setup::new();
    let fetched = setup.fetch(&request(&bytes), &[&lies, &good]).await.unwrap();
    assert_eq!(fetched.origin, FileOrigin::Members(vec![good.address.to_string()]));
    let now = Instant::now();
    let score = |server: &FileServer| setup.locations(&[server])[0].member.view(now).score;
    assert!(score(&lies) > 0.0 && score(&good) == 0.0);
    assert!(setup.events().iter().any(
        |event| matches!(event, crate::fetch::Event::Trouble { problem, .. } if problem.contains("wrong sha256"))
    ));
}

#[tokio::test]
async fn of_a_mixture_the_one_who_lied_is_blamed() {
    let bytes = content(SIZE);
    // The first one sends a good half and dies, the second one a bad rest.
    let dies =
        FileServer::start(&bytes, |asked| Behaviour { cut: (asked.number < 1).then_some(1_000_000), ..FINE }).await;
    let lies = FileServer::start(&bytes, |_| Behaviour { flip: Some(2_000_000), ..FINE }).await;
    let setup = Setup::new();
    let fetched = setup.fetch(&request(&bytes), &[&dies, &lies]).await.unwrap();
    assert_eq!(fetched.origin, FileOrigin::Members(vec![dies.address.to_string()]));
    let now = Instant::now();
    assert!(setup.locations(&[&lies])[0].member.view(now).score > 0.5);
}

#[tokio::test]
async fn a_file_that_is_wrong_everywhere_is_refused() {
    let bytes = content(100_000);
    let lies = FileServer::start(&bytes, |_| Behaviour { flip: Some(1), ..FINE }).await;
    let setup = Setup::new();
    let error = setup.fetch(&request(&bytes), &[&lies]).await.unwrap_err();
    assert!(
        matches!(&error, FetchError::HashMismatch { member, .. } if member.contains(&lies.address.to_string())),
        "{error}"
    );
    assert_eq!(lies.asked().len(), 2, "twice, and no more");
}

/// The index gives no SHA-256: then another digest says whether it is right.
#[tokio::test]
async fn another_digest_is_looked_at_where_there_is_no_sha256() {
    let bytes = b"some bytes, and no zip file".to_vec();
    let request = |digest: &str| {
        let mut request = request(&bytes);
        request.file.name = "demo-1.tar.bz2".to_owned();
        request.file.hashes.sha256 = None;
        request.file.hashes.others = [("md5".to_owned(), digest.to_owned())].into();
        request
    };
    let right = request("477f3635837c1dbde3ef10de5e331e80");
    let lies = FileServer::start(&bytes, |_| Behaviour { flip: Some(1), ..FINE }).await;
    let good = FileServer::start(&bytes, |_| FINE).await;
    Setup::new().fetch(&right, &[&good]).await.unwrap();
    let fetched = Setup::new().fetch(&right, &[&lies, &good]).await.unwrap();
    assert_eq!(fetched.origin, FileOrigin::Members(vec![good.address.to_string()]));
    let error = Setup::new().fetch(&right, &[&lies]).await.unwrap_err();
    assert_eq!(error.cause(), crate::fetch::Cause::Content, "{error}");
    assert!(error.to_string().contains("md5") && error.to_string().contains(&lies.address.to_string()), "{error}");
    let error = Setup::new().fetch(&request("00"), &[&good]).await.unwrap_err();
    assert_eq!(error.cause(), crate::fetch::Cause::Content, "{error}");
}

#[tokio::test]
async fn what_nobody_has_is_said_at_once() {
    let bytes = content(10);
    for (status, expected) in [(404, "gone"), (403, "refuses access"), (401, "credentials"), (451, "answered 451")] {
        let server = FileServer::start(&bytes, move |_| Behaviour { status: Some((status, "")), ..FINE }).await;
        let begun = Instant::now();
        let error = Setup::new().fetch(&request(&bytes), &[&server]).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(begun.elapsed() < Duration::from_millis(500));
        assert_eq!(server.asked().len(), 1);
    }
}

/// What has to pass again before anything new can come is progress, however slow; the same again and again is none.
#[tokio::test]
async fn passing_what_is_there_is_progress_once() {
    let bytes = content(40_000);
    let no_ranges = Behaviour { ranges: Ranging::Absent, ..FINE };
    let slow = FileServer::start(&bytes, move |asked| match asked.number {
        0 => Behaviour { cut: Some(30_000), ..no_ranges },
        _ => Behaviour { rate: Some(20_000), ..no_ranges },
    })
    .await;
    let setup = Setup::with_deadline(Duration::from_secs(1));
    setup.fetch(&request(&bytes), &[&slow]).await.unwrap();

    // The same where what was there cannot be kept.
    let untagged = FileServer::start(&bytes, move |asked| match asked.number {
        0 => Behaviour { cut: Some(30_000), no_tag: true, ..no_ranges },
        _ => Behaviour { rate: Some(20_000), no_tag: true, ..no_ranges },
    })
    .await;
    let mut unknown = request(&bytes);
    unknown.file.hashes.sha256 = None;
    let fetched = Setup::with_deadline(Duration::from_secs(1)).fetch(&unknown, &[&untagged]).await;
    assert!(!matches!(fetched, Err(FetchError::Deadline { .. })), "{fetched:?}");

    let cuts = FileServer::start(&bytes, move |_| Behaviour { cut: Some(30_000), no_tag: true, ..no_ranges }).await;
    let begun = Instant::now();
    let error = Setup::with_deadline(Duration::from_secs(1)).fetch(&unknown, &[&cuts]).await.unwrap_err();
    assert!(matches!(&error, FetchError::Deadline { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(cuts.asked().len() < 30, "{} times", cuts.asked().len());
}

#[tokio::test]
async fn a_deadline_counts_time_without_progress() {
    let bytes = content(10_000);
    let down = FileServer::start(&bytes, |_| Behaviour { status: Some((503, "")), ..FINE }).await;
    let setup = Setup::with_deadline(Duration::from_secs(1));
    let begun = Instant::now();
    let error = setup.fetch(&request(&bytes), &[&down]).await.unwrap_err();
    assert!(matches!(&error, FetchError::Deadline { .. }), "{error}");
    assert!(error.to_string().contains("answered 503"), "{error}");
    assert!((1..3).contains(&begun.elapsed().as_secs()));
    // Slow, but never without progress for that long.
    let slow = FileServer::start(&bytes, |_| Behaviour { rate: Some(4_000), ..FINE }).await;
    setup.fetch(&request(&bytes), &[&slow]).await.unwrap();
    assert_eq!(setup.network(), 10_000);
}

#[tokio::test]
async fn without_a_hash_a_cut_file_is_continued_only_if_it_is_the_same() {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("data", stored).unwrap();
    zip.write_all(&content(500_000)).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let mut request = request(&bytes);
    (request.file.hashes.sha256, request.file.size) = (None, None);
    for (no_tag, twice) in [(false, 0), (true, 200_000)] {
        let server = FileServer::start(&bytes, move |asked| Behaviour {
            cut: (asked.number < 1).then_some(200_000),
            no_tag,
            ..FINE
        })
        .await;
        request.file.url = server.url();
        let setup = Setup::new();
        let fetched = setup.fetch(&request, &[&server]).await.unwrap();
        assert_eq!(std::fs::read(&fetched.path).unwrap(), bytes);
        assert_eq!(setup.network(), bytes.len() as u64 + twice);
    }
    // A file that ends too early and says that this is all: its directory is missing.
    let server =
        FileServer::start(&bytes, |asked| Behaviour { short: (asked.number < 1).then_some(200_000), ..FINE }).await;
    request.file.url = server.url();
    let fetched = Setup::new().fetch(&request, &[&server]).await.unwrap();
    assert_eq!(fetched.size, bytes.len() as u64);
}
