//! The ways in which a server can misbehave.

use std::time::Duration;

use bytes::Bytes;

/// One way to misbehave while answering one request. Byte counts are those of the body of that answer unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The connection is reset instead of an answer.
    ResetBefore,
    /// The connection is reset after so many bytes.
    ResetWithin(u64),
    /// The connection ends instead of an answer.
    CloseBefore,
    /// The answer ends after so many bytes, and promised more by `Content-Length`.
    Truncated(u64),
    /// The answer ends after so many bytes, and promised nothing: its end is the end of the connection.
    TruncatedUnsized(u64),
    /// The answer ends after so many bytes, in chunks and without the last one.
    TruncatedChunked(u64),
    /// The answer is whole by all that HTTP says, but only so many bytes of the content are in it.
    Shortened(u64),
    /// Each connection is reset once it carried so many bytes of bodies.
    ConnectionCut(u64),
    /// Nothing is answered, and the connection stays open.
    SilenceBefore,
    /// Nothing more comes after so many bytes, and the connection stays open.
    SilenceWithin(u64),
    /// After `after` bytes the rest comes at `rate` bytes a second.
    Trickle {
        /// Bytes at full speed.
        after: u64,
        /// Bytes a second from then on.
        rate: u64,
    },
    /// The answer begins so much later.
    Latency(Duration),
    /// An answer with this status and a short text.
    Status(u16),
    /// An answer with this status and this `Retry-After`.
    Busy(u16, RetryAfter),
    /// The byte at this offset of the file is flipped, in whatever range it is sent.
    Flipped(u64),
    /// `Content-Length` differs by so much from what is sent.
    WrongLength(i64),
    /// No `Content-Length`: the end of the connection is the end of the answer.
    Unsized,
    /// No `Content-Length`: the answer comes in chunks.
    Chunked,
    /// The connection ends after each answer, without a warning.
    NoKeepAlive,
    /// Ranges are ignored and not offered.
    NoRanges,
    /// A range begins so many bytes elsewhere than it says.
    WrongStart(i64),
    /// `Content-Range` begins so many bytes elsewhere than was asked, and the content with it.
    OtherStart(i64),
    /// `Content-Range` names a total length that differs by so much.
    WrongTotal(i64),
    /// A range is answered with 200, but only its bytes.
    PartialAsWhole,
    /// Who asks for everything gets 206 with so many bytes.
    WholeAsPartial(u64),
    /// A redirect to itself.
    RedirectLoop,
    /// A redirect to the same path of this server, such as `http://127.0.0.1:4000`.
    RedirectTo(String),
    /// So many bytes of headers before the answer.
    HeaderFlood(u64),
    /// Bytes that are no HTTP.
    Garbage,
    /// Another content with this type, such as a captive portal's page.
    Instead(&'static str, Bytes),
    /// Gzip that becomes so many bytes.
    GzipBomb(u64),
    /// A content of so many spaces.
    Huge(u64),
}

/// Forms of `Retry-After`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// The header is absent.
    Missing,
    /// In so many seconds.
    Seconds(u64),
    /// A date so far ahead.
    Date(Duration),
    /// Any text.
    Text(&'static str),
}
