//! `GET /connect/authorize`: why nobody is authorized here. OpenID Connect's discovery wants such an endpoint named, and
//! clients stop reading its document where there is none; this server signs no user in for a client.

use axum::extract::RawQuery;

use super::super::crest::parameters::Parameters;
use super::error::OauthError;

/// The response type that a request may name and get nothing by (OAuth 2.0 Multiple Response Types, §4).
pub(super) const NONE: &str = "none";

/// Refuses an authorization request, with the codes of RFC 6749 §4.1.2.1. No client has a redirect URI registered, so the
/// answer is given here and nobody is sent anywhere.
pub(super) async fn refuse(RawQuery(query): RawQuery) -> OauthError {
    let twice = |_| OauthError::invalid_request("The query string cannot be read");
    let response_type = Parameters::parse(query.as_deref()).and_then(|parameters| {
        let named = parameters.single("response_type")?;
        Ok(named.map(str::to_owned))
    });
    match response_type.map_err(twice) {
        Err(error) => error,
        Ok(None) => OauthError::invalid_request("response_type is missing"),
        Ok(Some(named)) if named == NONE => OauthError::refused(
            "unauthorized_client",
            "No client may ask for authorization; get tokens at the token endpoint",
        ),
        Ok(Some(_)) => OauthError::refused(
            "unsupported_response_type",
            "No codes and tokens are given here; get tokens at the token endpoint",
        ),
    }
}
