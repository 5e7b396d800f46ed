//! Request bodies: one JSON object of texts, in which nothing may be that is not known.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::error::Refusal;
use crate::limits::FORM_BYTES;

/// The members of a body.
pub(super) struct Members(Map<String, Value>);

/// The media types of bodies: `compatible-with` says which version of the clients speaks, and all say the same here.
const MEDIA_TYPES: [&str; 2] = ["application/json", "application/vnd.elasticsearch+json"];
const VERSIONS: [&str; 3] = ["7", "8", "9"];

impl Members {
    /// Reads a body whose members are among `known`.
    ///
    /// # Errors
    /// 400, 406 for another media type, 413.
    pub(super) async fn read(request: Request, known: &[&str]) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, FORM_BYTES)
            .await
            .map_err(|_| Refusal::too_large(FORM_BYTES))?;
        if body.is_empty() {
            return Err(Refusal::illegal("request body is required"));
        }
        check_media_type(&head.headers)?;
        Self::parse(&body, known)
    }

    fn parse(body: &Bytes, known: &[&str]) -> Result<Self, Refusal> {
        let members = match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => members,
            Ok(_) => return Err(Refusal::unreadable("the body must be a JSON object")),
            Err(error) => return Err(Refusal::unreadable(format!("the body is no JSON: {error}"))),
        };
        for (name, value) in &members {
            if !known.contains(&name.as_str()) {
                return Err(Refusal::unreadable(format!("unknown field [{name}]")));
            }
            if !value.is_string() && !value.is_null() {
                return Err(Refusal::unreadable(format!("[{name}] must be a text")));
            }
        }
        Ok(Members(members))
    }

    /// A member that is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::CONTENT_TYPE);
    let text = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let version = parts.find_map(|part| part.strip_prefix("compatible-with="));
    let known = MEDIA_TYPES.contains(&media_type.as_str())
        && version.is_none_or(|version| VERSIONS.contains(&version));
    if known {
        Ok(())
    } else {
        Err(Refusal::media_type(text))
    }
}
