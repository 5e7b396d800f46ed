//! What may help whoever is refused, said in headers: how to prove oneself, and when to try again. The faces beside AM's
//! put them beside bodies of their own shapes.

use axum::body::Body;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

use super::oauth::caller::CallerError;
use super::oauth::error::answer;
use crate::oauth::throttle::RetryAfter;

/// Headers of a refusal.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    challenges: Vec<HeaderValue>,
    retry_after: Option<RetryAfter>,
}

impl Hints {
    /// Ways to prove oneself (`WWW-Authenticate`).
    pub(crate) fn challenges(challenges: impl IntoIterator<Item = HeaderValue>) -> Self {
        Hints {
            challenges: challenges.into_iter().collect(),
            retry_after: None,
        }
    }

    /// When to try again (`Retry-After`).
    pub(crate) fn retry(after: RetryAfter) -> Self {
        Hints {
            challenges: Vec::new(),
            retry_after: Some(after),
        }
    }

    /// What is wrong is over soon.
    pub(crate) fn soon() -> Self {
        Self::retry(RetryAfter(1))
    }

    /// What helps a caller who is not one, or may not; `challenges` in place of the standard's.
    pub(crate) fn to_caller(
        error: &CallerError,
        challenges: impl IntoIterator<Item = HeaderValue>,
    ) -> Self {
        Hints {
            retry_after: error.retry_after(),
            ..Self::challenges(challenges)
        }
    }

    /// The refusal: JSON that no cache keeps, with these headers.
    pub(crate) fn beside(self, status: StatusCode, body: &Value) -> Response<Body> {
        let mut response = answer(status, body);
        let headers = response.headers_mut();
        for challenge in self.challenges {
            headers.append(WWW_AUTHENTICATE, challenge);
        }
        if let Some(RetryAfter(seconds)) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}
