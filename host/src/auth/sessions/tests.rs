//! Sessions under several hands at once, on every backend.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use tokio::sync::broadcast::Receiver;

use super::super::session::with_properties;
use super::*;
use crate::decide::{Decider, Facts};
use crate::notifications::{Event, Happened, NodeSeal, Notifications};
use crate::publish::{LiveRealm, Publisher};
use crate::realm::Directory;
use crate::store::suite::place::Place;
use crate::subject::Subjects;

const BEGUN: Millis = 1_000_000;
const MINUTE: Millis = 60_000;
const IDLE_MINUTES: u32 = 5;
const IDLE: Millis = 5 * MINUTE;

macro_rules! cases {
    ($($case:ident)*) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    super::$case(super::Place::sqlite()).await;
                }
            )*
        }
        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    super::$case(super::Place::postgres().await).await;
                }
            )*
        }
    };
}

cases! {
    a_use_meanwhile_does_not_undo_an_ending
    an_ending_is_carried_through_without_whom_it_was_begun_for
    a_session_that_others_may_have_ended_is_not_kept_as_it_begins
    no_change_of_properties_is_lost
    timers_leave_other_properties_alone
    what_is_set_at_once_is_newer_than_what_was_noted
    a_store_that_does_not_answer_leaves_sessions_in_use
    what_was_written_is_not_read_again
    a_session_used_elsewhere_is_not_idle
    what_the_store_lost_is_let_go
    a_subject_is_resolved_again_for_other_properties
}

struct Node {
    sessions: Arc<Sessions>,
    told: Receiver<Arc<Happened>>,
}

impl Node {
    async fn on(place: &Place) -> Node {
        let store = place.open().await;
        let freshness = Freshness::new(i64::MAX / 2, 500, clock::moment());
        let notifications = Notifications::new();
        let told = notifications.listen();
        let seal = NodeSeal::new("secret").unwrap();
        let events = SessionEvents::new(Arc::clone(&store), notifications, seal);
        let times = (IDLE_MINUTES, 600);
        let sessions = Sessions::new(store, Arc::new(freshness), events, times, 10);
        Node {
            sessions: Arc::new(sessions),
            told,
        }
    }

    async fn begin(&self) -> (String, Arc<Session>) {
        let new = NewSession {
            realm: RealmPath::root(),
            user: "amadmin".into(),
            client_ip: String::new(),
            properties: Properties::new(),
        };
        self.sessions.begin(new, BEGUN).await.unwrap()
    }

    async fn find(&self, token: &str, now: Millis) -> Option<Arc<Session>> {
        self.sessions.find(token, now).await.unwrap()
    }

    fn told(&mut self) -> Vec<SessionChange> {
        let mut told = Vec::new();
        while let Ok(happened) = self.told.try_recv() {
            if let Event::Session(event) = &happened.event {
                told.push(event.change);
            }
        }
        told
    }
}

/// Keeps everybody from writing sessions, not from reading them.
enum Held {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Held {
    async fn at(place: &Place) -> Held {
        let url = place.url();
        match place {
            Place::Sqlite { .. } => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                let sql = "BEGIN IMMEDIATE";
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                Held::Sqlite(connection)
            }
            Place::Postgres { .. } => {
                let mut connection = PgConnection::connect(&url).await.unwrap();
                let sql = "BEGIN; LOCK TABLE sessions IN EXCLUSIVE MODE";
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                Held::Postgres(connection)
            }
        }
    }

    /// Does something more, and lets the others write.
    async fn release(self, sql: &str) {
        let sql = AssertSqlSafe(format!("{sql}; COMMIT"));
        match self {
            Held::Sqlite(mut held) => sqlx::raw_sql(sql).execute(&mut held).await.map(drop),
            Held::Postgres(mut held) => sqlx::raw_sql(sql).execute(&mut held).await.map(drop),
        }
        .unwrap();
    }
}

