//! Errors as AM writes them: `{"code", "reason", "message"}` with the status line equal to `code`.

use std::num::NonZeroU32;

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use super::answer::json_response;
use super::crest::operation::Operation;
use super::crest::version::Requested;
use super::json_body::BodyFault;
use super::oauth::caller::CallerError;
use crate::auth::login::LoginError;
use crate::auth::password::PasswordError;
use crate::auth::sessions::BeginError;
use crate::oauth::throttle::RetryAfter;
use crate::publish::CommitError;
use crate::store::StoreError;

/// An error of the REST API. `message` is for people and never HTML-escaped; `reason` follows from the status.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    detail: Option<String>,
    /// The resource version that was being served when it happened; none before a version was chosen.
    served: Option<&'static str>,
    /// `WWW-Authenticate`, for callers with access tokens.
    challenge: Option<HeaderValue>,
    /// Whether somebody else changed what this was to be made from, so that nothing was written.
    overtaken: bool,
    /// Seconds (`Retry-After`), where waiting helps. Small, as every answer may be one of these.
    retry_after: Option<NonZeroU32>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        ApiError {
            status,
            message: message.into(),
            detail: None,
            served: None,
            challenge: None,
            overtaken: false,
            retry_after: None,
        }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// The answer to every path that leads nowhere; `rest` is what is left of the path.
    pub(crate) fn no_such_resource(rest: &str) -> Self {
        Self::not_found(format!("Resource '{rest}' not found"))
    }

    /// The error for a version that the endpoint at `path` does not have: it names what lies below the first element of
    /// a longer path, and no instance that is still to be made.
    pub(crate) fn no_such_version(path: &str, id: Option<&str>, operation: &Operation) -> Self {
        let below = path.split_once('/').map(|(_, below)| below);
        let id = id.filter(|_| !matches!(operation, Operation::CreateWithId | Operation::Upsert));
        let names: Vec<&str> = below.into_iter().chain(id).collect();
        Self::no_such_resource(&names.join("/"))
    }

    /// The error for an operation that only instances have, asked of a collection, or the reverse.
    pub(crate) fn misplaced(operation: &Operation, id: Option<&str>) -> Option<Self> {
        let (what, how) = match (operation, id) {
            (Operation::Read, None) => ("collection", "read"),
            (Operation::Update, None) => ("collection", "updated"),
            (Operation::Delete, None) => ("collection", "deleted"),
            (Operation::Patch, None) => ("collection", "patched"),
            (Operation::Query, Some(_)) => ("instance", "queried"),
            (Operation::Create, Some(_)) => ("instance", "created"),
            (Operation::Upsert | Operation::CreateWithId, None) => {
                return Some(Self::no_such_resource(""));
            }
            _ => return None,
        };
        let message = format!("The resource {what}  cannot be {how}");
        Some(Self::bad_request(message))
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn insufficient_privileges() -> Self {
        Self::forbidden("The user has insufficient privileges")
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Access Denied")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
    }

    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// Others changed the same thing each time that it was to be changed ([`crate::limits::REWRITE_ATTEMPTS`]).
    pub(crate) fn contended() -> Self {
        Self::conflict("Too many others are changing this at the same time; try again")
    }

    /// Whether the same request, made again from what there is now, may succeed.
    pub(crate) fn is_overtaken(&self) -> bool {
        self.overtaken
    }

    /// What was written is gone already: somebody else deleted it before it could be shown.
    pub(crate) fn vanished() -> Self {
        Self::not_found("Resource cannot be found.")
    }

    /// Something of ours failed: logged with its cause, told without it.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn served(mut self, version: &'static str) -> Self {
        self.served.get_or_insert(version);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// A creation by PUT answers 412 where one by POST answers 409: from protocol 2 on.
    pub(crate) fn for_put(mut self, requested: &Requested) -> Self {
        if self.status == StatusCode::CONFLICT && !requested.is_protocol_one() {
            self.status = StatusCode::PRECONDITION_FAILED;
        }
        self
    }

    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("code".into(), self.status.as_u16().into());
        body.insert("reason".into(), reason(self.status).into());
        body.insert("message".into(), self.message.as_str().into());
        if let Some(detail) = &self.detail {
            body.insert("detail".into(), detail.as_str().into());
        }
        Value::Object(body)
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.status.as_u16(), self.message)
    }
}

