//! Transactions.

use super::super::transactions::{BoundTo, TransactionRow};
use super::*;

fn bound(session: &str, resource: &str) -> BoundTo {
    BoundTo {
        session: session.into(),
        policy_realm: "/".into(),
        policy_set: "set".into(),
        resource: resource.into(),
        strategy: "AuthenticateToServiceConditionAdvice".into(),
        specifier: "ldapService".into(),
    }
}

fn row(id: &str, session: &str, expires: Millis) -> TransactionRow {
    TransactionRow {
        id: id.into(),
        bound: bound(session, "http://a"),
        realm: "/".into(),
        user_key: "ann".into(),
        expires,
        confirmed: false,
    }
}

pub(super) async fn a_transaction_is_confirmed_and_used_once(place: Place) {
    let nodes = [place.open().await, place.open().await];
    let (here, there) = (&nodes[0], &nodes[1]);
    here.add_transactions(&[row("t", "s", 100)], 10)
        .await
        .unwrap();
    let fits = bound("s", "http://a");
    assert!(
        !there.use_transaction("t", &fits, 1).await.unwrap(),
        "pending"
    );
    assert!(!there.confirm_transaction("t", 100).await.unwrap(), "over");
    assert!(there.confirm_transaction("t", 99).await.unwrap());
    assert!(
        !here.confirm_transaction("t", 99).await.unwrap(),
        "confirmed before"
    );
    assert!(here.transaction("t").await.unwrap().unwrap().confirmed);
    for other in [
        bound("other", "http://a"),
        bound("s", "http://b"),
        BoundTo {
            policy_realm: "/a".into(),
            ..fits.clone()
        },
        BoundTo {
            policy_set: "other".into(),
            ..fits.clone()
        },
        BoundTo {
            strategy: "AuthLevelConditionAdvice".into(),
            ..fits.clone()
        },
        BoundTo {
            specifier: "other".into(),
            ..fits.clone()
        },
    ] {
        assert!(
            !here.use_transaction("t", &other, 1).await.unwrap(),
            "{other:?}"
        );
    }
    assert!(
        !here.use_transaction("t", &fits, 100).await.unwrap(),
        "over"
    );
    for unknown in ["unknown", "", "t\0", "\0"] {
        assert!(!here.use_transaction(unknown, &fits, 1).await.unwrap());
        assert!(!here.confirm_transaction(unknown, 1).await.unwrap());
        assert!(here.transaction(unknown).await.unwrap().is_none());
    }
    // Two nodes and many requests: one of them has it.
    let using = (0..8).map(|n: usize| {
        let (store, fits) = (Arc::clone(&nodes[n % 2]), fits.clone());
        tokio::spawn(async move { store.use_transaction("t", &fits, 99).await.unwrap() })
    });
    let mut used = 0;
    for one in using.collect::<Vec<_>>() {
        used += usize::from(one.await.unwrap());
    }
    assert_eq!(used, 1);
    assert!(here.transaction("t").await.unwrap().is_none());
}

pub(super) async fn transactions_are_few_and_end(place: Place) {
    let store = place.open().await;
    let rows: Vec<_> = (0..5)
        .map(|n| row(&format!("t{n}"), "s", 100 + n))
        .collect();
    store.add_transactions(&rows, 3).await.unwrap();
    store
        .add_transactions(&[row("u", "other", 100)], 3)
        .await
        .unwrap();
    let there = async |id: &str| store.transaction(id).await.unwrap().is_some();
    assert!(!there("t0").await && !there("t1").await);
    assert!(there("t2").await && there("t4").await && there("u").await);
    assert_eq!(store.delete_expired_transactions(103).await.unwrap(), 3);
    assert!(there("t4").await && !there("t3").await && !there("u").await);
}
