//! Sessions.

use super::*;

pub(super) async fn sessions_are_found_used_changed_and_ended(place: Place) {
    let store = place.open().await;
    for (hash, used) in [("b", 20), ("a", 10), ("c", 30)] {
        store
            .add_session(&session(hash, "/", "ann", used))
            .await
            .unwrap();
    }
    assert!(
        store
            .add_session(&session("a", "/", "bob", 1))
            .await
            .is_err(),
        "hashes are unique"
    );
    let of = async |realm: &str, user: &str| {
        let sessions = store.sessions_of(realm, user).await.unwrap();
        sessions
            .into_iter()
            .map(|session| session.hash)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("/", "ann").await, ["a", "b", "c"]);
    assert!(of("/a", "ann").await.is_empty() && of("/", "bob").await.is_empty());
    let within = async |realm: &str, most: u32| {
        let sessions = store.sessions_in(realm, most).await.unwrap();
        let hashes = sessions.into_iter().map(|session| session.hash);
        hashes.collect::<Vec<_>>()
    };
    assert_eq!(within("/", 3).await, ["c", "b", "a"]);
    assert_eq!(within("/", 2).await, ["c", "b"]);
    assert!(within("/a", 3).await.is_empty());
    // A use that was noted late does not set a session back.
    let used = [
        ("a".to_owned(), 40),
        ("c".to_owned(), 5),
        ("gone".to_owned(), 50),
    ];
    store.touch_sessions(&used).await.unwrap();
    assert_eq!(store.session("a").await.unwrap().unwrap().last_used, 40);
    assert_eq!(store.session("c").await.unwrap().unwrap().last_used, 30);
    assert!(store.delete_session("b").await.unwrap());
    assert!(!store.delete_session("b").await.unwrap());
    assert!(!store.update_session("b", "{\"x\":1}").await.unwrap());
    assert!(store.update_session("a", "{\"x\":1}").await.unwrap());
    assert_eq!(store.session("a").await.unwrap().unwrap().body, "{\"x\":1}");
    assert_eq!(store.delete_expired_sessions(35, 0).await.unwrap(), 1);
    assert_eq!(store.delete_expired_sessions(0, 2).await.unwrap(), 1);
    assert!(store.session("a").await.unwrap().is_none());
}

pub(super) async fn sessions_end_with_their_user(place: Place) {
    let store = place.open().await;
    let users = ["ann", "bob"].map(|user| put(draft(Kind::User, "/", user, "")));
    change(&store, &users).await;
    for (hash, user) in [("a", "ann"), ("b", "bob"), ("c", "ann")] {
        store
            .add_session(&session(hash, "/", user, 1))
            .await
            .unwrap();
    }
    store
        .add_session(&session("d", "/a", "ann", 1))
        .await
        .unwrap();
    change(&store, &[delete(Kind::User, "/", "ann")]).await;
    for (hash, there) in [("a", false), ("b", true), ("c", false), ("d", true)] {
        assert_eq!(
            store.session(hash).await.unwrap().is_some(),
            there,
            "{hash}"
        );
    }
}

/// Each node writes uses of the same sessions, in its own order, while others of them are ended.
pub(super) async fn uses_written_from_two_sides_do_not_fail(place: Place) {
    let nodes = [place.open().await, place.open().await];
    for n in 0..20 {
        nodes[0]
            .add_session(&session(&format!("s{n}"), "/", "ann", 1))
            .await
            .unwrap();
    }
    let writing = (0..8).map(|writer: i64| {
        let store = Arc::clone(&nodes[usize::try_from(writer % 2).unwrap()]);
        tokio::spawn(async move {
            let mut used: Vec<_> = (0..20).map(|n| (format!("s{n}"), 10 + writer)).collect();
            if writer % 3 == 0 {
                used.reverse();
            }
            store.touch_sessions(&used).await.unwrap();
            store.delete_expired_sessions(0, 0).await.unwrap();
        })
    });
    for write in writing.collect::<Vec<_>>() {
        write.await.unwrap();
    }
    let sessions = nodes[1].sessions_of("/", "ann").await.unwrap();
    assert_eq!(sessions.len(), 20);
    assert!(sessions.iter().all(|session| session.last_used == 17));
}
