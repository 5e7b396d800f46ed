//! Revisions kept: who, when, what, and the way back.

use super::*;

pub(super) async fn revisions_tell_who_when_and_what(place: Place) {
    let store = place.open().await;
    for (at, author, summary) in [(10, "ann", "one"), (20, "bob", "two"), (5, "cyn", "three")] {
        store.apply(author, at, summary, &[]).await.unwrap();
    }
    let all = store.revisions(None, 10).await.unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|r| (r.number, r.at, r.author.as_str(), r.summary.as_str()))
        .collect();
    let expected = [
        (21, 5, "cyn", "three"),
        (20, 20, "bob", "two"),
        (10, 10, "ann", "one"),
    ];
    assert_eq!(told, expected);
    assert_eq!(store.revisions(None, 1).await.unwrap(), all[..1]);
    assert_eq!(store.revisions(Some(21), 1).await.unwrap(), all[1..2]);
    assert_eq!(store.revisions(Some(10), 5).await.unwrap(), []);
}

/// Kind, key and both bodies of what differs.
async fn differences(store: &Arc<dyn Store>, from: u64, to: u64) -> Vec<(Kind, String, String)> {
    let body = |object: Option<Object>| object.map_or("-".to_owned(), |object| object.body);
    let differences = store.diff(from, to).await.unwrap();
    differences
        .into_iter()
        .map(|d| {
            (
                d.kind,
                d.key,
                format!("{} {}", body(d.before), body(d.after)),
            )
        })
        .collect()
}

pub(super) async fn a_difference_has_both_sides(place: Place) {
    let store = place.open().await;
    let one = change(&store, &[put(policy("p", "1")), put(policy("q", "1"))]).await;
    let two = change(&store, &[put(policy("p", "2")), put(policy("r", "2"))]).await;
    let script = draft(Kind::Script, "/", "p", "3");
    let three = change(&store, &[delete(Kind::Policy, "/", "q"), put(script)]).await;
    let four = change(
        &store,
        &[put(policy("p", "4")), delete(Kind::Policy, "/", "r")],
    )
    .await;
    let difference = |kind, key: &str, bodies: &str| (kind, key.to_owned(), bodies.to_owned());
    let policy = |key, bodies| difference(Kind::Policy, key, bodies);
    assert_eq!(
        differences(&store, one, two).await,
        [policy("p", "1 2"), policy("r", "- 2")]
    );
    let script = |bodies| difference(Kind::Script, "p", bodies);
    assert_eq!(
        differences(&store, two, three).await,
        [policy("q", "1 -"), script("- 3")]
    );
    // What came and went in between differs on neither side.
    let all = [policy("p", "1 4"), policy("q", "1 -"), script("- 3")];
    assert_eq!(differences(&store, one, four).await, all);
    let back = [policy("p", "4 1"), policy("q", "- 1"), script("3 -")];
    assert_eq!(differences(&store, four, one).await, back);
    assert_eq!(
        differences(&store, 0, one).await,
        [policy("p", "- 1"), policy("q", "- 1")]
    );
    assert_eq!(differences(&store, two, two).await, []);
}

pub(super) async fn the_way_back_is_one_change(place: Place) {
    let store = place.open().await;
    let renamed = |name: &str| Draft {
        name_key: name.into(),
        ..draft(Kind::ResourceType, "/", "u", name)
    };
    let first = change(
        &store,
        &[
            put(policy("p", "1")),
            put(policy("q", "1")),
            put(renamed("a")),
        ],
    )
    .await;
    let other = Draft {
        name_key: "a".into(),
        ..draft(Kind::ResourceType, "/", "v", "")
    };
    change(
        &store,
        &[put(policy("p", "2")), delete(Kind::Policy, "/", "q")],
    )
    .await;
    let last = change(
        &store,
        &[put(policy("r", "3")), put(renamed("b")), put(other)],
    )
    .await;
    let back = store.roll_back("ann", 77, first).await.unwrap();
    assert_eq!((back.previous, back.revision), (last, 77));
    assert_eq!(
        differences(&store, first, 77).await.len(),
        3,
        "all were written again"
    );
    let as_it_was = [
        ("p".to_owned(), "1".to_owned()),
        ("q".to_owned(), "1".to_owned()),
    ];
    assert_eq!(bodies(&store, "/").await, as_it_was);
    let types = store.objects(Kind::ResourceType, "/").await.unwrap();
    assert_eq!(
        types.iter().map(|t| t.body.as_str()).collect::<Vec<_>>(),
        ["a"]
    );
    let p = store.object(Kind::Policy, "/", "p").await.unwrap().unwrap();
    let stamp = (
        p.stamp.created_by.as_str(),
        p.stamp.modified_by.as_str(),
        p.stamp.modified_at,
    );
    assert_eq!((stamp, p.revision), (("tester", "ann", 77), 77));
    let told = &store.revisions(None, 1).await.unwrap()[0];
    let expected = (77, "ann", format!("roll back to revision {first}"));
    assert_eq!(
        (told.number, told.author.as_str(), told.summary.clone()),
        expected
    );
    // Forward again, to what the way back undid.
    store.roll_back("ann", 1, last).await.unwrap();
    let forward = [
        ("p".to_owned(), "2".to_owned()),
        ("r".to_owned(), "3".to_owned()),
    ];
    assert_eq!(bodies(&store, "/").await, forward);
}

