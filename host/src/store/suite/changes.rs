//! Changes: one revision each, whole or not at all, and several writers at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

pub(super) async fn revisions_only_grow(place: Place) {
    let store = place.open().await;
    assert_eq!(store.revision().await.unwrap(), 0);
    let first = store.apply("a", 1000, "one", &[]).await.unwrap();
    assert_eq!((first.previous, first.revision), (0, 1000));
    // A clock that goes back does not take the revision with it.
    let second = store.apply("a", 10, "two", &[]).await.unwrap();
    assert_eq!((second.previous, second.revision), (1000, 1001));
    assert_eq!(store.revision().await.unwrap(), 1001);
}

pub(super) async fn a_change_is_made_as_a_whole_or_not_at_all(place: Place) {
    let store = place.open().await;
    change(&store, &[put(policy("p", "1")), put(policy("r", "1"))]).await;
    let p = store.object(Kind::Policy, "/", "p").await.unwrap().unwrap();
    let failing = [
        require("p", p.revision + 1),
        require("none", p.revision),
        Write::Put(Expect::Absent, policy("p", "2")),
        Write::Put(Expect::Present, policy("none", "2")),
        delete(Kind::Policy, "/", "none"),
        Write::DeleteRealm {
            realm: "/none".into(),
        },
    ];
    for last in failing {
        let writes = [put(policy("q", "2")), delete(Kind::Policy, "/", "r"), last];
        store.apply("a", 2, "", &writes).await.unwrap_err();
        let unchanged = [
            ("p".to_owned(), "1".to_owned()),
            ("r".to_owned(), "1".to_owned()),
        ];
        assert_eq!(bodies(&store, "/").await, unchanged);
        assert_eq!(store.revision().await.unwrap(), 1);
        assert_eq!(store.revisions(None, 10).await.unwrap().len(), 1);
    }
    // A change may ask for what it was made from.
    let writes = [require("p", p.revision), put(policy("p", "2"))];
    change(&store, &writes).await;
    assert_eq!(bodies(&store, "/").await[0].1, "2");
    // A document may be written more than once by one change: the last one stays.
    let writes = [
        put(policy("p", "2")),
        delete(Kind::Policy, "/", "p"),
        put(policy("p", "3")),
    ];
    change(&store, &writes).await;
    assert_eq!(bodies(&store, "/").await[0].1, "3");
}

fn require(key: &str, revision: u64) -> Write {
    Write::Require {
        kind: Kind::Policy,
        realm: "/".into(),
        key: key.into(),
        revision,
    }
}

/// Two nodes, ten writers each: every change has a revision of its own, and follows the one that it says it follows.
pub(super) async fn writers_wait_for_each_other(place: Place) {
    let nodes = [place.open().await, place.open().await];
    let writing = (0..20).map(|n: usize| {
        let store = Arc::clone(&nodes[n % 2]);
        tokio::spawn(async move {
            let write = Write::Put(Expect::Absent, policy(&format!("p{n}"), ""));
            store.apply("a", 1, "", &[write]).await
        })
    });
    let mut made = Vec::new();
    for write in writing.collect::<Vec<_>>() {
        let applied = write.await.unwrap().unwrap();
        made.push((applied.previous, applied.revision));
    }
    made.sort_unstable();
    assert_eq!(
        made,
        (1..=20).map(|n| (n - 1, n)).collect::<Vec<(u64, u64)>>()
    );
    assert_eq!(bodies(&nodes[0], "/").await.len(), 20);
}

/// Two nodes put versions of the same document: the history has each of them, in one line.
pub(super) async fn no_update_is_lost(place: Place) {
    let nodes = [place.open().await, place.open().await];
    let writing = (0..16).map(|n: usize| {
        let store = Arc::clone(&nodes[n % 2]);
        tokio::spawn(async move {
            let revision = change(&store, &[put(policy("p", &n.to_string()))]).await;
            (revision, n.to_string())
        })
    });
    let mut written = Vec::new();
    for write in writing.collect::<Vec<_>>() {
        written.push(write.await.unwrap());
    }
    written.sort_unstable();
    let mut before = None;
    for (revision, body) in written {
        let differences = nodes[0].diff(revision - 1, revision).await.unwrap();
        let [difference] = differences.as_slice() else {
            unreachable!("{differences:?}")
        };
        let was = difference.before.as_ref().map(|object| object.body.clone());
        assert_eq!(was, before);
        assert_eq!(difference.after.as_ref().unwrap().body, body);
        before = Some(body);
    }
    assert_eq!(bodies(&nodes[1], "/").await[0].1, before.unwrap());
}

