//! The keys that seal bundles.

use std::time::Duration;

use crate::support::holder::{self, Holder};
use crate::{EDGE, in_time, started};

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_and_retired_ones_still_verify() {
    let (server, mut client) = started().await;
    let ann = Holder::new(server.address, &client.token("ann"));
    let keys = |arguments: &[&str]| {
        let done = std::process::Command::new(env!("CARGO_BIN_EXE_assize"))
            .args(["keys", "--data"])
            .arg(server.folder.path())
            .args(arguments)
            .output()
            .unwrap();
        (
            done.status.code(),
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        )
    };
    let kids = |listed: &str, stage: &str| -> Vec<String> {
        let lines = listed
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>());
        lines
            .filter(|line| line[0] == "bundles" && line[3] == stage)
            .map(|line| line[1].to_owned())
            .collect()
    };
    let (_, listed, _) = keys(&["list"]);
    let (current, next) = (
        kids(&listed, "current").remove(0),
        kids(&listed, "next").remove(0),
    );
    let pinned = ann.keys().await;
    let before = ann.get(EDGE, &[]).await.bytes().await.unwrap();
    let line = before.split(|byte| *byte == b'\n').next().unwrap();
    let line = std::str::from_utf8(line).unwrap().to_owned();
    assert_eq!(
        holder::verified(&pinned, &line).unwrap().0["kid"],
        current.as_str()
    );
    let held = ann.fetch(EDGE).await;

    let (code, listed, _) = keys(&["rotate"]);
    assert_eq!(
        (code, kids(&listed, "current"), kids(&listed, "retired")),
        (Some(0), vec![next.clone()], vec![current.clone()])
    );
    // The server takes it over by itself.
    in_time(async {
        while ann.fetch(EDGE).await.header["kid"] != next.as_str() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(ann.is_current(EDGE, &held).await, "the content is the same");
    assert_eq!(ann.keys().await["keys"].as_array().unwrap().len(), 3);
    let notice = ann
        .get(&format!("{EDGE}/notice"), &[])
        .await
        .text()
        .await
        .unwrap();
    assert!(
        holder::verified(&pinned, &notice).is_some(),
        "the next key was known before"
    );
    assert!(
        holder::verified(&ann.keys().await, &line).is_some(),
        "the retired key verifies"
    );

    let (code, _, why) = keys(&["remove", "bundles", &next]);
    assert_eq!(code, Some(2), "{why}");
    assert!(why.contains("rotate first"), "{why}");
    let (code, listed, _) = keys(&["remove", "bundles", &current]);
    assert_eq!((code, kids(&listed, "retired").len()), (Some(0), 0));
    in_time(async {
        while holder::verified(&ann.keys().await, &line).is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
