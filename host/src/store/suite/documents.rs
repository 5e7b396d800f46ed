//! Documents: written, found, expected, deleted.

use super::*;

pub(super) async fn what_is_put_is_found(place: Place) {
    let store = place.open().await;
    change(&store, &[put(realm("/a"))]).await;
    let kinds = [
        Kind::ResourceType,
        Kind::PolicySet,
        Kind::Policy,
        Kind::Script,
        Kind::User,
    ];
    for (n, kind) in kinds.into_iter().enumerate() {
        let body = format!("{{\"n\":{n},\"text\":\"ü \\u0000 '\\\" $1\"}}");
        let secret = (kind == Kind::User).then(|| "$argon2id$x".to_owned());
        let one = Draft {
            secret: secret.clone(),
            ..draft(kind, "/a", "k'é", &body)
        };
        change(&store, &[put(one)]).await;
        let found = store.object(kind, "/a", "k'é").await.unwrap().unwrap();
        assert_eq!((found.body, found.secret), (body, secret));
        assert_eq!((found.name.as_str(), found.owner.as_str()), ("K'É", "set"));
        assert!(store.object(kind, "/b", "k'é").await.unwrap().is_none());
        assert!(store.object(kind, "/a", "k").await.unwrap().is_none());
        assert_eq!(store.objects(kind, "/a").await.unwrap().len(), 1);
    }
    assert!(store.objects(Kind::Group, "/a").await.unwrap().is_empty());
}

pub(super) async fn pages_hold_every_document_once(place: Place) {
    let store = place.open().await;
    let keys: Vec<String> = (0..=PAGE).map(|n| format!("{n:04}")).collect();
    let mut writes: Vec<Write> = keys.iter().rev().map(|key| put(policy(key, ""))).collect();
    writes.push(put(realm("/a")));
    writes.push(put(draft(Kind::Policy, "/a", "elsewhere", "")));
    writes.push(put(draft(Kind::User, "/", "0500", "")));
    change(&store, &writes).await;
    let mut view = store.view().await.unwrap();
    let (mut after, mut found, mut sizes) = (String::new(), Vec::new(), Vec::new());
    loop {
        let page = view.page(Kind::Policy, "/", &after).await.unwrap();
        sizes.push(page.len());
        let Some(last) = page.last() else { break };
        after.clone_from(&last.key);
        found.extend(page.into_iter().map(|policy| policy.key));
    }
    assert_eq!(found, keys);
    assert_eq!(sizes, [PAGE, 1, 0]);
}

pub(super) async fn expectations_are_kept(place: Place) {
    let store = place.open().await;
    let apply = async |expect, body: &str| {
        let write = Write::Put(expect, policy("p", body));
        store.apply("a", 1, "", &[write]).await
    };
    assert!(
        matches!(apply(Expect::Present, "0").await, Err(StoreError::Missing { key }) if key == "p")
    );
    apply(Expect::Absent, "1").await.unwrap();
    assert!(
        matches!(apply(Expect::Absent, "2").await, Err(StoreError::Exists { key }) if key == "p")
    );
    assert_eq!(
        bodies(&store, "/").await,
        [("p".to_owned(), "1".to_owned())]
    );
    apply(Expect::Present, "3").await.unwrap();
    apply(Expect::Anything, "4").await.unwrap();
    assert_eq!(
        bodies(&store, "/").await,
        [("p".to_owned(), "4".to_owned())]
    );
    change(&store, &[delete(Kind::Policy, "/", "p")]).await;
    let again = store
        .apply("a", 1, "", &[delete(Kind::Policy, "/", "p")])
        .await;
    assert!(matches!(again, Err(StoreError::Missing { key }) if key == "p"));
    apply(Expect::Absent, "5").await.unwrap();
}

