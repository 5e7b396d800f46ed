//! Client assertions: `private_key_jwt` (RFC 7521 §4.2, RFC 7523 §3, OpenID Connect Core §9).

use std::sync::Arc;

use super::Oauth;
use super::claims::Claims;
use super::client::{AuthMethod, Client};
use super::jws::{Jws, JwsError};
use super::registry::Registry;
use crate::clock::Millis;
use crate::limits::{ASSERTION_LIFE_MS, CLOCK_SKEW_MS, JTI_BYTES};
use crate::store::StoreError;

/// The only value of `client_assertion_type`.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why an assertion proves nothing. The reason goes to the audit record; the client is only told `invalid_client`.
#[derive(Debug)]
pub(crate) enum AssertionError {
    Refused(&'static str),
    Store(StoreError),
}

impl From<JwsError> for AssertionError {
    fn from(error: JwsError) -> Self {
        AssertionError::Refused(error.text())
    }
}

/// The client that an assertion claims to come from; nothing is proved by it. For throttling and the audit record.
pub(crate) fn claimed_client(assertion: &str) -> Option<String> {
    let claims: Claims = Jws::parse(assertion).ok()?.unverified().ok()?;
    claims.sub.or(claims.iss)
}

impl Oauth {
    /// The client that an assertion proves to be. `audiences` are the values of `aud` that mean this server: its issuer
    /// name, and the addresses of the endpoint that was called.
    ///
    /// # Errors
    /// [`AssertionError`]
    pub(crate) async fn check_assertion(
        &self,
        registry: &Registry,
        assertion: &str,
        client_id: Option<&str>,
        audiences: &[String],
        now: Millis,
    ) -> Result<Arc<Client>, AssertionError> {
        let jws = Jws::parse(assertion)?;
        let claims: Claims = jws.unverified()?;
        let checked =
            check(&jws, &claims, client_id, audiences, now).map_err(AssertionError::Refused)?;
        let client = registry
            .client(checked.client)
            .filter(|client| client.enabled && client.method == AuthMethod::PrivateKeyJwt)
            .ok_or(AssertionError::Refused("no such client with keys"))?;
        let mut verified = Err(JwsError::Signature);
        for key in client.keys() {
            // With a single key there is nothing to choose, and who made it may not have been told what it is called.
            let named = client.keys().len() == 1
                || jws.kid().is_none()
                || key.kid.is_none()
                || jws.kid() == key.kid.as_deref();
            if named && verified.is_err() {
                verified = jws.verify(key);
            }
        }
        verified?;
        // INVARIANT: only what was signed is remembered, so that nobody can use up another client's assertions. It is
        // remembered for as long as it would be believed.
        let until = checked.expires.saturating_add(CLOCK_SKEW_MS);
        let first = self
            .store
            .spend_assertion(&client.id, checked.jti, until)
            .await
            .map_err(AssertionError::Store)?;
        if !first {
            return Err(AssertionError::Refused("the assertion was used before"));
        }
        Ok(Arc::clone(client))
    }
}

/// What an assertion says, as far as it can be checked without its key.
#[derive(Debug)]
struct Checked<'a> {
    client: &'a str,
    jti: &'a str,
    expires: Millis,
}

fn check<'a>(
    jws: &Jws<'_>,
    claims: &'a Claims,
    client_id: Option<&str>,
    audiences: &[String],
    now: Millis,
) -> Result<Checked<'a>, &'static str> {
    // RFC 8725 §3.11: a JWT of another kind proves no client.
    if !matches!(
        jws.typ().as_deref(),
        None | Some("jwt" | "client-authentication+jwt")
    ) {
        return Err("typ is none of a client assertion");
    }
    let client = match (claims.iss.as_deref(), claims.sub.as_deref()) {
        (Some(iss), Some(sub)) if iss == sub => sub,
        _ => return Err("iss and sub are not both the client's id"),
    };
    if client_id.is_some_and(|id| id != client) {
        return Err("client_id is another client's");
    }
    let meant = match claims.aud.as_ref().map(super::claims::OneOrMany::as_slice) {
        Some([aud]) => audiences.contains(aud),
        _ => false,
    };
    if !meant {
        return Err("aud is not exactly this server");
    }
    let expires = claims.exp.ok_or("exp is missing")?;
    if now >= expires.saturating_add(CLOCK_SKEW_MS) {
        return Err("it has expired");
    }
    if expires > now.saturating_add(ASSERTION_LIFE_MS + CLOCK_SKEW_MS) {
        return Err("exp is more than an hour ahead");
    }
    let early = |instant: Option<Millis>| {
        instant.is_some_and(|instant| instant > now.saturating_add(CLOCK_SKEW_MS))
    };
    if early(claims.nbf) || early(claims.iat) {
        return Err("nbf or iat is in the future");
    }
    let jti = claims.jti.as_deref().unwrap_or_default();
    if jti.is_empty() || jti.len() > JTI_BYTES {
        return Err("jti is missing or too long");
    }
    Ok(Checked {
        client,
        jti,
        expires,
    })
}
