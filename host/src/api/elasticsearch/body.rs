//! Request bodies: one JSON object of texts, in which nothing may be that is not known.

use axum::extract::Request;
use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::super::json_body::{self, Limit};
use super::super::media_type::{self, MediaType};
use super::error::Refusal;
use crate::limits::FORM_BYTES;

/// The members of a body.
pub(super) struct Members(Map<String, Value>);

/// The media types of bodies: `compatible-with` says which version of the clients speaks, and all say the same here.
const MEDIA_TYPES: [&str; 2] = [media_type::JSON, "application/vnd.elasticsearch+json"];
const VERSIONS: [&str; 3] = ["7", "8", "9"];

impl Members {
    /// Reads a body whose members are among `known`.
    ///
    /// # Errors
    /// 400, 406 for another media type, 413.
    pub(super) async fn read(request: Request, known: &[&str]) -> Result<Self, Refusal> {
        let (head, body) = request.into_parts();
        let body = json_body::bytes(body, Limit::Constant(FORM_BYTES)).await?;
        if body.is_empty() {
            return Err(Refusal::illegal("request body is required"));
        }
        check_media_type(&head.headers)?;
        let members = json_body::parse_object(&body)?;
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
    let sent = MediaType::of(headers);
    let known = sent.as_ref().is_some_and(|sent| {
        let version = sent.parameter("compatible-with");
        sent.is_one_of(&MEDIA_TYPES) && version.is_none_or(|version| VERSIONS.contains(&version))
    });
    match sent {
        Some(sent) if known => Ok(json_body::check_charset(&sent)?),
        other => Err(Refusal::media_type(
            other.as_ref().map_or("", MediaType::text),
        )),
    }
}
