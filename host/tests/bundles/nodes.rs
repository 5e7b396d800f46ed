//! Several nodes on one store.

use std::time::Duration;

use crate::support::holder::{Events, Holder};
use crate::support::{TestServer, postgres};
use crate::{EDGE, change, in_time, set_up};

/// Two nodes on one database: what is written through one is noticed at the other, and both say the same.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_one_store_publish_alike() {
    let postgres = postgres::Server::shared().await;
    let url = postgres.database().await;
    let one = TestServer::with(&[("database", url.clone().into())]).await;
    let other = TestServer::with(&[("database", url.into())]).await;
    let mut client = one.client();
    set_up(&mut client);
    let [ann, ann_there] = [one.address, other.address]
        .map(|address| (address, client.token("ann")))
        .map(|(address, token)| Holder::new(address, &token));
    in_time(async {
        while ann_there.status(EDGE).await != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(ann.keys().await, ann_there.keys().await);
    let mut events = Events::open(&ann_there, &format!("{EDGE}/events")).await;
    let mut seen = ann_there
        .read_notice(&in_time(events.next()).await.unwrap())
        .await["revision"]
        .as_u64()
        .unwrap();
    for n in 0..5 {
        change(&mut client, &format!("https://a.example.com/{n}"));
        let here = ann.fetch(EDGE).await;
        // A change that came in between may have been noticed, too.
        while seen < here.revision() {
            let event = in_time(events.next()).await.unwrap();
            seen = ann_there.read_notice(&event).await["revision"]
                .as_u64()
                .unwrap();
        }
        let there = ann_there.fetch(EDGE).await;
        assert_eq!((there.tag, there.bytes), (here.tag, here.bytes));
    }
}
