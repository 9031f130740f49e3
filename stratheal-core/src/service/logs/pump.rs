//! From one pipe of a service to its sink.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;
use tokio::time::timeout;

use super::line::Origin;
use super::redact::Redactor;
use super::sink::Sink;
use super::split::Splitter;
use crate::base::clock::Clock;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;
/// How long a pipe is still read after everything of the service is gone: what is in it was printed in time.
const LAST: Duration = Duration::from_millis(500);

/// Where lines come from, and what is done to them.
#[derive(Debug)]
pub(in crate::service) struct Source {
    pub(in crate::service) pipe: Receiver,
    pub(in crate::service) origin: Origin,
    pub(in crate::service) redactor: Arc<Redactor>,
    pub(in crate::service) clock: Arc<dyn Clock>,
}

/// Reads until the pipe ends, or until a while after `gone` says so: somebody may hold it open for ever.
pub(in crate::service) async fn pump(source: Source, sink: Sink, mut gone: watch::Receiver<bool>) {
    let Source { pipe, origin, redactor, clock } = source;
    let mut splitter = Splitter::new(origin);
    loop {
        let ready = tokio::select! {
            ready = pipe.readable() => ready,
            () = until(&mut gone) => match timeout(LAST, pipe.readable()).await {
                Ok(ready) => ready,
                Err(_) => break,
            },
        };
        if let Err(error) = ready {
            tracing::warn!(%error, "cannot wait for what a service prints");
            break;
        }
        // Only as long as it is needed: most services are silent most of the time, and there may be hundreds.
        let mut chunk = vec![0; CHUNK];
        let count = match pipe.try_read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot read what a service prints");
                break;
            }
        };
        let mut lines = Vec::with_capacity(count + count / 4);
        splitter.take(&chunk[..count], clock.now(), &redactor, &mut lines);
        drop(chunk);
        // In pieces: very short lines grow to many times their size.
        for piece in pieces(&lines) {
            sink.push(piece).await;
        }
        // One that floods must not keep the others from being read.
        tokio::task::yield_now().await;
    }
    let mut lines = Vec::new();
    splitter.finish(clock.now(), &redactor, &mut lines);
    sink.push(&lines).await;
}

/// Waits until everything of the service is gone, or the keeper is about to end.
async fn until(gone: &mut watch::Receiver<bool>) {
    drop(gone.wait_for(|gone| *gone).await);
}

/// Whole lines, about as many as are read at once.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if lines.is_empty() {
            return None;
        }
        let near = CHUNK.min(lines.len()) - 1;
        let end = lines[near..].iter().position(|byte| *byte == b'\n').map_or(lines.len(), |at| near + at + 1);
        let (piece, rest) = lines.split_at(end);
        lines = rest;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines() {
        let lines: Vec<u8> = (0..50_000).flat_map(|number| format!("line {number}\n").into_bytes()).collect();
        let cut: Vec<&[u8]> = pieces(&lines).collect();
        assert!(cut.len() > 5 && cut.iter().all(|piece| piece.ends_with(b"\n") && piece.len() < CHUNK + 20));
        assert_eq!(cut.concat(), lines);
        assert_eq!(pieces(b"").count(), 0);
    }
}
