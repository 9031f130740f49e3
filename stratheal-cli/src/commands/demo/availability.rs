//! How much of the time the web server answered: asked from outside, as its users would.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(100);
/// How long it may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks until it is dropped.
#[derive(Debug)]
pub(super) struct Availability {
    task: JoinHandle<()>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Availability {
    pub(super) fn measure(port: u16) -> Self {
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn({
            let counts = counts.clone();
            async move {
                let mut every = interval(EVERY);
                every.set_missed_tick_behavior(MissedTickBehavior::Skip);
                loop {
                    every.tick().await;
                    let answered = timeout(PATIENCE, is_well(port)).await.is_ok_and(|well| well);
                    counts.asked.fetch_add(1, Ordering::Relaxed);
                    counts.answered.fetch_add(u64::from(answered), Ordering::Relaxed);
                }
            }
        });
        Self { task, counts }
    }

    /// The share of answers among questions, in percent.
    pub(super) fn percent(&self) -> f64 {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        100.0 * count(&self.counts.answered) / count(&self.counts.asked).max(1.0)
    }
}

impl Drop for Availability {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn is_well(port: u16) -> bool {
    let ask = async {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        connection.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").await?;
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.ends_with(b" 200"))
    };
    ask.await.unwrap_or(false)
}
