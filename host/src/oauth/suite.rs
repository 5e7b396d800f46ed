//! The core as a whole, at instants that the cases choose, on both databases.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::field::Field;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::Oauth;
use super::audit::About;
use super::permission::Audience;
use super::refresh::{RefreshError, Refreshed};
use super::registry::TokenSettings;
use super::scope::Scopes;
use super::settings::OauthSettings;
use super::token::{Issued, NewToken, Subject, User};
use super::verify::TokenError;
use crate::clock::{self, Millis};
use crate::config::{Config, Layers};
use crate::freshness::Freshness;
use crate::keys::{KeyRings, Purpose};
use crate::realm::{Directory, RealmPath};
use crate::store::suite::place::Place;
use crate::store::tokens::Revoke;
use crate::store::{Expect, StoreError, Write};

macro_rules! cases {
    ($($case:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Place::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Place::postgres().await).await;
            })*
        }
    };
}

cases! {
    access_tokens_live_as_long_as_they_say refresh_tokens_are_good_once reuse_ends_the_family
    refresh_tokens_are_refused_in_order a_repeat_gets_the_same_answer_where_that_is_set
    removed_keys_end_what_they_signed settings_that_cannot_be_read_are_not_replaced
    what_the_store_did_not_take_was_not_issued
}

const T: Millis = 1_800_000_000_000;
const SECOND: Millis = 1000;
const HOUR: Millis = 3600 * SECOND;

