//! Messages to people: web hooks against real servers that misbehave, and a delivery that outlives its program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use stratheal_core::base::class::ErrorClass;
use stratheal_core::base::clock::Clock;
use stratheal_core::base::redact::Secret;
use stratheal_core::base::stamp::Stamp;
use stratheal_core::contract::{Notifier, NotifyError};
use stratheal_core::fetch::TransportSettings;
use stratheal_core::model::Status;
use stratheal_core::model::notification::{Notification, NotificationKind};
use stratheal_core::notify::{DeadMansSwitch, Delivery, WebhookNotifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};

fn message(id: u64) -> Notification {
    Notification {
        id,
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
        kind: NotificationKind::Opened,
        incident: Some(id),
        check: None,
        status: Status::Critical,
        title: format!("message {id}"),
        text: "more".into(),
        audit_head: None,
    }
}

/// A server that answers one request after the other as told, and keeps what it was sent. An empty answer is a connection that is cut.
async fn server(answers: &[&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook/s3cret", listener.local_addr().unwrap());
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let (kept, mut answers) = (seen.clone(), answers.iter().copied().collect::<VecDeque<_>>());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 65_536];
            let mut length = 0;
            loop {
                length += stream.read(&mut request[length..]).await.unwrap();
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let wanted = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= wanted.map_or(0, |wanted| wanted.parse().unwrap()) {
                    kept.lock().unwrap().push(text);
                    break;
                }
            }
            let answer = answers.pop_front().unwrap_or("200 OK");
            if !answer.is_empty() {
                let text = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                stream.write_all(text.as_bytes()).await.unwrap();
            }
        }
    });
    (url, seen)
}

fn hook(url: &str, secret: Option<&str>) -> WebhookNotifier {
    let secret = secret.map(|secret| Secret::new(secret.to_owned()));
    WebhookNotifier::new("team", &Secret::new(url.to_owned()), secret.as_ref(), TransportSettings::default()).unwrap()
}

#[tokio::test]
async fn a_web_hook_gets_json_that_is_signed() {
    let (url, seen) = server(&[]).await;
    hook(&url, Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).notify(&message(7)).await.unwrap();
    let request = seen.lock().unwrap()[0].clone();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook/s3cret HTTP/1.1"), "{head}");
    assert!(head.contains("webhook-id: stratheal-1767323045000-7") && head.contains("webhook-timestamp: 1767323045"));
    assert!(head.contains("webhook-signature: v1,") && head.contains("content-type: application/json"), "{head}");
    assert_eq!(serde_json::from_str::<Notification>(body).unwrap(), message(7));
}

#[tokio::test]
async fn each_answer_means_what_it_should_and_no_error_shows_the_url() {
    let (elsewhere, stolen) = server(&[]).await;
    let redirect: &'static str = format!("307 Temporary Redirect\r\nLocation: {elsewhere}").leak();
    let answers = ["500 Oops", "429 Slow\r\nRetry-After: 7", "404 Gone", "401 No", redirect, "", "204 Fine"];
    let (url, _) = server(&answers).await;
    let hook = hook(&url, None);
    let mut classes = Vec::new();
    for _ in &answers[..6] {
        let error = hook.notify(&message(1)).await.unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        classes.push((error.class(), error.retry_after));
    }
    let plain = |class| (class, None);
    let expected = [
        plain(ErrorClass::Transient),
        (ErrorClass::Transient, Some(Duration::from_secs(7))),
        plain(ErrorClass::Permanent),
        plain(ErrorClass::Denied),
        plain(ErrorClass::Permanent),
        plain(ErrorClass::Transient),
    ];
    assert_eq!(classes, expected);
    hook.notify(&message(1)).await.unwrap();
    assert!(stolen.lock().unwrap().is_empty(), "what was written for one place is not for another");
}

#[test]
fn what_is_no_web_url_is_refused_without_showing_it() {
    for url in ["ftp://host/s3cret", "s3cret", "http://", ""] {
        let url = Secret::new(url.to_owned());
        let error = WebhookNotifier::new("team", &url, None, TransportSettings::default()).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

/// Time as tokio tells it, which tests can pause.
#[derive(Debug)]
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(self.0.elapsed()).unwrap()
    }

    fn stamp(&self) -> Stamp {
        Stamp { boot: 1, since_boot: self.0.elapsed(), wall: self.now() }
    }
}

