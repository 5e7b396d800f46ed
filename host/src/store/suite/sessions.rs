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
    let change = |body: &str| format!("{body}+");
    assert_eq!(store.change_session("b", &change).await.unwrap(), None);
    let changed = store.change_session("a", &change).await.unwrap();
    assert_eq!(changed.as_deref(), Some("{}+"));
    assert_eq!(store.session("a").await.unwrap().unwrap().body, "{}+");
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

/// Each of many writers on two nodes adds a letter.
pub(super) async fn no_change_of_a_session_is_lost(place: Place) {
    let nodes = [place.open().await, place.open().await];
    nodes[0]
        .add_session(&session("a", "/", "ann", 1))
        .await
        .unwrap();
    let writing = (0..16_usize).map(|writer| {
        let store = Arc::clone(&nodes[writer % 2]);
        tokio::spawn(async move {
            let change = |body: &str| format!("{body}{writer:x}");
            store.change_session("a", &change).await.unwrap()
        })
    });
    for write in writing.collect::<Vec<_>>() {
        assert!(write.await.unwrap().is_some());
    }
    let body = nodes[1].session("a").await.unwrap().unwrap().body;
    let mut letters: Vec<char> = body.trim_start_matches("{}").chars().collect();
    letters.sort_unstable();
    assert_eq!(String::from_iter(letters), "0123456789abcdef");
}

/// What a store cannot tell it is asked for.
pub(super) async fn changes_by_others_are_told_or_found(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    if one.notices().is_some() {
        assert!(!one.sessions_changed().await.unwrap());
        return;
    }
    change(&one, &[put(draft(Kind::User, "/", "ann", ""))]).await;
    let changed = async || {
        let mut changed = Vec::new();
        for store in [&one, &other] {
            changed.push(store.sessions_changed().await.unwrap());
        }
        changed
    };
    for hash in ["a", "b"] {
        one.add_session(&session(hash, "/", "ann", 1))
            .await
            .unwrap();
    }
    assert_eq!(changed().await, [false, false], "a new session is no news");
    one.change_session("a", &|body| body.to_owned())
        .await
        .unwrap();
    assert_eq!(changed().await, [false, false], "nothing changed");
    one.change_session("a", &|_| "{}+".to_owned())
        .await
        .unwrap();
    assert_eq!(changed().await, [false, true]);
    assert_eq!(changed().await, [false, false], "it is told once");
    one.delete_session("a").await.unwrap();
    one.delete_session("a").await.unwrap();
    assert_eq!(changed().await, [false, true]);
    // A third one that comes later knows nothing that could be out of date, and the user's session ends with the user.
    let third = place.open().await;
    assert!(!third.sessions_changed().await.unwrap());
    change(&other, &[delete(Kind::User, "/", "ann")]).await;
    assert_eq!(changed().await, [true, false]);
    assert!(third.sessions_changed().await.unwrap());
}