pub(super) async fn a_deleted_realm_comes_back_with_its_policies(place: Place) {
    let store = place.open().await;
    let in_a = |body: &str| put(draft(Kind::Policy, "/a", "p", body));
    let first = change(
        &store,
        &[put(realm("/a")), in_a("1"), put(policy("p", "1"))],
    )
    .await;
    change(&store, &[in_a("2")]).await;
    change(&store, &[Write::DeleteRealm { realm: "/a".into() }]).await;
    let in_b = draft(Kind::Policy, "/b", "p", "3");
    change(
        &store,
        &[put(realm("/b")), put(in_b), put(policy("p", "2"))],
    )
    .await;
    store.roll_back("ann", 1, first).await.unwrap();
    let realms = store.objects(Kind::Realm, "").await.unwrap();
    let mut keys: Vec<&str> = realms.iter().map(|realm| realm.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["/a", "/b"], "a realm made since stays");
    for (realm, body) in [("/a", "1"), ("/b", "3"), ("/", "1")] {
        assert_eq!(
            bodies(&store, realm).await,
            [("p".to_owned(), body.to_owned())],
            "{realm}"
        );
    }
}

pub(super) async fn users_do_not_come_back(place: Place) {
    let store = place.open().await;
    let user = |body: &str| put(draft(Kind::User, "/", "ann", body));
    let group = Draft {
        members: vec!["ann".into()],
        ..draft(Kind::Group, "/", "g", "")
    };
    let first = change(
        &store,
        &[
            user("1"),
            put(group),
            put(draft(Kind::User, "/", "bob", "")),
        ],
    )
    .await;
    change(&store, &[user("2"), delete(Kind::User, "/", "bob")]).await;
    store.roll_back("x", 1, first).await.unwrap();
    let users = store.objects(Kind::User, "/").await.unwrap();
    assert_eq!(
        users
            .iter()
            .map(|user| user.body.as_str())
            .collect::<Vec<_>>(),
        ["2"]
    );
    assert_eq!(store.groups_of("/", "ann").await.unwrap(), ["G"]);
}

pub(super) async fn what_never_was_is_refused(place: Place) {
    let store = place.open().await;
    store
        .apply("a", 10, "", &[put(policy("p", "1"))])
        .await
        .unwrap();
    for never in [0, 5, 11, u64::MAX] {
        let back = store.roll_back("a", 20, never).await;
        assert!(
            matches!(back, Err(StoreError::Missing { .. })),
            "{never}: {back:?}"
        );
    }
    assert!(matches!(
        store.diff(5, 10).await,
        Err(StoreError::Missing { .. })
    ));
    assert!(matches!(
        store.diff(10, 11).await,
        Err(StoreError::Missing { .. })
    ));
    assert_eq!(store.revision().await.unwrap(), 10);
}

pub(super) async fn secrets_have_no_past(place: Place) {
    let store = place.open().await;
    let user = |secret: &str| {
        put(Draft {
            secret: Some(secret.into()),
            ..draft(Kind::User, "/", "ann", "{}")
        })
    };
    let first = change(&store, &[user("old")]).await;
    let second = change(&store, &[user("new")]).await;
    let differences = store.diff(first, second).await.unwrap();
    assert_eq!(differences.len(), 1, "that it was changed is told");
    for object in [&differences[0].before, &differences[0].after] {
        assert_eq!(object.as_ref().unwrap().secret, None);
    }
    let ann = store.object(Kind::User, "/", "ann").await.unwrap().unwrap();
    assert_eq!(ann.secret.as_deref(), Some("new"));
}

/// A walk through many changes of a few documents; each revision is remembered here, and returned to in the store.
pub(super) async fn every_revision_can_be_returned_to(place: Place) {
    let store = place.open().await;
    let mut state: u64 = 0x2545_f491_4f6c_dd1d;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut expected = Vec::new();
    for n in 0..40 {
        let now = bodies(&store, "/").await;
        let mut writes = Vec::new();
        for key in ["a", "b", "c", "d"] {
            let there = now.iter().any(|(known, _)| known == key);
            match random(4) {
                0 if there => writes.push(delete(Kind::Policy, "/", key)),
                1 | 2 => writes.push(put(policy(key, &format!("{n}")))),
                _ => {}
            }
        }
        let revision = if n % 7 == 6 {
            let (to, _) = expected[usize::try_from(random(expected.len() as u64)).unwrap()];
            store.roll_back("x", 1, to).await.unwrap().revision
        } else {
            change(&store, &writes).await
        };
        expected.push((revision, bodies(&store, "/").await));
    }
    for (revision, was) in &expected {
        let (last, now) = expected.last().unwrap();
        let difference = store.diff(*revision, *last).await.unwrap();
        for (key, body) in was {
            let same = now.contains(&(key.clone(), body.clone()));
            let told = difference.iter().find(|d| d.key == *key);
            let before = told
                .and_then(|d| d.before.as_ref())
                .map(|object| &object.body);
            assert!(same || before == Some(body), "{key} at {revision}");
        }
        store.roll_back("x", 1, *revision).await.unwrap();
        assert_eq!(bodies(&store, "/").await, *was, "revision {revision}");
    }
}