/// Lets what was begun go on to where it waits for the store.
async fn a_while() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn a_use_meanwhile_does_not_undo_an_ending(place: Place) {
    let node = Node::on(&place).await;
    let (token, session) = node.begin().await;
    let held = Held::at(&place).await;
    let sessions = Arc::clone(&node.sessions);
    let how = SessionChange::LoggedOut;
    let ending = tokio::spawn(async move { sessions.end(&session, how).await });
    a_while().await;
    // The row is there still, so this may be answered either way.
    node.find(&token, BEGUN).await;
    held.release("SELECT 1").await;
    ending.await.unwrap().unwrap();
    assert!(node.find(&token, BEGUN).await.is_none());
}

async fn an_ending_is_carried_through_without_whom_it_was_begun_for(place: Place) {
    let mut node = Node::on(&place).await;
    let (token, session) = node.begin().await;
    let held = Held::at(&place).await;
    let sessions = Arc::clone(&node.sessions);
    let how = SessionChange::LoggedOut;
    let ending = tokio::spawn(async move { sessions.end(&session, how).await });
    a_while().await;
    ending.abort();
    assert!(ending.await.unwrap_err().is_cancelled());
    held.release("SELECT 1").await;
    let told = tokio::time::timeout(Duration::from_secs(30), node.told.recv()).await;
    assert!(matches!(&told.unwrap().unwrap().event, Event::Session(event) if event.change == how));
    assert!(node.find(&token, BEGUN).await.is_none());
}

async fn a_session_that_others_may_have_ended_is_not_kept_as_it_begins(place: Place) {
    let node = Arc::new(Node::on(&place).await);
    let held = Held::at(&place).await;
    let beginning = Arc::clone(&node);
    let beginning = tokio::spawn(async move { beginning.begin().await });
    a_while().await;
    node.sessions.hear(&Notice::Everything);
    held.release("SELECT 1").await;
    let (token, session) = beginning.await.unwrap();
    assert!(node.sessions.kept.memory.get(&token).is_none());
    // Nothing had happened to it.
    assert!(node.find(&token, BEGUN).await.is_some());
    node.sessions
        .hear(&Notice::SessionEnded(session.hash.clone()));
    assert!(node.sessions.kept.memory.get(&token).is_none());
}

async fn no_change_of_properties_is_lost(place: Place) {
    let nodes = [Node::on(&place).await, Node::on(&place).await];
    let (token, session) = nodes[0].begin().await;
    let seen_there = nodes[1].find(&token, BEGUN).await.unwrap();
    let held = [session, seen_there];
    let names: Vec<String> = (0..16).map(|n| format!("p{n:02}")).collect();
    let setting = names.iter().enumerate().map(|(n, name)| {
        let (name, session) = (name.clone(), Arc::clone(&held[n % 2]));
        let sessions = Arc::clone(&nodes[n % 2].sessions);
        let set = move |all: &mut Properties| drop(all.insert(name.clone(), "v".into()));
        tokio::spawn(async move { sessions.change_properties(&session, set).await.unwrap() })
    });
    for set in setting.collect::<Vec<_>>() {
        assert!(set.await.unwrap().is_some());
    }
    for node in &nodes {
        node.sessions
            .hear(&Notice::SessionChanged(held[0].hash.clone()));
        let properties = node.find(&token, BEGUN).await.unwrap().properties();
        assert_eq!(properties.keys().cloned().collect::<Vec<_>>(), names);
    }
    nodes[0]
        .sessions
        .end(&held[0], SessionChange::LoggedOut)
        .await
        .unwrap();
    let late = nodes[1].sessions.change_properties(&held[1], |_| {}).await;
    assert_eq!(late.unwrap(), None, "it has ended");
}

fn one(name: &str, value: &str) -> Properties {
    Properties::from([(name.to_owned(), value.to_owned())])
}

