//! What was served.

use std::time::Duration;

use super::rule::Target;

/// One answer, or what became of it.
#[derive(Debug, Clone)]
pub struct Served {
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path, without query.
    pub path: String,
    /// What was asked for.
    pub target: Target,
    /// The status; 0 without an answer.
    pub status: u16,
    /// Where in the file the body began.
    pub from: u64,
    /// Bytes of the body that were sent.
    pub bytes_sent: u64,
    /// Which connection, from 1.
    pub connection: u64,
    /// Whether it broke off: on purpose, or because the other side went away.
    pub cut: bool,
    /// When it was asked, from the start of the server.
    pub at: Duration,
    /// How long the answer took.
    pub took: Duration,
    /// The headers of the request, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Served {
    /// A header of the request.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The range that was asked for.
    #[must_use]
    pub fn range(&self) -> Option<&str> {
        self.header("range")
    }
}

/// How many bytes of these answers had been sent before. Pieces may overlap in any way.
pub(super) fn repeated<'a>(answers: impl Iterator<Item = &'a Served>) -> u64 {
    let mut pieces: Vec<_> = answers
        .filter(|answer| matches!(answer.status, 200 | 206))
        .map(|answer| (answer.from, answer.from + answer.bytes_sent))
        .collect();
    pieces.sort_unstable();
    let sent: u64 = pieces.iter().map(|(from, to)| to - from).sum();
    let (mut covered, mut end) = (0, 0);
    for (from, to) in pieces {
        covered += to.saturating_sub(from.max(end));
        end = end.max(to);
    }
    sent - covered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(from: u64, bytes_sent: u64) -> Served {
        Served {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            target: Target::File,
            status: 206,
            from,
            bytes_sent,
            connection: 1,
            cut: false,
            at: Duration::ZERO,
            took: Duration::ZERO,
            headers: Vec::new(),
        }
    }

    #[test]
    fn bytes_sent_twice() {
        for (pieces, expected) in [
            (vec![(0, 10), (10, 10)], 0),
            (vec![(0, 10), (5, 10)], 5),
            (vec![(0, 10), (0, 10), (2, 3)], 13),
            (vec![(20, 5), (0, 10)], 0),
        ] {
            let answers: Vec<_> = pieces.iter().map(|&(from, sent)| answer(from, sent)).collect();
            assert_eq!(repeated(answers.iter()), expected, "{pieces:?}");
        }
    }
}
