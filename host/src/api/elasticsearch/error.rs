//! Refusals in two shapes: the product's own (`{"error": {"root_cause", "type", "reason"}, "status"}`), and that of OAuth
//! for what is wrong with a grant (`{"error", "error_description"}`).

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::super::hints::Hints;
use super::super::json_body::BodyFault;
use super::super::oauth::caller::CallerError;
use crate::oauth::refresh::RefreshError;
use crate::oauth::token::IssueError;
use crate::store::StoreError;

const BASIC: HeaderValue = HeaderValue::from_static("Basic realm=\"security\", charset=\"UTF-8\"");

const BEARER: HeaderValue = HeaderValue::from_static("Bearer realm=\"security\"");

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: Value,
    hints: Hints,
}

impl Refusal {
    fn new(status: StatusCode, r#type: &str, reason: impl Into<String>) -> Self {
        let cause = json!({"type": r#type, "reason": reason.into()});
        let mut error = json!({"root_cause": [cause.clone()]});
        if let (Some(error), Some(cause)) = (error.as_object_mut(), cause.as_object()) {
            error.extend(cause.clone());
        }
        Refusal {
            status,
            body: json!({"error": error, "status": status.as_u16()}),
            hints: Hints::default(),
        }
    }

    /// 400: the body is not what is documented.
    pub(super) fn illegal(reason: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "illegal_argument_exception",
            reason,
        )
    }

    /// 400: the body cannot be read.
    pub(super) fn unreadable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "x_content_parse_exception", reason)
    }

    /// 400 in OAuth's shape.
    pub(super) fn grant(error: &str, description: impl Into<String>) -> Self {
        Refusal {
            status: StatusCode::BAD_REQUEST,
            body: json!({"error": error, "error_description": description.into()}),
            hints: Hints::default(),
        }
    }

    /// 401: nobody is known by these credentials. A password is only asked for where one would be taken.
    pub(super) fn unauthenticated(reason: impl Into<String>, takes_passwords: bool) -> Self {
        let challenge = if takes_passwords { BASIC } else { BEARER };
        Refusal {
            hints: Hints::challenges([challenge]),
            ..Self::new(StatusCode::UNAUTHORIZED, "security_exception", reason)
        }
    }

    /// 403: somebody is, and may not.
    pub(super) fn unauthorized(action: &str, who: &str) -> Self {
        let reason = format!("action [{action}] is unauthorized for user [{who}]");
        Self::new(StatusCode::FORBIDDEN, "security_exception", reason)
    }

    pub(super) fn media_type(named: &str) -> Self {
        let reason = format!("Content-Type header [{named}] is not supported");
        Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "media_type_header_exception",
            reason,
        )
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "illegal_argument_exception",
            "this method is not served here",
        )
    }

    /// 400: there is nothing at this address. The product has no object for it, a text only.
    pub(super) fn no_handler(path: &str, method: &Method) -> Self {
        let status = StatusCode::BAD_REQUEST;
        let error = format!("no handler found for uri [{path}] and method [{method}]");
        Refusal {
            status,
            body: json!({"error": error, "status": status.as_u16()}),
            hints: Hints::default(),
        }
    }

    /// Something of ours failed: logged with its cause, told without it.
    pub(super) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "exception", "Internal Server Error")
    }
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        match &fault {
            BodyFault::TooLarge(limit) => Self::new(
                fault.status(),
                "illegal_argument_exception",
                format!("the body is larger than {limit}"),
            ),
            BodyFault::TooSlow => Self::new(
                fault.status(),
                "illegal_argument_exception",
                fault.to_string(),
            ),
            BodyFault::MediaType => Self::media_type(""),
            BodyFault::Charset(_) => Self::new(
                fault.status(),
                "media_type_header_exception",
                fault.to_string(),
            ),
            BodyFault::Syntax(error) | BodyFault::Trailing(error) => {
                Self::unreadable(format!("the body is no JSON: {error}"))
            }
            BodyFault::NoObject => Self::unreadable("the body must be a JSON object"),
        }
    }
}

impl From<CallerError> for Refusal {
    fn from(error: CallerError) -> Self {
        let challenges = match &error {
            CallerError::Missing | CallerError::WrongPassword => vec![BASIC],
            CallerError::InvalidToken(_) => vec![HeaderValue::from_static(
                "Bearer realm=\"security\", error=\"invalid_token\", error_description=\"The access token expired\"",
            )],
            other => other.challenge().into_iter().collect(),
        };
        Refusal {
            hints: Hints::to_caller(&error, challenges),
            ..Self::new(error.status(), "security_exception", error.text())
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Refusal {
            hints: Hints::soon(),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable_exception",
                "the store cannot be reached; nothing was issued or changed",
            )
        }
    }
}

impl From<IssueError> for Refusal {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Store(error) => error.into(),
            IssueError::Key(error) => Self::internal(error),
            IssueError::NoRandomness => Self::internal("the system gave no randomness"),
        }
    }
}

impl From<RefreshError> for Refusal {
    fn from(error: RefreshError) -> Self {
        let description = match error {
            RefreshError::Unknown => "could not refresh the requested token",
            RefreshError::Expired => "token document has expired",
            RefreshError::Revoked => "token has been invalidated",
            RefreshError::OtherClient => "tokens must be refreshed by the creating client",
            RefreshError::Used => "token has already been refreshed",
            RefreshError::UsedTooLongAgo(seconds) => {
                let ago = format!(
                    "token has already been refreshed more than {seconds} seconds in the past"
                );
                return Self::grant("invalid_grant", ago);
            }
            RefreshError::Failed(error) => return error.into(),
        };
        Self::grant("invalid_grant", description)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        self.hints.beside(self.status, &self.body)
    }
}
