//! Errors as answers: the status that makes clients do the right thing, and a document that says why (RFC 9457).
//!
//! 404 only when it is known that there is no such thing: a resolver takes it for "does not exist", and would go on with another
//! version or another index. Whatever else is wrong is 5xx.

use std::time::Duration;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::body::Body;
use crate::base::class::chain;
use crate::fetch::{Attempt, FetchError};

/// What a client is told to wait when nobody said how long.
const WAIT: Duration = Duration::from_secs(5);

/// An answer of the server.
pub(super) type Answer = Response<Body>;

/// The answer for an error.
pub(super) fn of(error: &FetchError) -> Answer {
    let (status, title) = status(error);
    let mut more = Map::new();
    if let FetchError::Unavailable { attempts, .. } | FetchError::Deadline { attempts, .. } = error {
        more.insert("attempts".to_owned(), attempts.iter().map(attempt).collect());
    }
    if let FetchError::NoSuchProject { asked, .. } = error {
        more.insert("asked".to_owned(), json!(asked));
    }
    let mut answer = document(status, title, &chain(error), more);
    let wait = match error {
        FetchError::Unavailable { retry_after, .. } => Some(retry_after.unwrap_or(WAIT)),
        _ => None,
    };
    if let Some(wait) = wait {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    answer
}

/// The answer for a request that is at fault itself.
pub(super) fn plain(status: StatusCode, detail: &str) -> Answer {
    document(status, status.canonical_reason().unwrap_or("error"), detail, Map::new())
}

fn status(error: &FetchError) -> (StatusCode, &'static str) {
    match error {
        FetchError::NoSuchProject { .. } => (StatusCode::NOT_FOUND, "no such project"),
        FetchError::NoSuchFile { .. } => (StatusCode::NOT_FOUND, "no such file"),
        FetchError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "the index cannot be reached"),
        // Not 401 or 403: a client would look for credentials for the gateway.
        FetchError::Denied { .. } => (StatusCode::BAD_GATEWAY, "the index refuses access"),
        FetchError::HashMismatch { .. } | FetchError::DigestMismatch(_) => {
            (StatusCode::BAD_GATEWAY, "the content is wrong")
        }
        FetchError::Changed(_) => (StatusCode::BAD_GATEWAY, "the file has changed"),
        // RFC 9111 section 5.2.1.7 has this status for what only a cache may answer.
        FetchError::Offline { .. } => (StatusCode::GATEWAY_TIMEOUT, "offline, and not in the cache"),
        FetchError::Deadline { .. } => (StatusCode::GATEWAY_TIMEOUT, "it took too long"),
        FetchError::DiskFull { .. } => (StatusCode::INSUFFICIENT_STORAGE, "the disk is full"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "the gateway has a problem"),
    }
}

fn attempt(attempt: &Attempt) -> Value {
    json!({ "member": attempt.member, "times": attempt.times, "failure": attempt.failure.to_string() })
}

fn document(status: StatusCode, title: &str, detail: &str, mut more: Map<String, Value>) -> Answer {
    more.insert("title".to_owned(), title.into());
    more.insert("status".to_owned(), status.as_u16().into());
    more.insert("detail".to_owned(), detail.into());
    let mut answer = Answer::new(format!("{}\n", Value::Object(more)).into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    // pip and uv keep what may be kept, and a mirror's bad minute must not outlive it.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::fetch::MemberFailure;

    #[tokio::test]
    async fn says_what_each_member_did() {
        let attempts = vec![Attempt {
            member: "https://mirror.example/simple/".to_owned(),
            times: 3,
            failure: MemberFailure::Status(502),
        }];
        let answer = of(&FetchError::Unavailable { wanted: "six".to_owned(), attempts, retry_after: None });
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "5");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(document["attempts"][0]["failure"], "answered 502");
        assert!(document["detail"].as_str().unwrap().contains("six"), "{document}");
    }

    #[test]
    fn only_what_does_not_exist_is_not_found() {
        let six = || "six".to_owned();
        for (error, expected) in [
            (FetchError::NoSuchProject { project: six(), asked: Vec::new() }, 404),
            (FetchError::NoSuchFile { file: six(), source_name: six(), reason: six() }, 404),
            (FetchError::Denied { member: six(), wanted: six(), status: 403 }, 502),
            (FetchError::Offline { wanted: six() }, 504),
            (FetchError::Deadline { wanted: six(), within: WAIT, attempts: Vec::new(), retry_after: None }, 504),
            (FetchError::DiskFull { folder: six() }, 507),
            (FetchError::Store(six()), 500),
        ] {
            assert_eq!(of(&error).status(), expected, "{error}");
        }
    }
}