pub(super) async fn second_names_are_unique_too(place: Place) {
    let store = place.open().await;
    let first = put(draft(Kind::ResourceType, "/", "u1", ""));
    change(&store, &[first, put(realm("/a"))]).await;
    let other = Draft {
        name_key: "name of u1".into(),
        ..draft(Kind::ResourceType, "/", "u2", "")
    };
    for expect in [Expect::Absent, Expect::Anything] {
        let result = store
            .apply("a", 2, "", &[Write::Put(expect, other.clone())])
            .await;
        assert!(
            matches!(result, Err(StoreError::Exists { .. })),
            "{result:?}"
        );
    }
    // Another realm, and another kind, have names of their own.
    change(
        &store,
        &[put(Draft {
            realm: "/a".into(),
            ..other.clone()
        })],
    )
    .await;
    change(
        &store,
        &[put(Draft {
            kind: Kind::PolicySet,
            ..other.clone()
        })],
    )
    .await;
    // The name is free again once its document has another one.
    let renamed = Draft {
        name_key: "new".into(),
        ..draft(Kind::ResourceType, "/", "u1", "")
    };
    change(&store, &[put(renamed), put(other)]).await;
}

pub(super) async fn a_change_keeps_who_made_a_document(place: Place) {
    let store = place.open().await;
    store
        .apply("maker", 5, "", &[put(policy("p", ""))])
        .await
        .unwrap();
    store
        .apply("changer", 9, "", &[put(policy("p", ""))])
        .await
        .unwrap();
    let object = store.object(Kind::Policy, "/", "p").await.unwrap().unwrap();
    let expected = Stamp {
        created_by: "maker".into(),
        created_at: 5,
        modified_by: "changer".into(),
        modified_at: 9,
    };
    assert_eq!((object.stamp, object.revision), (expected, 9));
    let mut view = store.view().await.unwrap();
    assert_eq!(
        view.revisions_of(Kind::Policy, "/").await.unwrap(),
        [("p".to_owned(), 9)]
    );
}

pub(super) async fn a_restored_stamp_is_kept(place: Place) {
    let store = place.open().await;
    let stamp = Stamp {
        created_by: "x".into(),
        created_at: -7,
        modified_by: "y".into(),
        modified_at: 8,
    };
    change(
        &store,
        &[put(Draft {
            stamp: Some(stamp.clone()),
            ..policy("p", "")
        })],
    )
    .await;
    assert_eq!(
        store
            .object(Kind::Policy, "/", "p")
            .await
            .unwrap()
            .unwrap()
            .stamp,
        stamp
    );
}

pub(super) async fn members_follow_their_group_and_their_user(place: Place) {
    let store = place.open().await;
    let groups = async |user: &str| store.groups_of("/", user).await.unwrap();
    let group = |key: &str, members: &[&str]| {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        put(Draft {
            members,
            ..draft(Kind::Group, "/", key, "")
        })
    };
    change(&store, &[put(draft(Kind::User, "/", "ann", ""))]).await;
    change(
        &store,
        &[group("h", &["ann"]), group("g", &["ann", "bob", "ann"])],
    )
    .await;
    assert_eq!(groups("ann").await, ["G", "H"]);
    assert_eq!(groups("bob").await, ["G"]);
    assert!(store.groups_of("/a", "ann").await.unwrap().is_empty());
    change(&store, &[group("g", &["ann"])]).await;
    assert!(groups("bob").await.is_empty());
    change(&store, &[delete(Kind::Group, "/", "h")]).await;
    assert_eq!(groups("ann").await, ["G"]);
    change(&store, &[delete(Kind::User, "/", "ann")]).await;
    assert!(groups("ann").await.is_empty());
}

