//! The schema: made, made again, met in a later version.

use super::*;

pub(super) async fn opening_again_keeps_everything(place: Place) {
    let store = place.open().await;
    let revision = change(&store, &[put(policy("p", "1"))]).await;
    drop(store);
    for _ in 0..2 {
        let store = place.open().await;
        assert_eq!(store.revision().await.unwrap(), revision);
        assert_eq!(
            bodies(&store, "/").await,
            [("p".to_owned(), "1".to_owned())]
        );
    }
}

pub(super) async fn a_newer_schema_is_refused(place: Place) {
    drop(place.open().await);
    place
        .run("INSERT INTO schema_version (version) VALUES (99)")
        .await;
    let refused = open(&place.url()).await.err().unwrap();
    assert!(
        matches!(
            refused,
            StoreError::Newer {
                found: 99,
                known: 4
            }
        ),
        "{refused}"
    );
    assert!(refused.to_string().contains("newer version of assize"));
    // It was not altered: the version that wrote it finds it as it was.
    place
        .run("DELETE FROM schema_version WHERE version = 99")
        .await;
    place.open().await;
}

pub(super) async fn nodes_that_start_together_migrate_once(place: Place) {
    let url = Arc::new(place.url());
    let starting = (0..6).map(|_| {
        let url = Arc::clone(&url);
        tokio::spawn(async move { open(&url).await })
    });
    let mut stores = Vec::new();
    for started in starting.collect::<Vec<_>>() {
        stores.push(started.await.unwrap().unwrap());
    }
    for (n, store) in stores.iter().enumerate() {
        assert_eq!(change(store, &[]).await, n as u64 + 1);
    }
}

/// A store of schema version 1 keeps its documents and its counter.
pub(super) async fn an_earlier_schema_is_brought_up(place: Place) {
    place
        .run("CREATE TABLE schema_version (version BIGINT NOT NULL)")
        .await;
    place
        .run("INSERT INTO schema_version (version) VALUES (1)")
        .await;
    match &place {
        Place::Sqlite { .. } => {
            place
                .run(include_str!("../../../migrations/sqlite/0001_objects.sql"))
                .await;
        }
        Place::Postgres { .. } => {
            place
                .run(include_str!(
                    "../../../migrations/postgres/0001_objects.sql"
                ))
                .await;
        }
    }
    place
        .run(
            "INSERT INTO revisions VALUES (5, 5, 'a', ''), (9, 9, 'b', ''); \
             INSERT INTO objects VALUES ('/', 'policy', 'p', 'p', 'P', 's', '1', NULL, 'a', 5, 'b', 9, 9)",
        )
        .await;
    let store = place.open().await;
    assert_eq!(store.revision().await.unwrap(), 9);
    assert_eq!(change(&store, &[put(policy("p", "2"))]).await, 10);
    assert_eq!(store.diff(9, 10).await.unwrap().len(), 1);
    store.roll_back("tester", 1, 9).await.unwrap();
    assert_eq!(
        bodies(&store, "/").await,
        [("p".to_owned(), "1".to_owned())]
    );
    // What was at revision 5 is not known any more, so nothing is said about it.
    assert!(matches!(
        store.roll_back("tester", 1, 5).await,
        Err(StoreError::Missing { .. })
    ));
}
