//! What changes require, and what is required of every change.

use super::*;

async fn applies(store: &Arc<dyn Store>, writes: &[Write]) -> bool {
    match store.apply("a", 1, "", writes).await {
        Ok(_) => true,
        Err(StoreError::Changed { .. }) => false,
        Err(other) => unreachable!("{other}"),
    }
}

pub(super) async fn a_document_must_be_at_its_revision(place: Place) {
    let store = place.open().await;
    let first = change(&store, &[put(policy("p", "1"))]).await;
    let require = |revision| Write::Require {
        kind: Kind::Policy,
        realm: "/".into(),
        key: "p".into(),
        revision,
    };
    assert!(applies(&store, &[require(first), put(policy("q", ""))]).await);
    let second = change(&store, &[put(policy("p", "2"))]).await;
    assert!(!applies(&store, &[require(first), put(policy("p", "3"))]).await);
    change(&store, &[delete(Kind::Policy, "/", "p")]).await;
    assert!(!applies(&store, &[require(second), put(policy("p", "3"))]).await);
    assert!(
        store
            .object(Kind::Policy, "/", "p")
            .await
            .unwrap()
            .is_none()
    );
}

pub(super) async fn an_owner_must_own_nothing(place: Place) {
    let store = place.open().await;
    let owned = |owner: &str| Draft {
        owner: owner.into(),
        ..policy("p", "")
    };
    let empty = |realm: &str, owner: &str| Write::RequireEmpty {
        kind: Kind::Policy,
        realm: realm.into(),
        owner: owner.into(),
    };
    change(&store, &[put(owned("s"))]).await;
    assert!(!applies(&store, &[empty("/", "s")]).await);
    for other in [empty("/", "t"), empty("/a", "s"), empty("/", "S")] {
        assert!(applies(&store, &[other]).await);
    }
    // What the change itself removes is gone by then.
    let gone = delete(Kind::Policy, "/", "p");
    assert!(!applies(&store, &[empty("/", "s"), gone.clone()]).await);
    assert!(applies(&store, &[gone, empty("/", "s")]).await);
}

pub(super) async fn nothing_may_refer_to_what_goes(place: Place) {
    let store = place.open().await;
    let seen = change(&store, &[put(policy("p", "to x"))]).await;
    let look = |since, to: &str| {
        Write::RequireUnreferred(Unreferred {
            kind: Kind::Policy,
            realm: "/".into(),
            since,
            to: to.into(),
            refers: |object, to| object.body == format!("to {to}"),
        })
    };
    // Whoever looked has seen that one, and knows better.
    assert!(applies(&store, &[look(seen, "x")]).await);
    assert!(!applies(&store, &[look(seen - 1, "x")]).await);
    let later = change(&store, &[put(policy("q", "to y"))]).await;
    assert!(!applies(&store, &[look(seen, "y")]).await);
    assert!(applies(&store, &[look(later, "y")]).await);
    for other in ["x", "z"] {
        assert!(applies(&store, &[look(seen, other)]).await);
    }
    change(&store, &[delete(Kind::Policy, "/", "q")]).await;
    assert!(applies(&store, &[look(seen, "y")]).await);
}

pub(super) async fn documents_need_their_realm(place: Place) {
    let store = place.open().await;
    let into = |realm: &str| put(draft(Kind::User, realm, "u", ""));
    for absent in ["/a", "/A", "/é/b"] {
        let refused = store.apply("a", 1, "", &[into(absent)]).await;
        assert!(matches!(refused, Err(StoreError::NoRealm { realm }) if realm == absent));
    }
    // In whatever order one change makes both.
    change(&store, &[into("/a"), put(realm("/a"))]).await;
    change(&store, &[into("/"), into("/a")]).await;
    change(&store, &[Write::DeleteRealm { realm: "/a".into() }]).await;
    let refused = store.apply("a", 1, "", &[into("/a")]).await;
    assert!(matches!(refused, Err(StoreError::NoRealm { .. })));
    assert!(store.objects(Kind::User, "/a").await.unwrap().is_empty());
}

pub(super) async fn realms_need_the_one_above(place: Place) {
    let store = place.open().await;
    let refused = store.apply("a", 1, "", &[put(realm("/a/b"))]).await;
    assert!(matches!(refused, Err(StoreError::NoRealm { realm }) if realm == "/a"));
    change(&store, &[put(realm("/a/b")), put(realm("/a"))]).await;
    change(&store, &[put(realm("/a-b")), put(realm("/a0"))]).await;
    let gone = |realm: &str| Write::DeleteRealm {
        realm: realm.into(),
    };
    assert!(!applies(&store, &[gone("/a")]).await);
    assert!(applies(&store, &[gone("/a/b"), gone("/a")]).await);
    let left = store.objects(Kind::Realm, "").await.unwrap();
    assert_eq!(left.len(), 2);
}
