//! Bodies of answers: bytes that are there, a stored file in large pieces, and a file that is still arriving.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::task::JoinHandle;

use super::files::Unfinished;
use crate::fetch::Chunks;

/// How much of a file is read at once. Larger pieces did not get faster, and each connection may hold two.
const PIECE: u64 = 256 * 1024;

/// The body of an answer.
pub(super) enum Body {
    /// All of it, or nothing.
    Whole(Option<Bytes>),
    /// A part of a stored file.
    Stored(StoredPart),
    /// A file that is still arriving.
    Arriving(Arriving),
    /// What another server says, passed on as it comes.
    Passed(Pin<Box<reqwest::Body>>),
}

impl Body {
    /// No body.
    pub(super) const fn empty() -> Self {
        Self::Whole(None)
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Whole(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stored(part) => part.poll(cx).map(|piece| piece.map(|piece| piece.map(Frame::data))),
            Self::Arriving(arriving) => arriving.poll(cx).map(|piece| piece.map(|piece| piece.map(Frame::data))),
            Self::Passed(incoming) => incoming.as_mut().poll_frame(cx).map_err(io::Error::other),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Stored(part) => part.left == 0 && part.reading.is_none(),
            Self::Arriving(arriving) => arriving.ended || arriving.left == Some(0),
            Self::Passed(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stored(part) => SizeHint::with_exact(part.left + part.asked),
            Self::Arriving(arriving) => arriving.left.map_or_else(SizeHint::new, SizeHint::with_exact),
            Self::Passed(incoming) => incoming.size_hint(),
        }
    }
}

/// A part of a stored file. The next piece is read while the one before is sent.
pub(super) struct StoredPart {
    file: Option<File>,
    /// Bytes that nobody reads yet.
    left: u64,
    /// Bytes of the piece that is being read.
    asked: u64,
    reading: Option<JoinHandle<io::Result<(File, Bytes)>>>,
}

impl StoredPart {
    /// `length` bytes from `start` on.
    pub(super) const fn new(file: File, length: u64) -> Self {
        Self { file: Some(file), left: length, asked: 0, reading: None }
    }

    fn begin(&mut self) {
        if self.left > 0
            && let Some(file) = self.file.take()
        {
            self.asked = self.left.min(PIECE);
            self.left -= self.asked;
            let length = self.asked as usize;
            self.reading = Some(tokio::task::spawn_blocking(move || read_piece(file, length)));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.reading.is_none() {
            self.begin();
        }
        let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
        let read = ready!(Pin::new(reading).poll(cx)).map_err(io::Error::other).flatten();
        self.reading = None;
        self.asked = 0;
        match read {
            Ok((file, piece)) => {
                self.file = Some(file);
                self.begin();
                Poll::Ready(Some(Ok(piece)))
            }
            Err(error) => {
                self.left = 0;
                Poll::Ready(Some(Err(error)))
            }
        }
    }
}

fn read_piece(mut file: File, length: usize) -> io::Result<(File, Bytes)> {
    let mut piece = vec![0; length];
    file.read_exact(&mut piece)?;
    Ok((file, piece.into()))
}

/// Puts a file to the place where a part begins.
pub(super) fn at(mut file: File, start: u64) -> io::Result<File> {
    if start > 0 {
        file.seek(SeekFrom::Start(start))?;
    }
    Ok(file)
}

/// A file that is still arriving. A failure ends the connection in the middle of the body, so that no client takes it for whole.
pub(super) struct Arriving {
    chunks: Chunks,
    /// What is to come, if that is known.
    left: Option<u64>,
    ended: bool,
    unfinished: Unfinished,
}

impl Arriving {
    /// The whole file.
    pub(super) const fn new(chunks: Chunks, size: Option<u64>, unfinished: Unfinished) -> Self {
        Self { chunks, left: size, ended: false, unfinished }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = ready!(self.chunks.as_mut().poll_next(cx));
        let next = match next {
            Some(Ok(piece)) => match self.left.map(|left| left.checked_sub(piece.len() as u64)) {
                Some(None) => Some(Err(io::Error::other("the file is longer than it was said to be"))),
                left => {
                    self.left = left.flatten();
                    Some(Ok(piece))
                }
            },
            Some(Err(error)) => Some(Err(io::Error::other(error))),
            None if self.left.unwrap_or(0) > 0 => {
                Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file ended early")))
            }
            None => None,
        };
        self.ended = !matches!(next, Some(Ok(_)));
        // With a known length nobody asks for what comes after the last byte.
        if next.is_none() || (!self.ended && self.left == Some(0)) {
            self.unfinished.finish();
        }
        Poll::Ready(next)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_part_of_a_file() {
        let content: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&content).unwrap();
        for (start, length) in [(0, 1_000_000), (1, 999_999), (500_000, 300_000), (999_999, 1)] {
            let part = StoredPart::new(at(file.reopen().unwrap(), start).unwrap(), length);
            let body = Body::Stored(part);
            assert_eq!(body.size_hint().exact(), Some(length));
            let read = body.collect().await.unwrap().to_bytes();
            assert!(read == content[start as usize..][..length as usize]);
        }
    }

    #[tokio::test]
    async fn a_stored_file_that_is_shorter_than_said_is_an_error() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"abc").unwrap();
        assert!(Body::Stored(StoredPart::new(file.reopen().unwrap(), 4)).collect().await.is_err());
    }
}