/// A notifier that fails so often, and keeps what it took.
#[derive(Debug, Default, Clone)]
struct Fails {
    failures: Arc<AtomicUsize>,
    taken: Arc<Mutex<Vec<u64>>>,
    tried: Arc<Mutex<Vec<Instant>>>,
    panics: Arc<AtomicBool>,
}

#[async_trait]
impl Notifier for Fails {
    fn name(&self) -> &'static str {
        "fails"
    }

    async fn notify(&self, message: &Notification) -> Result<(), NotifyError> {
        self.tried.lock().unwrap().push(Instant::now());
        assert!(!self.panics.swap(false, Ordering::SeqCst), "out of luck");
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(NotifyError::new("fails", ErrorClass::Transient, "not now"));
        }
        self.taken.lock().unwrap().push(message.id);
        Ok(())
    }
}

fn delivery(path: &Path, notifier: &Fails, began: Instant) -> Delivery {
    Delivery::new(path, vec![Box::new(notifier.clone())]).clock(Arc::new(Paused(began)))
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_is_tried_again_with_growing_pauses_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let notifier = Fails { failures: Arc::new(4.into()), panics: Arc::new(true.into()), ..Fails::default() };
    let handle = delivery(&folder.path().join("outbox.json"), &notifier, Instant::now()).start();
    handle.tell(message(1));
    handle.tell(message(2));
    for _ in 0..600 {
        sleep(Duration::from_secs(1)).await;
        // The file is written on a thread that paused time does not wait for.
        tokio::task::yield_now().await;
    }
    assert_eq!(*notifier.taken.lock().unwrap(), [1, 2]);
    let tried = notifier.tried.lock().unwrap().clone();
    let pauses: Vec<u64> = tried.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(pauses.len(), 6, "five failures, one of them a panic, and two that were taken: {pauses:?}");
    assert!(pauses[..5].iter().zip([2, 5, 10, 20, 40]).all(|(pause, least)| *pause >= least), "{pauses:?}");
}

#[tokio::test]
async fn what_waits_is_delivered_after_a_restart_under_the_same_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.json");
    let first = Fails { failures: Arc::new(usize::MAX.into()), ..Fails::default() };
    let began = Instant::now();
    let handle = delivery(&path, &first, began).start();
    handle.tell(message(41));
    for _ in 0..500 {
        if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("\"failed\":1")) {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    drop(handle);
    let second = Fails::default();
    // A new program, on a machine that was started again a minute later.
    let began = began.checked_sub(Duration::from_mins(1)).unwrap();
    let handle = delivery(&path, &second, began).start();
    handle.tell(message(42));
    for _ in 0..500 {
        if second.taken.lock().unwrap().len() == 2 {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(*second.taken.lock().unwrap(), [41, 42]);
}

#[tokio::test]
async fn an_outbox_that_is_damaged_loses_itself_and_not_the_next_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.json");
    std::fs::write(&path, "{\"entries\": [").unwrap();
    let notifier = Fails::default();
    let handle = delivery(&path, &notifier, Instant::now()).start();
    handle.tell(message(1));
    for _ in 0..500 {
        if !notifier.taken.lock().unwrap().is_empty() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("never delivered");
}

#[tokio::test]
async fn the_watchdog_is_called_only_while_there_is_progress() {
    let (url, seen) = server(&["200 OK", "500 Oops"]).await;
    let alive = Arc::new(AtomicBool::new(true));
    let probe = alive.clone();
    let every = Duration::from_secs(1);
    let switch = DeadMansSwitch::new(&Secret::new(url), every, TransportSettings::default()).unwrap();
    let calls = tokio::spawn(switch.run(move || {
        let alive = probe.load(Ordering::SeqCst);
        async move { alive }
    }));
    let count = || seen.lock().unwrap().len();
    while count() < 2 {
        sleep(Duration::from_millis(20)).await;
    }
    alive.store(false, Ordering::SeqCst);
    // A call may be on its way.
    sleep(Duration::from_millis(200)).await;
    let before = count();
    sleep(Duration::from_millis(2_500)).await;
    assert_eq!(count(), before);
    alive.store(true, Ordering::SeqCst);
    while count() == before {
        sleep(Duration::from_millis(20)).await;
    }
    calls.abort();
}
