#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use super::*;
use crate::config::Layers;
use crate::store::suite::place::Place;

/// A store, and what is imported into it.
struct Ground {
    store: Arc<dyn Store>,
    _place: Place,
}

impl Ground {
    async fn begin() -> Ground {
        let place = Place::sqlite();
        Ground {
            store: place.open().await,
            _place: place,
        }
    }

    async fn plan(&self, text: &str) -> Vec<Write> {
        let config = Layers::default().load().unwrap();
        let importer = Importer {
            store: self.store.as_ref(),
            passwords: &Passwords::new(&config).unwrap(),
            directory: &Directory::new("dc=example"),
            mode: Mode::Add,
        };
        let files = [("f.json".to_owned(), text.as_bytes().to_vec())];
        let plan = importer.plan(&files).await.unwrap();
        assert!(plan.errors.is_empty(), "{:?}", plan.errors);
        plan.into_writes()
    }

    async fn apply(&self, writes: &[Write]) -> Result<(), StoreError> {
        self.store.apply("a", 1, "", writes).await.map(drop)
    }
}

#[tokio::test]
async fn nothing_is_imported_into_a_set_that_goes_meanwhile() {
    let ground = Ground::begin().await;
    let set = r#"{"applications": [{"name": "shop", "resourceTypeUuids": ["76656a38-5f8e-401b-83aa-4ccb74ce88d2"]}]}"#;
    let set = ground.plan(set).await;
    ground.apply(&set).await.unwrap();
    let policy = r#"{"policies": [{"name": "p", "applicationName": "shop", "resources": ["http://h:80/a"],
        "actionValues": {"GET": true}, "subject": {"type": "AuthenticatedUsers"}}]}"#;
    let policy = ground.plan(policy).await;
    // As it was read, all is well.
    ground.apply(&policy).await.unwrap();
    let gone = [(Kind::Policy, "p"), (Kind::PolicySet, "shop")].map(|(kind, key)| Write::Delete {
        kind,
        realm: "/".into(),
        key: key.into(),
    });
    ground.apply(&gone).await.unwrap();
    let refused = ground.apply(&policy).await;
    assert!(matches!(refused, Err(StoreError::Changed { key }) if key == "shop"));
    let there = ground.store.object(Kind::Policy, "/", "p").await;
    assert!(there.unwrap().is_none());
    assert_eq!(
        ground.plan("{}").await.len(),
        0,
        "nothing to import needs nothing"
    );
}

#[tokio::test]
async fn nothing_of_a_user_comes_back_that_was_changed_meanwhile() {
    let ground = Ground::begin().await;
    let ann = |mail: &str| format!(r#"{{"users": [{{"username": "ann", "mail": "{mail}"}}]}}"#);
    let first = ground.plan(&ann("a")).await;
    ground.apply(&first).await.unwrap();
    let late = ground.plan(&ann("b")).await;
    let other = ground.plan(&ann("c")).await;
    ground.apply(&other).await.unwrap();
    let refused = ground.apply(&late).await;
    assert!(matches!(refused, Err(StoreError::Changed { key }) if key == "ann"));
}
