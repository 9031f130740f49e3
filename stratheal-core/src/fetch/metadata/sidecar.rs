//! The metadata as a file beside the wheel: the URL of the wheel with `.metadata` added (PEP 658, 714).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::wheel::MAX_METADATA;
use crate::fetch::failure::{Failure, FailureKind};
use crate::fetch::places::Places;
use crate::fetch::shared::Shared;
use crate::fetch::small::Small;
use crate::fetch::totals::Count;
use crate::fetch::transport::{Answer, Ask};
use crate::fetch::{FetchError, FileRequest};
use crate::objects::ContentId;

const IDLE: Duration = Duration::from_secs(15);

/// Fetches the file beside the wheel. `None` when no member has it.
pub(super) async fn fetch(
    shared: &Arc<Shared>,
    request: &FileRequest,
    promised: Option<ContentId>,
) -> Result<Option<Bytes>, FetchError> {
    let more = Places::checked(shared, request, promised.is_some()).beside(beside);
    let places = more.now().await;
    let wanted = format!("{}.metadata", request.file.name);
    let read = |answer: Answer| async move {
        if answer.status != 200 {
            return Err(answer.status_failure(shared.now()));
        }
        let body = answer.collect(MAX_METADATA as usize, IDLE, &|_| ()).await?;
        shared.counters.add(Count::NetworkBytes, body.len() as u64);
        let got = ContentId::of(&body);
        match promised.filter(|promised| *promised != got) {
            None => Ok(body),
            Some(promised) => {
                let text = format!("sent other metadata than the index promises (sha256 {got}, not {promised})");
                Err(Failure::new(FailureKind::Refused, text))
            }
        }
    };
    Small { wanted: &wanted, places, more: Some(&more), ask: Ask::default(), bytes: 16 << 10 }.get(shared, read).await
}

fn beside(url: &Url) -> Url {
    let mut beside = url.clone();
    beside.set_path(&format!("{}.metadata", url.path()));
    beside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_the_wheel() {
        for (url, expected) in [
            ("http://a.test/f/a-1.whl", "http://a.test/f/a-1.whl.metadata"),
            ("http://a.test/f/a-1%2B2.whl?token=x", "http://a.test/f/a-1%2B2.whl.metadata?token=x"),
        ] {
            assert_eq!(beside(&url.parse().unwrap()).as_str(), expected);
        }
    }
}
