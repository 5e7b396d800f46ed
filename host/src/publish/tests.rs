#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use super::*;
use crate::decide::{AmCall, DecideError};
use crate::store::suite::place::Place;
use crate::store::{Draft, Expect};

const WRITER: &str = "another process";
/// Longer than anything that is waited for here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn document(kind: Kind, realm: &str, name: &str, body: &str) -> Write {
    Write::Put(
        Expect::Anything,
        Draft {
            kind,
            realm: realm.into(),
            key: name.to_lowercase(),
            name_key: name.to_lowercase(),
            name: name.into(),
            owner: "set".into(),
            body: body.into(),
            secret: None,
            members: Vec::new(),
            stamp: None,
        },
    )
}

fn policy(realm: &str, condition: &str) -> Write {
    let body = format!(
        r#"{{"name": "p", "applicationName": "set", "resources": ["http://www.example.com:80/a"],
            "actionValues": {{"GET": true}}, "subject": {{"type": "AuthenticatedUsers"}}, "condition": {condition}}}"#
    );
    document(Kind::Policy, realm, "p", &body)
}

const OF_SESSION: &str = r#"{"type": "AuthLevel", "authLevel": 7}"#;
const OF_PROFILE: &str =
    r#"{"type": "NOT", "condition": {"type": "LDAPFilter", "ldapFilter": "(mail=a@example.com)"}}"#;

async fn write(store: &Arc<dyn Store>, writes: &[Write]) {
    store.apply(WRITER, 1, "", writes).await.unwrap();
}

/// A publisher over two realms with a policy each.
async fn publisher(store: &Arc<dyn Store>) -> Arc<Publisher> {
    let realm = r#"{"active": true, "aliases": []}"#;
    let mut writes = vec![document(Kind::Realm, "", "/b", realm)];
    for realm in ["/", "/b"] {
        writes.push(document(Kind::PolicySet, realm, "set", "{}"));
        writes.push(policy(realm, OF_SESSION));
    }
    write(store, &writes).await;
    let decider = Decider::start(1).unwrap();
    let freshness = Arc::new(Freshness::new(60_000, 1_000, clock::moment()));
    let started = Publisher::start(Arc::clone(store), decider, freshness, Notifications::new());
    Arc::new(started.await.unwrap())
}

fn ask(publisher: &Publisher, realm: &LiveRealm) -> Result<Vec<u8>, DecideError> {
    let answer = publisher.decider().answer_here(
        realm,
        br#"{"subject": {"principals": ["u"]}, "now": 1}"#,
        br#"{"application": "set", "resources": ["http://www.example.com:80/a"]}"#,
        AmCall::Evaluate,
    );
    answer.unwrap()
}

#[tokio::test]
async fn a_subject_of_before_a_change_is_not_decided_with_what_came_after_it() {
    let place = Place::sqlite();
    let store = place.open().await;
    let publisher = publisher(&store).await;
    let before = publisher.live().root();
    assert!(ask(&publisher, &before).is_ok());
    let change = vec![policy("/", OF_PROFILE)];
    publisher.commit(WRITER, "", change).await.unwrap();
    assert!(matches!(
        ask(&publisher, &before),
        Err(DecideError::OtherBundle)
    ));
    let after = publisher.live().root();
    assert!(after.facts.profile.contains("mail"), "{:?}", after.facts);
    assert!(ask(&publisher, &after).is_ok());
}

#[tokio::test]
async fn a_publication_that_failed_half_way_leaves_no_bundle_without_its_facts() {
    let place = Place::sqlite();
    let store = place.open().await;
    let publisher = publisher(&store).await;
    let broken = document(Kind::Policy, "/b", "p", "{broken");
    write(&store, &[policy("/", OF_PROFILE), broken]).await;
    publisher.catch_up().await.unwrap_err();
    let half_way = publisher.live().root();
    assert!(half_way.facts.profile.contains("mail"));
    assert!(half_way.facts.session.contains("AuthLevel"));
    assert!(ask(&publisher, &half_way).is_ok());

    write(&store, &[policy("/b", OF_SESSION)]).await;
    assert!(publisher.catch_up().await.unwrap());
    for path in ["/", "/b"] {
        let whole = publisher
            .live()
            .realm(&RealmPath::parse(path).unwrap())
            .unwrap();
        assert!(whole.bundle().is_some());
        assert!(ask(&publisher, &whole).is_ok());
    }
    let root = publisher.live().root();
    assert!(root.facts.profile.contains("mail"), "{:?}", root.facts);
}

/// Begins some work, and is gone as soon as it has begun, as a client may be.
async fn begin_and_leave<T>(work: impl Future<Output = T>) {
    tokio::select! {
        biased;
        _ = work => {}
        () = tokio::task::yield_now() => {}
    }
}

#[tokio::test]
async fn a_change_is_made_whole_where_nobody_waits_for_it() {
    let place = Place::sqlite();
    let store = place.open().await;
    let publisher = publisher(&store).await;
    let mut revisions = publisher.revisions();
    let revision = *revisions.borrow_and_update();
    let change = vec![policy("/", OF_PROFILE)];
    begin_and_leave(publisher.commit(WRITER, "", change)).await;
    revisions.changed().await.unwrap();
    assert!(*revisions.borrow() > revision);
    assert!(publisher.live().root().facts.profile.contains("mail"));
}

#[tokio::test]
async fn what_others_wrote_is_taken_over_whole_where_nobody_waits_for_it() {
    let place = Place::sqlite();
    let store = place.open().await;
    let publisher = publisher(&store).await;
    let mut revisions = publisher.revisions();
    revisions.borrow_and_update();
    write(&store, &[policy("/", OF_PROFILE)]).await;
    begin_and_leave(publisher.catch_up()).await;
    let taken = tokio::time::timeout(PATIENCE, revisions.changed()).await;
    taken.unwrap().unwrap();
    assert!(publisher.live().root().facts.profile.contains("mail"));
    assert!(!publisher.catch_up().await.unwrap(), "nothing is left");
}

#[tokio::test]
async fn a_label_that_an_earlier_version_stored_keeps_no_realm_from_deciding() {
    let place = Place::sqlite();
    let store = place.open().await;
    let publisher = publisher(&store).await;
    let labelled = format!(
        r#"{{"type": "NOT", "name": 5, "condition": {{"type": "AND", "name": [], "conditions": [{OF_SESSION}]}}}}"#
    );
    let change = vec![policy("/", &labelled)];
    publisher.commit(WRITER, "", change).await.unwrap();
    let root = publisher.live().root();
    assert!(root.facts.session.contains("AuthLevel"));
    assert!(ask(&publisher, &root).is_ok());
}
