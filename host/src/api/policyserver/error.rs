//! Refusals: `{"errors": [text, …]}` with the status that fits; challenges as RFC 6750 has them.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

use super::super::hints::Hints;
use super::super::json_body::BodyFault;
use super::super::oauth::caller::CallerError;
use crate::publish::CommitError;
use crate::store::StoreError;

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    errors: Vec<String>,
    hints: Hints,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Refusal {
            status,
            errors: vec![error.into()],
            hints: Hints::default(),
        }
    }

    /// 400 with everything that is wrong, each error with the member that it is about.
    pub(super) fn faults(errors: Vec<String>) -> Self {
        Refusal {
            errors,
            ..Self::bad_request("")
        }
    }

    pub(super) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub(super) fn not_found(what: &str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("There is no {what} {id:?}"))
    }

    pub(super) fn conflict(error: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, error)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "This method is not served here",
        )
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
        Refusal {
            hints: Hints::to_caller(&error, error.challenge()),
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
            // Names are unique among siblings, and so are assignments in their role.
            CommitError::Store(StoreError::Exists { .. }) => {
                Self::conflict("name: another one of that name is there already")
            }
            // Somebody else was faster: what is changed or removed here, or what it lies beneath.
            CommitError::Store(StoreError::Missing { key } | StoreError::Changed { key }) => {
                Self::conflict(format!(
                    "{key} was changed or removed by somebody else; read it again"
                ))
            }
            CommitError::Store(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let body = json!({"errors": self.errors});
        self.hints.beside(self.status, &body)
    }
}
