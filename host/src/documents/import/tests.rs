#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::config::Layers;
use crate::store::suite::place::Place;

#[tokio::test]
async fn nothing_is_imported_into_a_set_that_goes_meanwhile() {
    let place = Place::sqlite();
    let store = place.open().await;
    let config = Layers::default().load().unwrap();
    let passwords = Passwords::new(&config).unwrap();
    let directory = Directory::new("dc=example");
    let importer = Importer {
        store: store.as_ref(),
        passwords: &passwords,
        directory: &directory,
        mode: Mode::Add,
    };
    let plan = async |text: &str| {
        let files = [("f.json".to_owned(), text.as_bytes().to_vec())];
        let plan = importer.plan(&files).await.unwrap();
        assert!(plan.errors.is_empty(), "{:?}", plan.errors);
        plan.into_writes()
    };
    let set = r#"{"applications": [{"name": "shop", "resourceTypeUuids": ["76656a38-5f8e-401b-83aa-4ccb74ce88d2"]}]}"#;
    let set = plan(set).await;
    store.apply("a", 1, "", &set).await.unwrap();
    let policy = r#"{"policies": [{"name": "p", "applicationName": "shop", "resources": ["http://h:80/a"],
        "actionValues": {"GET": true}, "subject": {"type": "AuthenticatedUsers"}}]}"#;
    let policy = plan(policy).await;
    // As it was read, all is well.
    store.apply("a", 2, "", &policy).await.unwrap();
    let gone = [
        Write::Delete {
            kind: Kind::Policy,
            realm: "/".into(),
            key: "p".into(),
        },
        Write::Delete {
            kind: Kind::PolicySet,
            realm: "/".into(),
            key: "shop".into(),
        },
    ];
    store.apply("b", 3, "", &gone).await.unwrap();
    let refused = store.apply("a", 4, "", &policy).await;
    assert!(matches!(refused, Err(StoreError::Changed { key }) if key == "shop"));
    assert!(
        store
            .object(Kind::Policy, "/", "p")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(plan("{}").await.len(), 0, "nothing to import needs nothing");
}

#[tokio::test]
async fn an_import_does_not_bring_back_a_password_that_was_changed_meanwhile() {
    let place = Place::sqlite();
    let store = place.open().await;
    let config = Layers::default().load().unwrap();
    let passwords = Passwords::new(&config).unwrap();
    let directory = Directory::new("dc=example");
    let importer = Importer {
        store: store.as_ref(),
        passwords: &passwords,
        directory: &directory,
        mode: Mode::Add,
    };
    let ann = |mail: &str| {
        let text = format!(r#"{{"users": [{{"username": "ann", "mail": "{mail}"}}]}}"#);
        [("f.json".to_owned(), text.into_bytes())]
    };
    let plan = importer.plan(&ann("a")).await.unwrap();
    store.apply("a", 1, "", &plan.into_writes()).await.unwrap();
    let plan = importer.plan(&ann("b")).await.unwrap().into_writes();
    let other = importer.plan(&ann("c")).await.unwrap().into_writes();
    store.apply("b", 2, "", &other).await.unwrap();
    let refused = store.apply("a", 3, "", &plan).await;
    assert!(matches!(refused, Err(StoreError::Changed { key }) if key == "ann"));
}
