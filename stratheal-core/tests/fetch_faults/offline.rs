//! Everything is gone after a warm run.

use stratheal_core::fetch::{FetchError, Fetcher, FileOrigin};
use stratheal_core::index::Chain;
use stratheal_core::testing::faulty_index::{Fault, FaultyIndex, Rule};

use super::trial::{complete, content, everything, fetcher, project, source, transport};

#[tokio::test]
async fn one_warm_run_is_enough_under_any_order_of_the_members() {
    let content = content();
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (
        FaultyIndex::start(content.clone(), vec![]).await.unwrap(),
        FaultyIndex::start(content.clone(), vec![]).await.unwrap(),
    );
    let urls = [one.url(), two.url()];
    complete(&everything(&fetcher(vec![source(&urls)], folder.path()), &content).await.unwrap(), &content).unwrap();
    let before = one.connections() + two.connections();

    for order in [vec![0, 1], vec![1, 0], vec![0], vec![1]] {
        let urls: Vec<_> = order.iter().map(|place| urls[*place].clone()).collect();
        let chain = Chain { sources: vec![source(&urls)] };
        let offline =
            Fetcher::builder(chain, folder.path().to_owned()).transport(transport()).offline(true).build().unwrap();
        let fetched = everything(&offline, &content).await.unwrap_or_else(|error| panic!("{order:?}: {error}"));
        complete(&fetched, &content).unwrap();
        assert!(fetched.iter().all(|file| file.origin == FileOrigin::Store), "{fetched:?}");
        let error = offline.page(&project("part-99")).await.unwrap_err();
        assert!(matches!(error, FetchError::Offline { .. }), "{error}");
    }
    assert_eq!(one.connections() + two.connections(), before, "offline opens no socket");
}

#[tokio::test]
async fn pages_are_served_stale_when_every_member_is_gone() {
    let content = content().max_age(0);
    let folder = tempfile::tempdir().unwrap();
    let index = FaultyIndex::start(content.clone(), vec![]).await.unwrap();
    let url = [index.url()];
    everything(&fetcher(vec![source(&url)], folder.path()), &content).await.unwrap();
    for fault in [Fault::Status(503), Fault::ResetBefore, Fault::Shortened(10)] {
        index.set_rules(vec![Rule::any(fault.clone())]);
        let fetched = everything(&fetcher(vec![source(&url)], folder.path()), &content).await;
        complete(&fetched.unwrap_or_else(|error| panic!("{fault:?}: {error}")), &content).unwrap();
    }
    index.stop().await;
    let fetched = everything(&fetcher(vec![source(&url)], folder.path()), &content).await.unwrap();
    complete(&fetched, &content).unwrap();
}