async fn timers_leave_other_properties_alone(place: Place) {
    let (here, there) = (Node::on(&place).await, Node::on(&place).await);
    let (token, session) = here.begin().await;
    let other = there.find(&token, BEGUN).await.unwrap();
    there
        .sessions
        .set_properties_soon(&other, one("timer", "1"));
    let value = |session: &Session, name: &str| session.properties().get(name).cloned();
    assert_eq!(value(&other, "timer").as_deref(), Some("1"), "at once");
    let set = |all: &mut Properties| all.extend(one("set", "1"));
    here.sessions
        .change_properties(&session, set)
        .await
        .unwrap();
    // What is read again has what is to be written, too.
    there
        .sessions
        .hear(&Notice::SessionChanged(session.hash.clone()));
    let both = one("timer", "1").into_iter().chain(one("set", "1"));
    let both = Arc::new(both.collect::<Properties>());
    let seen = there.find(&token, BEGUN).await.unwrap();
    assert_eq!(seen.properties(), both);
    there.sessions.write_soon().await.unwrap();
    here.sessions
        .hear(&Notice::SessionChanged(session.hash.clone()));
    for node in [&here, &there] {
        let seen = node.find(&token, BEGUN).await.unwrap();
        assert_eq!(seen.properties(), both);
    }
    // Nothing is left to be written over what comes later.
    here.sessions
        .change_properties(&session, |all| all.extend(one("timer", "2")))
        .await
        .unwrap();
    there.sessions.write_soon().await.unwrap();
    let seen = here.find(&token, BEGUN).await.unwrap();
    assert_eq!(value(&seen, "timer").as_deref(), Some("2"));
}

async fn what_is_set_at_once_is_newer_than_what_was_noted(place: Place) {
    let node = Node::on(&place).await;
    let (token, session) = node.begin().await;
    node.sessions.set_properties_soon(&session, one("p", "1"));
    let set = |all: &mut Properties| all.extend(one("p", "2"));
    node.sessions
        .change_properties(&session, set)
        .await
        .unwrap();
    node.sessions.write_soon().await.unwrap();
    let seen = node.find(&token, BEGUN).await.unwrap();
    assert_eq!(*seen.properties(), one("p", "2"));
    // What could not be written is written by the next call, unless something newer is noted.
    let unwritten = &node.sessions.kept.unwritten;
    unwritten.set(&session, one("p", "4"));
    unwritten.put_back(&session.hash, one("p", "3"));
    unwritten.put_back(&session.hash, one("q", "3"));
    node.sessions.write_soon().await.unwrap();
    let seen = node.find(&token, BEGUN).await.unwrap();
    let both = one("p", "4").into_iter().chain(one("q", "3"));
    assert_eq!(*seen.properties(), both.collect::<Properties>());
    assert!(unwritten.changed().is_empty());
}

async fn a_store_that_does_not_answer_leaves_sessions_in_use(place: Place) {
    let node = Node::on(&place).await;
    let (token, session) = node.begin().await;
    place.run("ALTER TABLE sessions RENAME TO away").await;
    node.sessions
        .set_properties_soon(&session, one("timer", "1"));
    node.sessions.write_soon().await.unwrap_err();
    let set = |all: &mut Properties| all.extend(one("set", "1"));
    let refused = node.sessions.change_properties(&session, set).await;
    refused.unwrap_err();
    let seen = node.find(&token, BEGUN).await.unwrap();
    assert_eq!(*seen.properties(), one("timer", "1"));
    place.run("ALTER TABLE away RENAME TO sessions").await;
    // As if the refused change had been made after all.
    node.sessions
        .kept
        .store
        .change_session(&session.hash, &|body| with_properties(body, set))
        .await
        .unwrap();
    node.sessions.write_soon().await.unwrap();
    let both = one("timer", "1").into_iter().chain(one("set", "1"));
    let seen = node.find(&token, BEGUN).await.unwrap();
    assert_eq!(*seen.properties(), both.collect::<Properties>());
}

/// A node that is cut off after it has written decides from memory.
async fn what_was_written_is_not_read_again(place: Place) {
    let node = Node::on(&place).await;
    let (token, session) = node.begin().await;
    node.sessions
        .set_properties_soon(&session, one("timer", "1"));
    node.sessions.write_soon().await.unwrap();
    assert!(node.sessions.kept.unwritten.changed().is_empty());
    place.run("ALTER TABLE sessions RENAME TO away").await;
    let seen = node.find(&token, BEGUN).await.unwrap();
    assert_eq!(*seen.properties(), one("timer", "1"));
}

