//! Issued tokens, their revocation, and what may be used once.

use super::*;
use crate::store::tokens::{AccessRow, RefreshRow, Revoke, Revoked, SpentRefresh};

fn access(jti: &str, client: &str, user: &str, family: &str) -> AccessRow {
    AccessRow {
        jti: jti.into(),
        client: client.into(),
        realm: if user.is_empty() { "" } else { "/" }.into(),
        user_key: user.into(),
        family: family.into(),
        issued: 1,
        expires: 100,
        body: "{}".into(),
        revoked: None,
    }
}

fn refresh(hash: &str, client: &str, user: &str, family: &str) -> RefreshRow {
    RefreshRow {
        hash: hash.into(),
        client: client.into(),
        realm: if user.is_empty() { "" } else { "/" }.into(),
        user_key: user.into(),
        family: family.into(),
        issued: 1,
        expires: 1000,
        body: "{}".into(),
        used: None,
        successor: None,
        revoked: None,
    }
}

fn revoked(now: u64, before: u64) -> Revoked {
    Revoked { now, before }
}

pub(super) async fn tokens_are_kept_until_they_expire(place: Place) {
    let store = place.open().await;
    let (one, pair) = (access("a", "c", "", ""), access("b", "c", "ann", "f"));
    store.add_token(&one, None).await.unwrap();
    let next = refresh("h", "c", "ann", "f");
    store.add_token(&pair, Some(&next)).await.unwrap();
    assert!(
        store.add_token(&one, None).await.is_err(),
        "a jti is unique"
    );
    assert_eq!(store.access_token("a").await.unwrap(), Some(one));
    assert_eq!(store.refresh_token("h").await.unwrap(), Some(next));
    assert_eq!(store.access_token("x").await.unwrap(), None);
    let jtis = async |now, after: &str, limit| {
        let tokens = store.active_tokens(now, after, limit).await.unwrap();
        tokens
            .into_iter()
            .map(|token| token.jti)
            .collect::<Vec<_>>()
    };
    assert_eq!(jtis(99, "", 10).await, ["a", "b"]);
    assert_eq!(jtis(99, "a", 10).await, ["b"]);
    assert_eq!(jtis(99, "", 1).await, ["a"]);
    assert!(jtis(100, "", 10).await.is_empty());
    assert_eq!(store.delete_expired_tokens(100, 1000).await.unwrap(), 0);
    assert_eq!(store.delete_expired_tokens(101, 1000).await.unwrap(), 2);
    assert!(store.refresh_token("h").await.unwrap().is_some());
    assert_eq!(store.delete_expired_tokens(101, 1001).await.unwrap(), 1);
}

pub(super) async fn revocations_are_numbered_and_counted(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    for (jti, client, user, family) in [
        ("a1", "a", "", ""),
        ("a2", "a", "", ""),
        ("u1", "a", "ann", "f1"),
        ("u2", "b", "ann", "f2"),
        ("v1", "b", "bob", "f3"),
    ] {
        let next = refresh(&format!("r-{jti}"), client, user, family);
        let next = Some(&next).filter(|_| !family.is_empty());
        store
            .add_token(&access(jti, client, user, family), next)
            .await
            .unwrap();
    }
    let revoke = async |which: Revoke<'_>, now| store.revoke_tokens(which, now).await.unwrap();
    assert_eq!(revoke(Revoke::Access("a1"), 50).await, revoked(1, 0));
    assert_eq!(revoke(Revoke::Access("a1"), 50).await, revoked(0, 1));
    assert_eq!(revoke(Revoke::Access("nobody"), 50).await, revoked(0, 0));
    assert_eq!(
        revoke(Revoke::Access("a2"), 100).await,
        revoked(0, 0),
        "it has expired"
    );
    assert_eq!(revoke(Revoke::Refresh("r-u1"), 50).await, revoked(1, 0));
    assert_eq!(revoke(Revoke::Family("f1"), 50).await, revoked(1, 1));
    assert_eq!(revoke(Revoke::User("/", "ann"), 50).await, revoked(2, 2));
    assert_eq!(revoke(Revoke::User("/", ""), 50).await, revoked(0, 0));
    assert_eq!(revoke(Revoke::Realm("/"), 50).await, revoked(2, 4));
    assert_eq!(revoke(Revoke::Client("a"), 50).await, revoked(1, 3));
    // Every node reads them in their order, from where it stopped.
    let list = other.revocations(0).await.unwrap();
    let jtis: Vec<&str> = list.iter().map(|token| token.jti.as_str()).collect();
    assert_eq!(jtis, ["a1", "u1", "u2", "v1", "a2"]);
    assert!(list.is_sorted_by_key(|token| token.number));
    let rest = other.revocations(list[2].number).await.unwrap();
    assert_eq!(rest, list[3..]);
    assert!(store.active_tokens(50, "", 10).await.unwrap().is_empty());
}