async fn core(place: &Place, more: &[(&'static str, toml::Value)]) -> Oauth {
    let config: Config = Layers {
        flags: more.to_vec(),
        ..Layers::default()
    }
    .load()
    .unwrap();
    let store = place.open().await;
    let keys = KeyRings::open(Arc::clone(&store), &config, T)
        .await
        .unwrap();
    let directory = Directory::new(&config.base_dn);
    let settings = OauthSettings::of(&config);
    // Never cut off, whatever time the cases take.
    let fresh = Arc::new(Freshness::new(HOUR, SECOND, clock::moment()));
    let oauth = Oauth::open(store, fresh, Arc::new(keys), directory, settings, T);
    let oauth = oauth.await.unwrap();
    oauth.set_base("http://127.0.0.1:1", Vec::new());
    oauth
}

fn for_user(lifetime: u32) -> NewToken {
    NewToken {
        client: "caller".into(),
        subject: Subject::User(User {
            realm: RealmPath::root(),
            name: "Ann".into(),
        }),
        audiences: vec![Audience::Management, Audience::Runtime],
        scopes: Scopes::default(),
        lifetime,
        grant: "password",
    }
}

async fn pair(oauth: &Oauth, at: Millis) -> (String, String) {
    parts(oauth.issue_pair(&for_user(1200), at).await.unwrap())
}

fn refreshed(refreshed: Refreshed) -> (String, String) {
    parts(refreshed.issued)
}

fn parts(issued: Issued) -> (String, String) {
    (issued.access_token, issued.refresh_token.unwrap())
}

async fn believes(oauth: &Oauth, token: &str, at: Millis) -> bool {
    match oauth.verify(token, at).await {
        Ok(_) => true,
        Err(TokenError::Invalid(_)) => false,
        Err(other) => panic!("{other:?}"),
    }
}

async fn access_tokens_live_as_long_as_they_say(place: Place) {
    let oauth = core(&place, &[]).await;
    let issued = oauth.issue(&for_user(60), T + 999).await.unwrap();
    assert_eq!(
        (issued.expires_in, issued.refresh_token.is_none()),
        (60, true)
    );
    let token = issued.access_token;
    // Believed at once and for the whole time, also by a node whose clock is a little behind.
    for (at, good) in [
        (T - 30 * SECOND, true),
        (T - 31 * SECOND, false),
        (T, true),
        (T + 60 * SECOND - 1, true),
        (T + 60 * SECOND, false),
    ] {
        // A core of its own for each instant: what was believed once is kept.
        let fresh = core(&place, &[]).await;
        assert_eq!(believes(&fresh, &token, at).await, good, "{}", at - T);
    }
    assert!(believes(&oauth, &token, T).await);
    assert!(
        !believes(&oauth, &token, T + 60 * SECOND).await,
        "kept tokens expire as well"
    );
    let known = oauth.verify(&token, T).await.unwrap();
    assert_eq!(known.client, "caller");
}

async fn refresh_tokens_are_good_once(place: Place) {
    let oauth = core(&place, &[]).await;
    let (first_access, first) = pair(&oauth, T).await;
    let later = T + 23 * HOUR;
    let (second_access, second) = refreshed(oauth.refresh(&first, "caller", later).await.unwrap());
    assert_ne!(first, second);
    assert!(believes(&oauth, &second_access, later).await);
    // The access token of before lives out its own time.
    assert!(!believes(&oauth, &first_access, later).await);
    let (_, third) = refreshed(
        oauth
            .refresh(&second, "caller", later + HOUR)
            .await
            .unwrap(),
    );
    // Each has a day of its own.
    assert!(matches!(
        oauth.refresh(&third, "caller", later + 25 * HOUR).await,
        Err(RefreshError::Expired)
    ));
    assert!(
        oauth
            .refresh(&third, "caller", later + 25 * HOUR - 1)
            .await
            .is_ok()
    );
}

async fn reuse_ends_the_family(place: Place) {
    let (oauth, other) = (core(&place, &[]).await, core(&place, &[]).await);
    let (access, first) = pair(&oauth, T).await;
    let (stranger_access, stranger) = pair(&oauth, T).await;
    let (next_access, next) = refreshed(oauth.refresh(&first, "caller", T + SECOND).await.unwrap());
    assert!(believes(&other, &next_access, T + SECOND).await);
    let again = oauth.refresh(&first, "caller", T + 2 * SECOND).await;
    assert!(matches!(again, Err(RefreshError::Used)), "even at once");
    for token in [&access, &next_access] {
        assert!(!believes(&oauth, token, T + 2 * SECOND).await);
    }
    other.take_over_revocations().await.unwrap();
    assert!(
        !believes(&other, &next_access, T + 2 * SECOND).await,
        "as the other node knows"
    );
    for token in [&first, &next] {
        let refused = oauth.refresh(token, "caller", T + 3 * SECOND).await;
        assert!(matches!(refused, Err(RefreshError::Revoked)));
    }
    // Another log-in of the same user is another family.
    assert!(believes(&oauth, &stranger_access, T + 3 * SECOND).await);
    assert!(
        oauth
            .refresh(&stranger, "caller", T + 3 * SECOND)
            .await
            .is_ok()
    );
}

async fn refresh_tokens_are_refused_in_order(place: Place) {
    let oauth = core(&place, &[]).await;
    let (access, token) = pair(&oauth, T).await;
    for unknown in ["", "x", &access, &"y".repeat(600)] {
        let refused = oauth.refresh(unknown, "caller", T).await;
        assert!(matches!(refused, Err(RefreshError::Unknown)), "{unknown}");
    }
    let other = oauth.refresh(&token, "thief", T).await;
    assert!(matches!(other, Err(RefreshError::OtherClient)));
    let expired = oauth.refresh(&token, "thief", T + 24 * HOUR).await;
    assert!(matches!(expired, Err(RefreshError::Expired)));
    // What the thief tried has not used it up.
    assert!(oauth.refresh(&token, "caller", T + SECOND).await.is_ok());
    let (_, token) = pair(&oauth, T).await;
    let who = About::default();
    let count = oauth
        .revoke(Revoke::User("/", "ann"), who, T)
        .await
        .unwrap();
    assert!(count.now >= 2, "{count:?}");
    let revoked = oauth.refresh(&token, "thief", T).await;
    assert!(matches!(revoked, Err(RefreshError::Revoked)));
}

async fn a_repeat_gets_the_same_answer_where_that_is_set(place: Place) {
    let oauth = core(&place, &[("refresh_grace_seconds", 30.into())]).await;
    let (_, first) = pair(&oauth, T).await;
    let answer = oauth.refresh(&first, "caller", T).await.unwrap();
    let whose = answer.user.as_ref().map(|user| user.name.as_str());
    assert_eq!(whose, Some("Ann"));
    let answer = refreshed(answer);
    let again = refreshed(
        oauth
            .refresh(&first, "caller", T + 29 * SECOND)
            .await
            .unwrap(),
    );
    assert_eq!(again, answer);
    let thief = oauth.refresh(&first, "thief", T + SECOND).await;
    assert!(matches!(thief, Err(RefreshError::OtherClient)));
    let late = oauth.refresh(&first, "caller", T + 30 * SECOND).await;
    assert!(matches!(late, Err(RefreshError::UsedTooLongAgo(30))));
    assert!(!believes(&oauth, &answer.0, T + 30 * SECOND).await);
}

async fn removed_keys_end_what_they_signed(place: Place) {
    let oauth = core(&place, &[]).await;
    let (token, _) = pair(&oauth, T).await;
    assert!(believes(&oauth, &token, T).await);
    let ring = oauth.keys.ring(Purpose::TokensRs256).unwrap();
    let kid = ring.current().kid().to_owned();
    oauth
        .keys
        .rotate("test", Purpose::TokensRs256, T)
        .await
        .unwrap();
    assert!(believes(&oauth, &token, T).await, "a retired key verifies");
    let (next, _) = pair(&oauth, T).await;
    oauth
        .keys
        .remove("test", Purpose::TokensRs256, &kid, T)
        .await
        .unwrap();
    assert!(
        !believes(&oauth, &token, T).await,
        "although it was believed before"
    );
    assert!(believes(&oauth, &next, T).await);
}

async fn what_the_store_did_not_take_was_not_issued(place: Place) {
    let oauth = core(&place, &[]).await;
    let audited = Audited::default();
    let _guard = tracing::subscriber::set_default(audited.clone());
    let (_, first) = pair(&oauth, T).await;
    assert_eq!(audited.issued(), 1);
    // Two at once: one gets a token, and the family ends.
    let (one, other) = tokio::join!(
        oauth.refresh(&first, "caller", T),
        oauth.refresh(&first, "caller", T)
    );
    assert!(one.is_ok() != other.is_ok());
    assert_eq!(audited.issued(), 2);
    // And a store that takes nothing.
    let (_, next) = pair(&oauth, T).await;
    place.run("DROP TABLE access_tokens").await;
    assert!(oauth.issue(&for_user(60), T).await.is_err());
    assert!(oauth.issue_pair(&for_user(60), T).await.is_err());
    assert!(oauth.refresh(&next, "caller", T).await.is_err());
    assert_eq!(audited.issued(), 3);
}

/// Counts the tokens that the audit record says were issued.
#[derive(Clone, Default)]
struct Audited(Arc<AtomicUsize>);

impl Audited {
    fn issued(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Subscriber for Audited {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "audit"
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut |field: &Field, value: &dyn std::fmt::Debug| {
            if field.name() == "event" && format!("{value:?}").contains("token.issued") {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

async fn settings_that_cannot_be_read_are_not_replaced(place: Place) {
    let store = place.open().await;
    let (settings, there) = TokenSettings::stored(store.as_ref()).await.unwrap();
    assert_eq!((&settings, there), (&TokenSettings::default(), None));
    let mut writes = settings.in_place_of(there);
    store.apply("a", T, "", &writes).await.unwrap();
    let (_, there) = TokenSettings::stored(store.as_ref()).await.unwrap();
    assert!(there.is_some());
    for write in &mut writes {
        if let Write::Put(expect, draft) = write {
            (*expect, draft.body) = (Expect::Present, "{\"expiration\": \"soon\"}".into());
        }
    }
    store.apply("a", T + 1, "", &writes).await.unwrap();
    let read = TokenSettings::stored(store.as_ref()).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    // Until somebody has mended them, the strictest hold.
    let revision = store.revision().await.unwrap();
    let oauth = core(&place, &[]).await;
    let registry = oauth.registries.at(revision).await.unwrap();
    assert!(registry.settings.disable_basic);
}
