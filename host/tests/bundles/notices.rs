//! How a holder hears of changes: long polls and streams.

use serde_json::{Value, json};
use std::time::Duration;

use crate::support::holder::{Events, Holder};
use crate::support::{TestServer, fits};
use crate::{EDGE, change, in_time, policy, set_up, started};

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_answers_at_the_change() {
    let (server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let first = ann.notice(&format!("{EDGE}/notice")).await;
    let shape = json!({
        "iss": "<string>", "realm": "/", "name": "edge", "revision": "<number>", "instant": "<number>",
    });
    fits(&shape, &first).unwrap();
    let revision = first["revision"].as_u64().unwrap();
    // One who holds less is answered at once, and so is one who does not want to wait.
    let behind = format!("{EDGE}/notice?after={}&wait=55", revision - 1);
    assert_eq!(in_time(ann.notice(&behind)).await["revision"], revision);
    let now = format!("{EDGE}/notice?after={revision}&wait=0");
    assert_eq!(in_time(ann.notice(&now)).await["revision"], revision);
    // After the time a fresh notice of the same.
    let later = in_time(ann.notice(&format!("{EDGE}/notice?after={revision}&wait=1"))).await;
    assert_eq!(later["revision"], revision);
    assert!(later["instant"].as_i64() > first["instant"].as_i64());
    let path = format!("{EDGE}/notice?after={revision}&wait=55");
    let waiting = tokio::spawn(async move { ann.notice(&path).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    // What is not in the bundle wakes nobody.
    client.admin(
        "PUT",
        "/policies/policy%20of%20b",
        &policy("b", "policy of b", "https://b.example.com/y"),
    );
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    change(&mut client, "https://a.example.com/only");
    let noticed = in_time(waiting).await.unwrap();
    assert!(noticed["revision"].as_u64().unwrap() > revision);
    for (query, what) in [
        ("after=x", "after"),
        ("after=1&wait=56", "55"),
        ("wait=1", "after"),
        ("after=1&wait=-1", "wait"),
        ("after=1&after=2", "after"),
    ] {
        let ann = Holder::new(server.address, &client.token("ann"));
        let refused = ann.get(&format!("{EDGE}/notice?{query}"), &[]).await;
        assert_eq!(refused.status().as_u16(), 400, "{query}");
        let message = refused.text().await.unwrap();
        assert!(message.contains(what), "{query}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_tells_each_change_and_ends_with_the_right_to_it() {
    let (server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let mut events = Events::open(&ann, &format!("{EDGE}/events")).await;
    let mut seen = 0;
    for n in 0..3 {
        let event = in_time(events.next()).await.unwrap();
        let revision = ann.read_notice(&event).await["revision"].as_u64().unwrap();
        assert!(revision > seen);
        seen = revision;
        change(&mut client, &format!("https://a.example.com/{n}"));
    }
    in_time(events.next()).await.unwrap();
    // The reader is taken out: the change of the definition is the last that the stream notices, and it does not tell it.
    client.admin("PUT", "/bundles/edge", &json!({"policySets": ["a"]}));
    assert_eq!(in_time(events.next()).await, None);

    let amadmin = Holder::new(server.address, &client.token("amadmin"));
    let mut events = Events::open(&amadmin, &format!("{EDGE}/events")).await;
    in_time(events.next()).await.unwrap();
    client.admin("DELETE", "/bundles/edge", &Value::Null);
    assert_eq!(in_time(events.next()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_not_silent_where_nothing_happens() {
    let server = TestServer::with(&[("notice_seconds", 1.into())]).await;
    let mut client = server.client();
    set_up(&mut client);
    let ann = Holder::new(server.address, &client.token("ann"));
    let mut events = Events::open(&ann, &format!("{EDGE}/events")).await;
    let mut before = Value::Null;
    for _ in 0..3 {
        let event = in_time(events.next()).await.unwrap();
        let notice = ann.read_notice(&event).await;
        if !before.is_null() {
            assert_eq!(notice["revision"], before["revision"]);
            assert!(notice["instant"].as_i64() > before["instant"].as_i64());
        }
        before = notice;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_are_bounded_and_do_not_hold_up_a_stop() {
    let mut server = TestServer::with(&[
        ("subscribers", 3.into()),
        ("subscribers_per_caller", 2.into()),
        ("shutdown_seconds", 600.into()),
    ])
    .await;
    let mut client = server.client();
    set_up(&mut client);
    let path = format!("{EDGE}/events");
    let (ann, amadmin) = (client.token("ann"), client.token("amadmin"));
    let [ann, amadmin] = [ann, amadmin].map(|token| Holder::new(server.address, &token));
    let mut one = Events::open(&ann, &path).await;
    let two = Events::open(&ann, &path).await;
    assert_eq!(ann.status(&path).await, 429);
    let three = Events::open(&amadmin, &path).await;
    assert_eq!(amadmin.status(&path).await, 503);
    // Who goes away gives the place back, at the latest with the next event that cannot be sent.
    drop((two, three));
    in_time(async {
        let mut n = 0;
        while amadmin.status(&path).await != 200 {
            n += 1;
            change(&mut client, &format!("https://a.example.com/{n}"));
        }
    })
    .await;
    in_time(server.server.take().unwrap().stop()).await.unwrap();
    while in_time(one.next()).await.is_some() {}
}
