//! The patterns that a fetcher has to survive, and that real clients are tried with.

use std::time::Duration;

use bytes::Bytes;

use super::body::Body;
use super::content::Content;
use super::fault::{Fault, RetryAfter};
use super::pattern::{Pattern, Plan};
use super::rule::Rule;
use super::settings::Settings;

const SECOND: Duration = Duration::from_secs(1);
/// Bytes that come before an answer breaks off: less than most files have.
const SOME: u64 = 20_000;
const PORTAL: &[u8] = b"<html><body>Please log in to use this network.</body></html>";

/// Patterns of one server. Each leaves a chance: what it breaks works when tried again, continued, or asked for in another way.
#[must_use]
pub fn single() -> Vec<Pattern> {
    let each = |rule: Rule, count| rule.first(count).each_path();
    let any = |fault| each(Rule::any(fault), 1);
    let file = |fault| each(Rule::files(fault), 1);
    let page = |fault| each(Rule::pages(fault), 1);
    let one = |name, rule| Pattern::new(name, vec![rule]);
    let content = |name, change| Pattern::of(name, vec![Plan::Other(change)]);
    let broken = |name, fault| {
        // The first answer breaks off, so that a range is asked for, which is answered wrongly.
        Pattern::new(name, vec![each(Rule::files(Fault::ResetWithin(SOME)), 2), each(Rule::files(fault), 3)])
    };
    vec![
        one("reset-before", any(Fault::ResetBefore)),
        one("reset-within", each(Rule::files(Fault::ResetWithin(SOME)), 3)),
        one("reset-30-percent", Rule::any(Fault::ResetBefore).chance(30, 1)),
        one("closed-before", any(Fault::CloseBefore)),
        one("status-500", any(Fault::Status(500))),
        one("status-502", any(Fault::Status(502))),
        one("status-503", any(Fault::Status(503))),
        one("status-504", any(Fault::Status(504))),
        one("burst-503", Rule::any(Fault::Status(503)).lasting(8 * SECOND)).floor(8 * SECOND),
        one("burst-reset", Rule::any(Fault::ResetBefore).lasting(8 * SECOND)).floor(8 * SECOND),
        one("429-seconds", any(Fault::Busy(429, RetryAfter::Seconds(1)))).floor(3 * SECOND),
        one("429-date", any(Fault::Busy(429, RetryAfter::Date(2 * SECOND)))).floor(8 * SECOND),
        one("429-absurd", any(Fault::Busy(429, RetryAfter::Seconds(86_400)))),
        one("429-text", any(Fault::Busy(429, RetryAfter::Text("soon")))),
        one("429-missing", any(Fault::Busy(429, RetryAfter::Missing))),
        one("429-above-4", Rule::any(Fault::Busy(429, RetryAfter::Missing)).above(4)),
        one("truncated", each(Rule::files(Fault::Truncated(SOME)), 2)),
        one("truncated-unsized", each(Rule::files(Fault::TruncatedUnsized(SOME)), 2)),
        one("truncated-chunked", each(Rule::files(Fault::TruncatedChunked(SOME)), 2)),
        one("shortened", file(Fault::Shortened(SOME))),
        one("wrong-length", file(Fault::WrongLength(1000))),
        one("flipped", file(Fault::Flipped(SOME))),
        one("silence-before", any(Fault::SilenceBefore)),
        one("silence-within", file(Fault::SilenceWithin(SOME))),
        one("trickle", file(Fault::Trickle { after: SOME, rate: 500 })),
        one("connection-cut", Rule::any(Fault::ConnectionCut(1_000_000))),
        one("page-truncated", page(Fault::Shortened(200))),
        one("page-empty", page(Fault::Shortened(0))),
        one("page-portal", page(Fault::Instead("text/html", Bytes::from_static(PORTAL)))),
        one("page-bomb", page(Fault::GzipBomb(4 << 30))),
        one("page-huge", page(Fault::Huge(1 << 30))),
        one("header-flood", page(Fault::HeaderFlood(8 << 20))),
        content("html-only", Content::html_only),
        content("no-hashes", Content::without_hashes),
        content("no-metadata", Content::without_metadata),
        Pattern::of(
            "no-ranges",
            vec![Plan::OtherWith(
                Content::without_metadata,
                vec![Rule::files(Fault::NoRanges), each(Rule::files(Fault::ResetWithin(SOME)), 2)],
            )],
        ),
        broken("wrong-start", Fault::WrongStart(-100)),
        broken("other-start", Fault::OtherStart(100)),
        broken("wrong-total", Fault::WrongTotal(100)),
        broken("partial-as-whole", Fault::PartialAsWhole),
        one("whole-as-partial", file(Fault::WholeAsPartial(SOME))),
        one("redirect-loop", any(Fault::RedirectLoop)),
        Pattern::of("redirect-elsewhere", vec![Plan::Redirects]),
        Pattern::of("files-elsewhere", vec![Plan::Links]),
        Pattern::of("far-away", vec![Plan::Set(Settings::new().round_trip(Duration::from_millis(200)))]),
    ]
}

