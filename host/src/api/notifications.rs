//! `GET {deployment}/notifications`: AM's change notices over a WebSocket, subprotocol `v1.notifications.forgerock.org`
//! (`notifications.md`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, Response};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::error::ApiError;
use super::subscribers::Place;
use crate::app::{App, stopped};
use crate::auth::caller::Caller;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::clock::{self, millis_text};
use crate::limits::{NOTIFICATION_REQUEST_BYTES, NOTIFICATION_SEND_SECONDS};
use crate::notifications::{
    Event, Happened, PolicyChange, PolicyEvent, SessionChange, SessionEvent,
};
use crate::realm::RealmPath;
use crate::store::StoreError;

const SUBPROTOCOL: &str = "v1.notifications.forgerock.org";
/// Codes of RFC 6455 §7.4.1 for a server that stops, a caller who may listen no longer, one who has missed something.
const GOING_AWAY: u16 = 1001;
const POLICY_VIOLATION: u16 = 1008;
const TRY_AGAIN_LATER: u16 = 1013;

/// Opens the connection for a caller who may ask for decisions: agents need no more.
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response<Body> {
    match accept(app, headers, upgrade).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn accept(
    app: Arc<App>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response<Body>, ApiError> {
    let caller = listener(&app, &headers).await?;
    let place = app
        .subscribers
        .enter(&caller.author(&app.subjects.directory))?;
    let upgrade = upgrade.map_err(|rejection| {
        ApiError::bad_request(format!("A WebSocket is to be opened here: {rejection}"))
    })?;
    let connection = Connection {
        events: app.notifications.listen(),
        app,
        headers,
        caller,
        topics: BTreeSet::new(),
        _place: place,
    };
    Ok(upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(NOTIFICATION_REQUEST_BYTES)
        .max_frame_size(NOTIFICATION_REQUEST_BYTES)
        .on_upgrade(|socket| connection.serve(socket)))
}

/// The caller, who may evaluate policies in its own realm.
///
/// # Errors
/// 401 and 403.
async fn listener(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let now = clock::now();
    let live = Arc::clone(&app.publisher.live());
    let caller = Caller::find(app, headers, &live, now).await?;
    let caller = caller.ok_or_else(ApiError::unauthorized)?;
    if !caller.may(may_evaluate(), caller.realm()) {
        return Err(ApiError::insufficient_privileges());
    }
    caller.touch(app, now);
    Ok(caller)
}

fn may_evaluate() -> Permission {
    Permission::new(Endpoint::Policies, Verb::Evaluate)
}

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Policy,
    Session,
}

impl Topic {
    fn named(name: &str) -> Option<Self> {
        match name {
            "/agent/policy" => Some(Topic::Policy),
            "/agent/session" => Some(Topic::Session),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Topic::Policy => "/agent/policy",
            Topic::Session => "/agent/session",
        }
    }
}

struct Connection {
    app: Arc<App>,
    headers: HeaderMap,
    caller: Caller,
    events: tokio::sync::broadcast::Receiver<Arc<Happened>>,
    topics: BTreeSet<Topic>,
    _place: Place,
}

/// Why a connection ends: with a word to the client, or because there is nobody to say it to.
enum End {
    Closing(u16, &'static str),
    Gone,
}

impl Connection {
    async fn serve(mut self, mut socket: WebSocket) {
        if let End::Closing(code, reason) = self.work(&mut socket).await {
            let close = Message::Close(Some(CloseFrame {
                code,
                reason: reason.into(),
            }));
            // Whether the client hears it or not, the connection is over.
            let _ = send(&mut socket, close).await;
        }
    }

    async fn work(&mut self, socket: &mut WebSocket) -> End {
        let mut stopping = self.app.stopping.subscribe();
        let every = Duration::from_secs(self.app.config.ping_seconds);
        let silence = Duration::from_secs(self.app.config.silence_seconds);
        let mut ping = tokio::time::interval_at(Instant::now() + every, every);
        let mut heard = Instant::now();
        loop {
            let answer = tokio::select! {
                received = socket.recv() => {
                    heard = Instant::now();
                    match received {
                        Some(Ok(Message::Text(text))) => self.answer(text.as_bytes()),
                        Some(Ok(Message::Binary(bytes))) => self.answer(&bytes),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                    }
                }
                happened = self.events.recv() => {
                    let shown = match &happened {
                        Ok(happened) => self.shown(happened).await.ok(),
                        Err(_) => None,
                    };
                    match shown {
                        Some(Some(event)) => event,
                        Some(None) => continue,
                        // What was missed may be anything: who connects anew lets go of all that it keeps.
                        None => return End::Closing(TRY_AGAIN_LATER, "notifications were missed"),
                    }
                }
                _ = ping.tick() => {
                    if heard.elapsed() >= silence {
                        return End::Closing(POLICY_VIOLATION, "nothing was heard of the client");
                    }
                    match listener(&self.app, &self.headers).await {
                        Ok(caller) => self.caller = caller,
                        // The store may be back at the next turn; until then nothing else is known of the caller.
                        Err(error) if error.status().is_server_error() => {}
                        Err(_) => return End::Closing(POLICY_VIOLATION, "the session has ended"),
                    }
                    if send(socket, Message::Ping(Default::default())).await.is_err() {
                        return End::Gone;
                    }
                    continue;
                }
                () = stopped(&mut stopping) => {
                    return End::Closing(GOING_AWAY, "the server stops");
                }
            };
            if send(socket, Message::text(answer.to_string()))
                .await
                .is_err()
            {
                return End::Gone;
            }
        }
    }

    /// Does what a client asks for, and says so.
    fn answer(&mut self, request: &[u8]) -> Value {
        match asked(request) {
            Ok(Subscription { topic, id }) => {
                // A topic that is not known is silent.
                self.topics.extend(Topic::named(&topic));
                let mut answer = json!({"topic": topic, "message": "subscription registered"});
                if let (Some(id), Value::Object(members)) = (id, &mut answer) {
                    members.insert("id".into(), id.into());
                }
                answer
            }
            Err(refused) => refused,
        }
    }

    /// An event as it is told, where the client wants it and may know it.
    ///
    /// # Errors
    /// The store did not answer, so that it is not known who may.
    async fn shown(&self, happened: &Happened) -> Result<Option<Value>, StoreError> {
        let told = match &happened.event {
            Event::Policy(event) => self
                .hears(Topic::Policy, &event.realm)
                .then(|| (Topic::Policy, policy_body(event))),
            Event::Session(event) => match RealmPath::parse(&event.realm) {
                Some(realm)
                    if self.hears(Topic::Session, &realm)
                        && self.may_hold(happened, event, &realm).await? =>
                {
                    Some((Topic::Session, session_body(event)))
                }
                _ => None,
            },
        };
        let shown = |(topic, body): (Topic, Value)| {
            let timestamp = millis_text(happened.at);
            json!({"topic": topic.name(), "timestamp": timestamp, "body": body})
        };
        Ok(told.map(shown))
    }

    /// Whether the client has asked for a topic, and may hear of what happens in a realm.
    fn hears(&self, topic: Topic, realm: &RealmPath) -> bool {
        self.topics.contains(&topic) && self.caller.may(may_evaluate(), realm)
    }

    /// Whether the client may know the token of a session.
    ///
    /// INVARIANT: a token is all that it takes to be its user, and what is told may still be good: after a change of a
    /// property, or where another node has not heard of the end yet. So it is told to those alone who may do themselves
    /// whatever the user may.
    async fn may_hold(
        &self,
        happened: &Happened,
        event: &SessionEvent,
        realm: &RealmPath,
    ) -> Result<bool, StoreError> {
        if event.of_administrator {
            return Ok(self.caller.is_administrator());
        }
        let store = &self.app.store;
        let privileges = happened
            .privileges_of(store, realm, &event.user_key)
            .await?;
        Ok(self.caller.may_all_of(privileges, realm))
    }
}

fn policy_body(event: &PolicyEvent) -> Value {
    json!({
        "realm": event.realm.as_str(),
        "policy": event.policy,
        "policySet": event.policy_set,
        "eventType": match event.change {
            PolicyChange::Created => "CREATE",
            PolicyChange::Updated => "UPDATE",
            PolicyChange::Deleted => "DELETE",
        },
    })
}

fn session_body(event: &SessionEvent) -> Value {
    json!({
        "tokenId": event.token,
        "eventType": match event.change {
            SessionChange::LoggedOut => "LOGOUT",
            SessionChange::Destroyed => "DESTROY",
            SessionChange::IdleTooLong => "IDLE_TIMEOUT",
            SessionChange::TooOld => "MAX_TIMEOUT",
            SessionChange::PropertyChanged => "PROPERTY_CHANGED",
        },
    })
}

/// Sends, unless the client takes nothing any more.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), ()> {
    let limit = Duration::from_secs(NOTIFICATION_SEND_SECONDS);
    match tokio::time::timeout(limit, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(()),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Subscription {
    topic: String,
    id: Option<String>,
}

/// Reads a request.
///
/// # Errors
/// The answer that says what is wrong, in AM's words.
fn asked(request: &[u8]) -> Result<Subscription, Value> {
    let parsed: Result<Map<String, Value>, _> = serde_json::from_slice(request);
    let members = parsed.map_err(|error| json!({"error": error.to_string()}))?;
    let id = match members.get("id") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(other) => return Err(json!({"error": "\"id\" must be a string", "id": other})),
    };
    let refused = |message: String| match &id {
        Some(id) => json!({"error": message, "id": id}),
        None => json!({"error": message}),
    };
    let text = |name: &str| match members.get(name) {
        None => Err(refused(format!("missing required field \"{name}\""))),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(refused(format!("\"{name}\" must be a string"))),
    };
    match text("action")?.as_str() {
        "subscribe" => Ok(Subscription {
            topic: text("topic")?,
            id,
        }),
        other => Err(refused(format!("unknown action \"{other}\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_and_refused_in_ams_words() {
        let good = asked(br#"{"action":"subscribe","topic":"/agent/policy","id":"7"}"#);
        let want = Subscription {
            topic: "/agent/policy".into(),
            id: Some("7".into()),
        };
        assert_eq!(good, Ok(want));
        for (request, refused) in [
            (
                r#"{"id":7}"#,
                json!({"error": "\"id\" must be a string", "id": 7}),
            ),
            (
                r#"{"id":"a"}"#,
                json!({"error": "missing required field \"action\"", "id": "a"}),
            ),
            (
                r#"{"action":1}"#,
                json!({"error": "\"action\" must be a string"}),
            ),
            (
                r#"{"action":"x"}"#,
                json!({"error": "unknown action \"x\""}),
            ),
            (
                r#"{"action":"subscribe"}"#,
                json!({"error": "missing required field \"topic\""}),
            ),
            (
                r#"{"action":"subscribe","topic":[],"id":"b"}"#,
                json!({"error": "\"topic\" must be a string", "id": "b"}),
            ),
        ] {
            assert_eq!(asked(request.as_bytes()), Err(refused), "{request}");
        }
        for request in ["", "{", "[]", "1", "\u{0}"] {
            let refused = asked(request.as_bytes()).map_err(|refused| refused["error"].is_string());
            assert_eq!(refused, Err(true), "{request:?}");
        }
    }
}