pub(super) async fn tokens_end_with_whom_they_stand_for(place: Place) {
    let store = place.open().await;
    let drafts = [
        put(draft(Kind::User, "/", "ann", "{}")),
        put(draft(Kind::Client, "/", "c", "{}")),
        put(realm("/a")),
    ];
    change(&store, &drafts).await;
    store
        .add_token(&access("u", "x", "ann", ""), None)
        .await
        .unwrap();
    store
        .add_token(&access("c", "c", "", ""), None)
        .await
        .unwrap();
    let elsewhere = AccessRow {
        realm: "/a".into(),
        ..access("e", "x", "bob", "")
    };
    store.add_token(&elsewhere, None).await.unwrap();
    for (write, jti) in [
        (delete(Kind::User, "/", "ann"), "u"),
        (delete(Kind::Client, "/", "c"), "c"),
        (Write::DeleteRealm { realm: "/a".into() }, "e"),
    ] {
        assert!(
            store
                .access_token(jti)
                .await
                .unwrap()
                .unwrap()
                .revoked
                .is_none()
        );
        change(&store, &[write]).await;
        assert!(
            store
                .access_token(jti)
                .await
                .unwrap()
                .unwrap()
                .revoked
                .is_some(),
            "{jti}"
        );
    }
    assert_eq!(store.revocations(0).await.unwrap().len(), 3);
}

pub(super) async fn a_refresh_token_is_redeemed_by_one_only(place: Place) {
    let nodes = [place.open().await, place.open().await];
    let first = refresh("h0", "c", "ann", "f");
    nodes[0]
        .add_token(&access("a0", "c", "ann", "f"), Some(&first))
        .await
        .unwrap();
    let tries = (0..8).map(|n| {
        let store = Arc::clone(&nodes[n % 2]);
        tokio::spawn(async move {
            let (access, next) = (
                access(&format!("a-{n}"), "c", "ann", "f"),
                refresh(&format!("h-{n}"), "c", "ann", "f"),
            );
            let spent = SpentRefresh {
                hash: "h0",
                at: 7,
                successor: &Some("sealed".into()),
            };
            store
                .redeem_refresh_token(spent, &access, &next)
                .await
                .unwrap()
        })
    });
    let mut redeemed = 0;
    for done in tries.collect::<Vec<_>>() {
        redeemed += u32::from(done.await.unwrap());
    }
    assert_eq!(redeemed, 1);
    let row = nodes[1].refresh_token("h0").await.unwrap().unwrap();
    assert_eq!(
        (row.used, row.successor.as_deref()),
        (Some(7), Some("sealed"))
    );
    assert_eq!(
        nodes[0].active_tokens(50, "", 10).await.unwrap().len(),
        2,
        "nothing is left of the others"
    );
    // A revoked one is redeemed by nobody.
    nodes[0]
        .revoke_tokens(Revoke::Family("f"), 50)
        .await
        .unwrap();
    let next = nodes[0].refresh_token("h0").await.unwrap().unwrap();
    assert!(next.revoked.is_some());
}

pub(super) async fn an_assertion_is_spent_once(place: Place) {
    let nodes = [place.open().await, place.open().await];
    let spend = async |node: usize, client: &str, jti: &str| {
        nodes[node].spend_assertion(client, jti, 100).await.unwrap()
    };
    assert!(spend(0, "a", "1").await);
    assert!(!spend(1, "a", "1").await, "other nodes know it, too");
    assert!(
        spend(1, "b", "1").await && spend(1, "a", "2").await,
        "each client has its own"
    );
    assert_eq!(nodes[0].delete_expired_tokens(101, 0).await.unwrap(), 3);
    assert!(spend(0, "a", "1").await);
}
