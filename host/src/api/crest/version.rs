//! `Accept-API-Version`: which protocol and which version of an endpoint a client wants.

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};

use crate::api::answer::json_response;
use crate::api::error::ApiError;

/// A version `major.minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u16, pub(crate) u16);

/// The protocol that is spoken when the client names none.
const LATEST_PROTOCOL: Version = Version(2, 1);

/// What the client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Requested {
    pub(crate) protocol: Version,
    pub(crate) resource: Option<Version>,
}

/// Why there is no version.
#[derive(Debug)]
pub(crate) enum VersionError {
    Malformed(String),
    Unsupported(ApiError),
}

impl VersionError {
    /// A malformed header is answered with its message alone, as AM does, but as JSON.
    pub(crate) fn into_response(self) -> Response<Body> {
        match self {
            VersionError::Malformed(value) => {
                let message = format!("Version string is in an invalid format: {value}");
                json_response(
                    StatusCode::BAD_REQUEST,
                    serde_json::Value::from(message).to_string().into_bytes(),
                    None,
                )
            }
            VersionError::Unsupported(error) => axum::response::IntoResponse::into_response(error),
        }
    }
}

impl Requested {
    /// Reads the header; without one the latest of everything is wanted.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, VersionError> {
        let mut requested = Requested {
            protocol: LATEST_PROTOCOL,
            resource: None,
        };
        let header = headers.get("accept-api-version");
        let Some(header) = header.filter(|header| !header.is_empty()) else {
            return Ok(requested);
        };
        let text = header
            .to_str()
            .map_err(|_| VersionError::Malformed("it is not ASCII".into()))?;
        let malformed = || VersionError::Malformed(text.to_owned());
        let (mut protocol, mut resource) = (None, None);
        for part in text.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or_else(malformed)?;
            let slot = match name {
                "protocol" => &mut protocol,
                "resource" => &mut resource,
                _ => return Err(malformed()),
            };
            if slot.replace(number(value).ok_or_else(malformed)?).is_some() {
                return Err(malformed());
            }
        }
        if let Some(Version(major, minor)) = protocol {
            let unsupported = |part| {
                VersionError::Unsupported(ApiError::bad_request(format!(
                    "Unsupported {part} version: {major}.{minor}"
                )))
            };
            if major > 2 {
                return Err(unsupported("major"));
            }
            if minor > 1 {
                return Err(unsupported("minor"));
            }
            requested.protocol = Version(major, minor);
        }
        requested.resource = resource;
        Ok(requested)
    }

    /// Protocol 1 answers leave out `_id` and `_rev`.
    pub(crate) fn is_protocol_one(&self) -> bool {
        self.protocol.0 < 2
    }

    /// The protocol as response headers name it.
    pub(crate) fn protocol_text(&self) -> &'static str {
        match self.protocol {
            Version(2, 1) => "protocol=2.1",
            Version(2, _) => "protocol=2.0",
            _ => "protocol=1.0",
        }
    }

    /// The route that serves the request: the highest of the same major version whose minor is not lower than asked.
    /// `routes` ascend.
    pub(crate) fn route<R: Copy>(&self, routes: &[(Version, R)]) -> Option<R> {
        let fits = |version: Version| match self.resource {
            None => true,
            Some(wanted) => version.0 == wanted.0 && version.1 >= wanted.1,
        };
        routes
            .iter()
            .rev()
            .find(|(version, _)| fits(*version))
            .map(|(_, route)| *route)
    }
}

fn number(text: &str) -> Option<Version> {
    let digits = |text: &str| -> Option<u16> {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
    };
    match text.split_once('.') {
        Some((major, minor)) => Some(Version(digits(major)?, digits(minor)?)),
        None => Some(Version(digits(text)?, 0)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn of(text: &str) -> Result<Requested, VersionError> {
        let mut headers = HeaderMap::new();
        headers.insert("accept-api-version", text.parse().unwrap());
        Requested::of(&headers)
    }

    #[test]
    fn the_highest_compatible_route_serves() {
        let routes = [
            (Version(1, 0), "1.0"),
            (Version(2, 0), "2.0"),
            (Version(2, 1), "2.1"),
        ];
        for (text, route) in [
            ("resource=1.0", Some("1.0")),
            ("resource=1", Some("1.0")),
            ("resource=2.0, protocol=1.0", Some("2.1")),
            ("protocol=1.0,resource=2", Some("2.1")),
            ("protocol=1.0", Some("2.1")),
            ("resource=1.1", None),
            ("resource=2.2", None),
            ("resource=3.0", None),
        ] {
            assert_eq!(of(text).unwrap().route(&routes), route, "{text}");
        }
        assert_eq!(
            Requested::of(&HeaderMap::new()).unwrap().route(&routes),
            Some("2.1")
        );
        assert_eq!(of("").unwrap().route(&routes), Some("2.1"));
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "garbage",
            "resource=x",
            "resource=1.0.0",
            "resource=1.0;protocol=1.0",
            "protocol=",
            "resource",
            "resource = 1.0",
            "resource= 1.0",
            "resource=1,resource=1",
        ] {
            assert!(
                matches!(of(text), Err(VersionError::Malformed(_))),
                "{text}"
            );
        }
        assert!(matches!(
            of("protocol=3.0"),
            Err(VersionError::Unsupported(_))
        ));
        assert!(matches!(
            of("protocol=2.2"),
            Err(VersionError::Unsupported(_))
        ));
    }
}