pub(super) async fn a_deleted_realm_takes_everything_with_it(place: Place) {
    let store = place.open().await;
    let of_realm = |name: &str| {
        let group = Draft {
            members: vec!["ann".into()],
            ..draft(Kind::Group, name, "g", "")
        };
        [
            put(realm(name)),
            put(draft(Kind::User, name, "ann", "")),
            put(group),
            put(draft(Kind::Policy, name, "p", "")),
        ]
    };
    for name in ["/a", "/ab", "/c"] {
        change(&store, &of_realm(name)).await;
        store
            .add_session(&session(&format!("s{name}"), name, "ann", 1))
            .await
            .unwrap();
    }
    change(&store, &[Write::DeleteRealm { realm: "/a".into() }]).await;
    for (name, left) in [("/a", 0), ("/ab", 1), ("/c", 1)] {
        for kind in [Kind::User, Kind::Group, Kind::Policy] {
            assert_eq!(
                store.objects(kind, name).await.unwrap().len(),
                left,
                "{name} {kind:?}"
            );
        }
        assert_eq!(store.groups_of(name, "ann").await.unwrap().len(), left);
        assert_eq!(
            store
                .session(&format!("s{name}"))
                .await
                .unwrap()
                .iter()
                .count(),
            left
        );
    }
    let realms = store.objects(Kind::Realm, "").await.unwrap();
    assert_eq!(
        realms
            .iter()
            .map(|realm| realm.key.as_str())
            .collect::<Vec<_>>(),
        ["/ab", "/c"]
    );
    let again = store
        .apply("a", 1, "", &[Write::DeleteRealm { realm: "/a".into() }])
        .await;
    assert!(matches!(again, Err(StoreError::Missing { .. })));
}

/// By instant, and by the bytes of the key where that is the same: whatever order the database's language has.
pub(super) async fn documents_come_in_order_of_creation(place: Place) {
    let store = place.open().await;
    for (at, key) in [
        (3, "a"),
        (1, "é"),
        (1, "z"),
        (1, "Z"),
        (1, "a-b"),
        (1, "ab"),
        (2, "b"),
    ] {
        store
            .apply("a", at, "", &[put(policy(key, ""))])
            .await
            .unwrap();
    }
    let objects = store.objects(Kind::Policy, "/").await.unwrap();
    let keys: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["Z", "a-b", "ab", "z", "é", "b", "a"]);
}

/// What a client sends as a name is looked for as it is, and is nowhere.
pub(super) async fn names_without_meaning_are_not_found(place: Place) {
    let store = place.open().await;
    change(
        &store,
        &[put(policy("p", "")), put(draft(Kind::User, "/", "ann", ""))],
    )
    .await;
    for name in ["", "p\0", "\0", "%", "_", "p' OR '1'='1", "\u{10ffff}"] {
        assert!(
            store
                .object(Kind::Policy, "/", name)
                .await
                .unwrap()
                .is_none(),
            "{name:?}"
        );
        assert!(store.session(name).await.unwrap().is_none());
        assert!(store.groups_of("/", name).await.unwrap().is_empty());
        assert!(store.sessions_of("/", name).await.unwrap().is_empty());
        assert!(store.setting(name).await.unwrap().is_none());
        let mut view = store.view().await.unwrap();
        let seen = view.object(Kind::Policy, "/", name).await.unwrap();
        assert!(seen.is_none());
        assert!(view.setting(name).await.unwrap().is_none());
    }
}

pub(super) async fn settings_are_set_once_or_again(place: Place) {
    let store = place.open().await;
    assert_eq!(store.setting("k").await.unwrap(), None);
    assert_eq!(store.setting_or("k", "1").await.unwrap(), "1");
    assert_eq!(store.setting_or("k", "2").await.unwrap(), "1");
    store.put_setting("k", "3").await.unwrap();
    assert_eq!(
        place.open().await.setting("k").await.unwrap().as_deref(),
        Some("3")
    );
}

pub(super) async fn a_setting_belongs_to_a_revision(place: Place) {
    let store = place.open().await;
    let first = change(&store, &[]).await;
    let mut view = store.view().await.unwrap();
    assert_eq!(view.setting("k").await.unwrap(), None);
    assert!(store.put_setting_at(first, "k", "1").await.unwrap());
    assert!(store.put_setting_at(first, "k", "2").await.unwrap());
    drop(view);
    let second = change(&store, &[]).await;
    assert!(!store.put_setting_at(first, "k", "late").await.unwrap());
    let mut view = store.view().await.unwrap();
    assert_eq!(view.setting("k").await.unwrap().as_deref(), Some("2"));
    drop(view);
    assert!(store.put_setting_at(second, "k", "3").await.unwrap());
    assert_eq!(store.setting("k").await.unwrap().as_deref(), Some("3"));
}