/// One node writes pairs that belong together, another reads them while it does.
pub(super) async fn no_half_of_a_change_is_seen(place: Place) {
    let (writer, reader) = (place.open().await, place.open().await);
    change(&writer, &[put(policy("p", "0")), put(policy("q", "0"))]).await;
    let done = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&done);
    let writing = tokio::spawn(async move {
        for n in 1..60 {
            let body = n.to_string();
            change(&writer, &[put(policy("p", &body)), put(policy("q", &body))]).await;
        }
        ended.store(true, Ordering::Release);
    });
    let mut views = 0;
    while !done.load(Ordering::Acquire) || views == 0 {
        let mut view = reader.view().await.unwrap();
        let p = view.object(Kind::Policy, "/", "p").await.unwrap().unwrap();
        let revisions = view.revisions_of(Kind::Policy, "/").await.unwrap();
        let all = view.objects(Kind::Policy, "/").await.unwrap();
        let q = view.object(Kind::Policy, "/", "q").await.unwrap().unwrap();
        assert_eq!(
            (p.body.as_str(), p.revision),
            (q.body.as_str(), view.revision())
        );
        assert!(
            revisions
                .iter()
                .all(|(_, revision)| *revision == view.revision())
        );
        assert!(all.iter().all(|object| object.body == p.body));
        views += 1;
    }
    writing.await.unwrap();
}

pub(super) async fn a_view_stays_as_it_is(place: Place) {
    let (writer, reader) = (place.open().await, place.open().await);
    let first = change(&writer, &[put(policy("p", "1"))]).await;
    let mut view = reader.view().await.unwrap();
    let second = change(&writer, &[put(policy("p", "2")), put(policy("q", "2"))]).await;
    assert_eq!(view.revision(), first);
    assert_eq!(
        view.object(Kind::Policy, "/", "p")
            .await
            .unwrap()
            .unwrap()
            .body,
        "1"
    );
    assert_eq!(view.objects(Kind::Policy, "/").await.unwrap().len(), 1);
    drop(view);
    let mut view = reader.view().await.unwrap();
    assert_eq!(view.revision(), second);
    assert_eq!(view.objects(Kind::Policy, "/").await.unwrap().len(), 2);
}

/// Of writers that all expect a name to be free, one makes it.
pub(super) async fn only_one_makes_a_name(place: Place) {
    let nodes = [place.open().await, place.open().await];
    let writing = (0..10).map(|n: usize| {
        let store = Arc::clone(&nodes[n % 2]);
        tokio::spawn(async move {
            let named = Draft {
                name_key: "taken".into(),
                ..draft(Kind::ResourceType, "/", &format!("u{}", n / 2), "")
            };
            store
                .apply("a", 1, "", &[Write::Put(Expect::Absent, named)])
                .await
        })
    });
    let mut made = 0;
    for write in writing.collect::<Vec<_>>() {
        match write.await.unwrap() {
            Ok(_) => made += 1,
            Err(error) => assert!(matches!(error, StoreError::Exists { .. }), "{error}"),
        }
    }
    assert_eq!(made, 1);
    assert_eq!(
        nodes[0]
            .objects(Kind::ResourceType, "/")
            .await
            .unwrap()
            .len(),
        1
    );
}

pub(super) async fn a_large_change_is_surveyed_and_made_again(place: Place) {
    const COUNT: usize = 1000;
    let store = place.open().await;
    let all = |expect, body: &str| -> Vec<Write> {
        let keys = (0..COUNT).map(|n| format!("p{n:04}"));
        keys.map(|key| Write::Put(expect, policy(&key, body)))
            .collect()
    };
    let first = change(&store, &all(Expect::Absent, "1")).await;
    store.survey().await;
    if let Place::Postgres { .. } = place {
        // It plans by what it believes of its tables.
        place
            .run(
                "DO $$ BEGIN IF (SELECT reltuples FROM pg_class WHERE relname = 'objects') < 1000 \
                 THEN RAISE 'not surveyed'; END IF; END $$",
            )
            .await;
    }
    let second = change(&store, &all(Expect::Anything, "2")).await;
    let bodies = bodies(&store, "/").await;
    assert_eq!(bodies.len(), COUNT);
    assert!(bodies.iter().all(|(_, body)| body == "2"));
    let differences = store.diff(first, second).await.unwrap();
    assert_eq!(differences.len(), COUNT, "each has a past");
    let third = all(Expect::Absent, "3");
    let refused = store.apply("tester", 1, "", &third).await;
    assert!(matches!(refused, Err(StoreError::Exists { .. })));
}