/// Patterns of two members that are meant to offer the same: the first one misbehaves for good, the second one is well.
#[must_use]
pub fn mirrored() -> Vec<Pattern> {
    let two = |name, plan| Pattern::of(name, vec![plan, Plan::Server(Vec::new())]);
    let one = |name, rule| two(name, Plan::Server(vec![rule]));
    vec![
        two("mirror-refused", Plan::Refused),
        two("mirror-black-hole", Plan::Hole),
        two("mirror-no-such-host", Plan::NoSuchHost),
        two("mirror-not-tls", Plan::NotTls),
        one("mirror-503-files", Rule::files(Fault::Status(503))),
        one("mirror-503", Rule::any(Fault::Status(503))),
        one("mirror-403-files", Rule::files(Fault::Status(403))),
        one("mirror-404-files", Rule::files(Fault::Status(404))),
        one("mirror-resets", Rule::any(Fault::ResetBefore)),
        one("mirror-silent", Rule::any(Fault::SilenceBefore)),
        one("mirror-silent-within", Rule::files(Fault::SilenceWithin(SOME))),
        one("mirror-trickles", Rule::files(Fault::Trickle { after: SOME, rate: 500 })),
        one("mirror-garbage", Rule::any(Fault::Garbage)),
        one("mirror-portal", Rule::any(Fault::Instead("text/html", Bytes::from_static(PORTAL)))),
        one("mirror-page-empty", Rule::pages(Fault::Shortened(0))),
        one("mirror-page-truncated", Rule::pages(Fault::Shortened(200))),
        one("mirror-bomb", Rule::pages(Fault::GzipBomb(4 << 30))),
        one("mirror-flood", Rule::any(Fault::HeaderFlood(8 << 20))),
        one("mirror-redirect-loop", Rule::any(Fault::RedirectLoop)),
        two("mirror-dies", Plan::Set(Settings::new().dies_after(1_000_000))),
        two("mirror-slow", Plan::Set(Settings::new().connection_rate(50_000))),
        two("mirror-stale", Plan::Other(stale)),
        two("mirror-partial", Plan::Other(partial)),
        one("mirror-flips", Rule::files(Fault::Flipped(SOME))),
        two("mirror-other-bytes", Plan::Other(other_bytes)),
    ]
}

/// Lacks every file of the last project, page included.
fn partial(content: Content) -> Content {
    let Some(project) = content.files().last().map(|file| file.project.clone()) else { return content };
    let names: Vec<_> =
        content.files().iter().filter(|file| file.project == project).map(|file| file.name.clone()).collect();
    names.iter().fold(content, |content, name| content.without(name))
}

/// Lacks the last file of each project that has more than one.
fn stale(content: Content) -> Content {
    let files = content.files();
    let is_last = |at: usize| {
        files[..at].iter().any(|file| file.project == files[at].project)
            && files[at + 1..].iter().all(|file| file.project != files[at].project)
    };
    let names: Vec<_> = (0..files.len()).filter(|at| is_last(*at)).map(|at| files[at].name.clone()).collect();
    names.iter().fold(content, |content, name| content.without(name))
}

/// Serves noise under the right names, sizes and hashes.
fn other_bytes(content: Content) -> Content {
    let names: Vec<_> = content.files().iter().map(|file| file.name.clone()).collect();
    names.iter().fold(content, |content, name| content.change(name, |file| file.body = Body::noise(1, file.size)))
}