/// The last name of a realm's key.
fn last_name(realm: &str) -> &str {
    realm.rsplit_once('/').map_or(realm, |(_, name)| name)
}

/// The status phrases of AM's HTTP library.
fn reason(status: StatusCode) -> &'static str {
    match status {
        StatusCode::REQUEST_TIMEOUT => "Request Time-out",
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        other => other.canonical_reason().unwrap_or("Error"),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = self.body().to_string().into_bytes();
        let mut response = json_response(self.status, body, self.served);
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(RETRY_AFTER, seconds.get().into());
        }
        response
    }
}

impl From<CallerError> for ApiError {
    fn from(error: CallerError) -> Self {
        if let CallerError::Store(error) = error {
            return error.into();
        }
        ApiError {
            challenge: error.challenge(),
            retry_after: error
                .retry_after()
                .and_then(|RetryAfter(seconds)| u32::try_from(seconds).ok())
                .and_then(NonZeroU32::new),
            ..ApiError::new(error.status(), error.text())
        }
    }
}

impl From<BodyFault> for ApiError {
    fn from(fault: BodyFault) -> Self {
        let unprocessable = |why: &str| {
            ApiError::bad_request(format!("The request could not be processed because {why}"))
        };
        match &fault {
            BodyFault::TooLarge(limit) => ApiError::new(
                fault.status(),
                format!("The request body is larger than {limit}"),
            ),
            BodyFault::MediaType => ApiError::new(fault.status(), "Unsupported Media Type"),
            BodyFault::Charset(_) | BodyFault::TooSlow => {
                ApiError::new(fault.status(), fault.to_string())
            }
            BodyFault::Syntax(error) => unprocessable("the provided content is not valid JSON")
                .with_detail(error.to_string()),
            BodyFault::Trailing(_) => {
                unprocessable("there is trailing data after the JSON content")
            }
            BodyFault::NoObject => unprocessable("the provided content is not a JSON object"),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists { .. } => ApiError::conflict("Resource already exists"),
            StoreError::Changed { .. } => ApiError {
                overtaken: true,
                ..ApiError::new(
                    StatusCode::PRECONDITION_FAILED,
                    "The resource was changed by somebody else since the revision that If-Match asks for",
                )
            },
            // As for any request in a realm that is not there.
            StoreError::NoRealm { realm } => {
                ApiError::not_found(format!("Realm \"{}\" not found", last_name(&realm)))
            }
            StoreError::Missing { .. } => ApiError::not_found("Resource cannot be found."),
            // Told in the log when it began, and not with every request.
            StoreError::CutOff { .. } => {
                ApiError::unavailable(format!("This node decides nothing: it is {error}."))
            }
            other => {
                tracing::error!(error = %other, "the store failed");
                ApiError::unavailable(
                    "The store cannot be reached; nothing was decided, and no change was acknowledged.",
                )
            }
        }
    }
}

impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => error.into(),
            CommitError::Publish(why) => ApiError::internal(why),
            CommitError::Unread(error) => {
                tracing::error!(%error, "a change was stored and is not live");
                ApiError::unavailable(
                    "The change was stored, but does not decide on this node yet: the store cannot be reached.",
                )
            }
        }
    }
}

impl From<PasswordError> for ApiError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => ApiError::unavailable(error.to_string()),
            PasswordError::TooLong => ApiError::bad_request(error.to_string()),
            PasswordError::Failed(why) => ApiError::internal(why),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Store(error) => error.into(),
            LoginError::Password(error) => error.into(),
            // AM knows no such answer. A locked account is 401 there, which clients take for a wrong password.
            LoginError::Throttled(after) => CallerError::Throttled(after).into(),
        }
    }
}

impl From<BeginError> for ApiError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Store(error) => error.into(),
            BeginError::NoRandomness => ApiError::internal("the system gave no randomness"),
        }
    }
}
