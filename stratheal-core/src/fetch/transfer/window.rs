//! How fast something was of late.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How far back it looks.
const SPAN: Duration = Duration::from_secs(3);

/// Counts of bytes at some moments of the last seconds.
#[derive(Debug, Clone)]
pub(super) struct Window {
    marks: VecDeque<(Instant, u64)>,
}

impl Window {
    pub(super) fn new(now: Instant) -> Self {
        Self { marks: VecDeque::from([(now, 0)]) }
    }

    /// Notes how many bytes there were altogether. To be called a few times a second.
    pub(super) fn mark(&mut self, total: u64, now: Instant) {
        self.marks.push_back((now, total));
        // The oldest one stays until the next one is old enough, so that the window is as long as it can be.
        while self.marks.len() > 2 && now.saturating_duration_since(self.marks[1].0) >= SPAN {
            self.marks.pop_front();
        }
    }

    /// How long the window is, and how many bytes came within it.
    pub(super) fn measure(&self, total: u64, now: Instant) -> (Duration, u64) {
        self.marks.front().map_or((Duration::ZERO, 0), |(since, before)| {
            (now.saturating_duration_since(*since), total.saturating_sub(*before))
        })
    }

    /// The same of its last part, which is at least as long as `span` where there is so much.
    pub(super) fn last(&self, span: Duration, total: u64, now: Instant) -> (Duration, u64) {
        let age = |since: Instant| now.saturating_duration_since(since);
        let mark = self.marks.iter().rev().find(|(since, _)| age(*since) >= span).or(self.marks.front());
        mark.map_or((Duration::ZERO, 0), |(since, before)| (age(*since), total.saturating_sub(*before)))
    }

    /// Bytes a second.
    pub(super) fn rate(&self, total: u64, now: Instant) -> f64 {
        let (time, bytes) = self.measure(total, now);
        if time.is_zero() { 0.0 } else { bytes as f64 / time.as_secs_f64() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_the_last_seconds_count() {
        let start = Instant::now();
        let mut window = Window::new(start);
        for tick in 1..=100_u64 {
            // 1000 bytes each tick for 5 s, then none.
            window.mark(tick.min(50) * 1000, start + Duration::from_millis(tick * 100));
        }
        let (time, bytes) = window.measure(50_000, start + Duration::from_secs(10));
        assert!(time >= SPAN && time < SPAN * 2, "{time:?}");
        assert_eq!(bytes, 0);
        assert!(window.marks.len() < 40);
        let mut young = Window::new(start);
        let after = |millis| start + Duration::from_millis(millis);
        young.mark(20_000, after(100));
        young.mark(20_100, after(500));
        let span = Duration::from_millis(300);
        assert_eq!(young.last(span, 20_100, after(300)), (span, 20_100));
        assert_eq!(young.last(span, 20_150, after(600)), (Duration::from_millis(500), 150));
        assert!(Window::new(start).rate(10, start) < 1.0);
    }
}
