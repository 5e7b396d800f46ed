//! Errors as OAuth writes them: `{"error", "error_description"}` (RFC 6749 §5.2), never stored by caches, JSON whatever
//! `Accept` says.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::super::hints::Hints;
use crate::oauth::authenticate::AuthenticationError;
use crate::oauth::throttle::RetryAfter;
use crate::oauth::token::IssueError;
use crate::store::StoreError;

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=UTF-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
/// What a client is asked for that tried Basic, or nothing at all.
const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"assize\", charset=\"UTF-8\"");

/// An error of an OAuth endpoint.
#[derive(Debug)]
pub(crate) struct OauthError {
    status: StatusCode,
    error: &'static str,
    description: String,
    hints: Hints,
}

impl OauthError {
    pub(crate) fn new(
        status: StatusCode,
        error: &'static str,
        description: impl Into<String>,
    ) -> Self {
        OauthError {
            status,
            error,
            description: description.into(),
            hints: Hints::default(),
        }
    }

    /// 400 with one of the registered codes.
    pub(crate) fn refused(error: &'static str, description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, description)
    }

    pub(crate) fn invalid_request(description: impl Into<String>) -> Self {
        Self::refused("invalid_request", description)
    }

    pub(crate) fn invalid_scope(description: impl Into<String>) -> Self {
        Self::refused("invalid_scope", description)
    }

    /// The client was not authenticated: 401 with a challenge where it tried Basic or nothing, else 400 (RFC 6749 §5.2).
    pub(crate) fn invalid_client(challenge: Challenge) -> Self {
        let description = "Client authentication failed";
        match challenge {
            Challenge::Basic => Self::new(StatusCode::UNAUTHORIZED, "invalid_client", description)
                .with_challenge(BASIC),
            Challenge::None => Self::refused("invalid_client", description),
        }
    }

    pub(crate) fn with_challenge(mut self, challenge: HeaderValue) -> Self {
        self.hints = Hints::challenges([challenge]);
        self
    }

    pub(crate) fn throttled(after: RetryAfter) -> Self {
        OauthError {
            hints: Hints::retry(after),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "temporarily_unavailable",
                "Too many failed attempts; try again later",
            )
        }
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "invalid_request",
            "This method is not served here",
        )
    }

    /// Others changed what this is about each time that it was to be written.
    pub(crate) fn contended() -> Self {
        OauthError {
            hints: Hints::soon(),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "Too many others are changing roles at the same time; try again",
            )
        }
    }

    /// Something of ours failed: logged with its cause, told without it.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a token request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            "Internal Server Error",
        )
    }

    /// For the audit record.
    pub(crate) fn description(&self) -> &str {
        &self.description
    }
}

/// What a client that was not authenticated is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    None,
}

impl From<StoreError> for OauthError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        OauthError {
            hints: Hints::soon(),
            ..OauthError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "The store cannot be reached; nothing was issued or changed",
            )
        }
    }
}

impl From<IssueError> for OauthError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Store(error) => error.into(),
            IssueError::Key(error) => OauthError::internal(error),
            IssueError::NoRandomness => OauthError::internal("the system gave no randomness"),
        }
    }
}

impl AuthenticationError {
    /// The answer to a client that tried it in a way that is asked for by `challenge`.
    pub(super) fn answer(self, challenge: Challenge) -> OauthError {
        match self {
            AuthenticationError::Refused => OauthError::invalid_client(challenge),
            AuthenticationError::Throttled(after) => OauthError::throttled(after),
            AuthenticationError::Store(error) => error.into(),
        }
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response<Body> {
        let body = json!({"error": self.error, "error_description": told(&self.description)});
        self.hints.beside(self.status, &body)
    }
}

/// A JSON answer that no cache keeps.
pub(crate) fn answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(PRAGMA, NO_CACHE);
    response
}

/// A description in the characters that it may have: %x20-21 / %x23-5B / %x5D-7E (RFC 6749 §5.2).
pub(crate) fn told(text: &str) -> String {
    let allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    text.chars()
        .take(200)
        .map(|c| if allowed(c) { c } else { '?' })
        .collect()
}
