//! Refusals: `{"error": text}`, and `{RESOURCE: {FIELD: [text]}}` for what is wrong with an object.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use super::super::hints::Hints;
use super::super::json_body::BodyFault;
use super::super::oauth::caller::CallerError;
use super::resource::Resource;
use crate::auth::NoRandomness;
use crate::keys::KeyError;
use crate::publish::CommitError;
use crate::store::StoreError;

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: Value,
    hints: Hints,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Refusal {
            status,
            body: json!({"error": error.into()}),
            hints: Hints::default(),
        }
    }

    pub(super) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// 400 that names the fields.
    pub(super) fn fields(resource: Resource, faults: Value) -> Self {
        Refusal {
            body: json!({resource.name(): faults}),
            ..Self::bad_request("")
        }
    }

    pub(super) fn not_found(resource: Resource, id: &str) -> Self {
        let text = format!("There is no {} {id:?}", resource.name());
        Self::new(StatusCode::NOT_FOUND, text)
    }

    pub(super) fn conflict(error: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }

    pub(super) fn method_not_allowed() -> Self {
        let text = "This method is not served here";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, text)
    }

    /// Something of ours failed: logged with its cause, told without it.
    pub(super) fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        Self::new(fault.status(), fault.to_string())
    }
}

impl From<CallerError> for Refusal {
    fn from(error: CallerError) -> Self {
        // Passwords and tokens are both taken here, unless `disable_basic` says otherwise.
        let basic = matches!(error, CallerError::Missing | CallerError::WrongPassword)
            .then(|| HeaderValue::from_static("Basic realm=\"assize\", charset=\"UTF-8\""));
        Refusal {
            hints: Hints::to_caller(&error, error.challenge().into_iter().chain(basic)),
            ..Self::new(error.status(), error.text())
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
                "The store cannot be reached; nothing was changed",
            )
        }
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(
                StoreError::Exists { key }
                | StoreError::Missing { key }
                | StoreError::Changed { key },
            ) => Self::conflict(format!("{key} was changed by somebody else; try again")),
            CommitError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl From<NoRandomness> for Refusal {
    fn from(_: NoRandomness) -> Self {
        Self::internal("the system gave no randomness")
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        self.hints.beside(self.status, &self.body)
    }
}
