//! Several nodes on one PostgreSQL: what one does the others hear of, also after the database was gone.

use std::time::Duration;

use tokio::sync::broadcast::Receiver;

use super::*;

/// Nothing waits so long but for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// The next notice that is not only a sign of life.
async fn heard(notices: &mut Receiver<Notice>) -> Notice {
    let next = async {
        loop {
            match notices.recv().await.unwrap() {
                Notice::Heard(_) => {}
                notice => return notice,
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_does_others_hear() {
    let place = Place::postgres().await;
    let (one, other) = (place.open().await, place.open().await);
    let (mut own, mut notices) = (one.notices().unwrap(), other.notices().unwrap());
    change(&one, &[put(draft(Kind::User, "/", "ann", ""))]).await;
    assert_eq!(heard(&mut notices).await, Notice::Changed);
    for hash in ["a", "b"] {
        one.add_session(&session(hash, "/", "ann", 1))
            .await
            .unwrap();
    }
    one.change_session("a", &|_| "{}+".to_owned())
        .await
        .unwrap();
    assert_eq!(
        heard(&mut notices).await,
        Notice::SessionChanged("a".into())
    );
    one.delete_session("a").await.unwrap();
    assert_eq!(heard(&mut notices).await, Notice::SessionEnded("a".into()));
    // Nothing was done, so nothing is told: the next notice is that of the deleted user's session.
    one.delete_session("a").await.unwrap();
    one.apply("x", 1, "", &[delete(Kind::User, "/", "nobody")])
        .await
        .unwrap_err();
    change(&one, &[delete(Kind::User, "/", "ann")]).await;
    assert_eq!(heard(&mut notices).await, Notice::SessionEnded("b".into()));
    assert_eq!(heard(&mut notices).await, Notice::Changed);
    one.roll_back("x", 1, 1).await.unwrap();
    assert_eq!(heard(&mut notices).await, Notice::Changed);
    while let Ok(notice) = own.try_recv() {
        assert!(
            matches!(notice, Notice::Heard(_)),
            "a node does not hear itself"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_sessions_that_end_are_told_together() {
    let place = Place::postgres().await;
    let (one, other) = (place.open().await, place.open().await);
    let mut notices = other.notices().unwrap();
    change(&one, &[put(realm("/a"))]).await;
    assert_eq!(heard(&mut notices).await, Notice::Changed);
    for n in 0..100 {
        one.add_session(&session(&format!("s{n}"), "/a", "ann", 1))
            .await
            .unwrap();
    }
    change(&one, &[Write::DeleteRealm { realm: "/a".into() }]).await;
    assert_eq!(heard(&mut notices).await, Notice::Sessions);
    assert_eq!(heard(&mut notices).await, Notice::Changed);
}

/// A sign of life tells that everything before it has been told, also when there is no silence to ask in.
#[tokio::test(flavor = "multi_thread")]
async fn signs_of_life_come_between_notices() {
    let place = Place::postgres().await;
    let (one, other) = (place.open().await, place.open().await);
    let mut notices = other.notices().unwrap();
    let begun = crate::clock::moment();
    let (mut told, mut latest) = (0, begun);
    let writing = tokio::spawn(async move {
        for _ in 0..300 {
            change(&one, &[]).await;
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        (one.revision().await.unwrap(), crate::clock::moment())
    });
    let (written, ended) = writing.await.unwrap();
    while latest.since(ended) == 0 {
        match tokio::time::timeout(PATIENCE, notices.recv())
            .await
            .unwrap()
            .unwrap()
        {
            Notice::Heard(moment) => latest = moment,
            Notice::Changed => told += 1,
            other => unreachable!("{other:?}"),
        }
    }
    assert_eq!(told, written);
}

/// The server is stopped, and once more ended as a crash would: stores say so soon, and heal by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_comes_back_is_used_again() {
    let place = Place::own_postgres().await;
    let (one, other) = (place.open().await, place.open().await);
    let mut revision = change(&one, &[put(policy("p", "0"))]).await;
    for (round, end) in [("1", Server::stop as fn(&Server)), ("2", Server::kill)] {
        let mut notices = other.notices().unwrap();
        end(place.server());
        let refused = async {
            assert!(matches!(
                one.revision().await,
                Err(StoreError::Unavailable(_))
            ));
            let failed = one.apply("x", 1, "", &[put(policy("p", "lost"))]).await;
            assert!(matches!(failed, Err(StoreError::Unavailable(_))));
        };
        // Each gives up by its own time-out: far less than this, which only an endless wait meets.
        tokio::time::timeout(PATIENCE, refused).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        place.server().begin();
        assert_eq!(
            other.revision().await.unwrap(),
            revision,
            "no half of a change was made"
        );
        revision = change(&one, &[put(policy("p", round))]).await;
        assert_eq!(
            bodies(&other, "/").await,
            [("p".to_owned(), round.to_owned())]
        );
        // The other node learns that it missed notices, and hears the next one.
        while heard(&mut notices).await != Notice::Everything {}
        one.add_session(&session(round, "/", "ann", 1))
            .await
            .unwrap();
        one.delete_session(round).await.unwrap();
        while heard(&mut notices).await != Notice::SessionEnded(round.into()) {}
    }
}

/// Only the connection that listens is cut: everything else goes on, and what was told meanwhile is made up for.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_was_cut_listens_again() {
    let place = Place::postgres().await;
    let (one, other) = (place.open().await, place.open().await);
    let mut notices = other.notices().unwrap();
    place
        .run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'assize notices'",
        )
        .await;
    assert_eq!(heard(&mut notices).await, Notice::Everything);
    change(&one, &[]).await;
    assert_eq!(heard(&mut notices).await, Notice::Changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_told_in_a_line() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://x:secret@{}/y", free.local_addr().unwrap());
    drop(free);
    let error = open(&url).await.err().unwrap().to_string();
    assert!(
        error.contains("127.0.0.1") && !error.contains("secret"),
        "{error}"
    );
    let error = open("mysql://h/d").await.err().unwrap().to_string();
    assert!(error.contains("mysql"), "{error}");
}