async fn a_session_used_elsewhere_is_not_idle(place: Place) {
    let (mut here, mut there) = (Node::on(&place).await, Node::on(&place).await);
    let (token, session) = here.begin().await;
    assert!(there.find(&token, BEGUN).await.is_some());
    let used = BEGUN + IDLE - 1;
    here.sessions.touch(&session, used);
    here.sessions.write_soon().await.unwrap();
    // There it was not seen since it began.
    let later = BEGUN + IDLE + 3 * MINUTE;
    there.sessions.remove_expired(later).await.unwrap();
    assert_eq!(there.told(), []);
    assert!(there.find(&token, used + IDLE - 1).await.is_some());
    assert!(there.find(&token, used + IDLE).await.is_none());
    assert!(here.find(&token, used + IDLE).await.is_none());
    // Another node may have a use to write, so it is not told to be over yet.
    there.sessions.remove_expired(used + IDLE).await.unwrap();
    assert_eq!(there.told(), []);
    let over = used + IDLE + 2 * MINUTE + 1;
    for node in [&mut there, &mut here] {
        for _ in 0..2 {
            node.sessions.remove_expired(over).await.unwrap();
        }
        assert_eq!(node.told(), [SessionChange::IdleTooLong]);
    }
    // One that was read as idle by a finder alone.
    let (token, session) = here.begin().await;
    assert!(there.find(&token, BEGUN).await.is_some());
    here.sessions.touch(&session, used);
    here.sessions.write_soon().await.unwrap();
    assert!(there.find(&token, BEGUN + IDLE).await.is_some());
}

async fn what_the_store_lost_is_let_go(place: Place) {
    let (here, mut there) = (Node::on(&place).await, Node::on(&place).await);
    let (token, session) = here.begin().await;
    assert!(there.find(&token, BEGUN).await.is_some());
    let read = there.find(&token, BEGUN).await.unwrap();
    assert!(read.is_same(&session) && !read.is_same(&here.begin().await.1));
    let how = SessionChange::LoggedOut;
    here.sessions.end(&session, how).await.unwrap();
    // What was told got lost, which is what is heard.
    there.sessions.hear(&Notice::Everything);
    assert!(there.find(&token, BEGUN).await.is_none());
    there.sessions.write_soon().await.unwrap();
    assert_eq!(there.told(), [SessionChange::Destroyed]);
    // A store that cannot tell is asked.
    let (token, session) = here.begin().await;
    assert!(there.find(&token, BEGUN).await.is_some());
    here.sessions.end(&session, how).await.unwrap();
    there.sessions.take_over_changes().await.unwrap();
    if there.sessions.kept.store.notices().is_none() {
        assert!(there.find(&token, BEGUN).await.is_none());
    }
}

/// A subject that was resolved before the change, and comes to be kept after it.
async fn a_subject_is_resolved_again_for_other_properties(place: Place) {
    let node = Node::on(&place).await;
    let (token, session) = node.begin().await;
    let store = Arc::clone(&node.sessions.kept.store);
    let publisher = Publisher::start(
        Arc::clone(&store),
        Decider::start(1).unwrap(),
        Arc::clone(&node.sessions.freshness),
        Notifications::new(),
    );
    let publisher = publisher.await.unwrap();
    let live = publisher.live();
    let facts = Facts {
        session: ["p".to_owned()].into(),
        ..Facts::default()
    };
    let realm = LiveRealm {
        facts: Arc::new(facts),
        ..(*live.root()).clone()
    };
    let subjects = Subjects::new(store, Directory::new("dc=example"));
    let resolved = async |session: &Session| {
        let subject = subjects.of_session(session, &live, &realm).await.unwrap();
        String::from_utf8(subject.members().unwrap().to_vec()).unwrap()
    };
    assert!(!resolved(&session).await.contains(r#""p""#));
    let late = session.subject.load_full();
    node.sessions.set_properties_soon(&session, one("p", "1"));
    session.subject.store(late);
    assert!(resolved(&session).await.contains(r#""p":"1""#));
    let kept = session.subject.load_full().unwrap();
    // What is read again and is the same leaves the subject as it is.
    node.sessions.write_soon().await.unwrap();
    let session = node.find(&token, BEGUN).await.unwrap();
    resolved(&session).await;
    assert!(Arc::ptr_eq(&kept, &session.subject.load_full().unwrap()));
}
