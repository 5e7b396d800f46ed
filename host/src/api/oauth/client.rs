//! The proof of an OAuth endpoint's caller: a client that was authenticated. Handlers take it as an argument.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::peer::PeerAddress;
use super::caller::{Authorization, BAD_BEARER, CallerError, authorization};
use super::error::{Challenge, OauthError};
use super::form::Form;
use crate::api::crest::parameters::{Plus, decode};
use crate::api::json_body::TooSlow;
use crate::app::App;
use crate::clock::{self, Millis};
use crate::limits::FORM_BYTES;
use crate::oauth::assertion::ASSERTION_TYPE;
use crate::oauth::authenticate::Proof;
use crate::oauth::client::Client;
use crate::oauth::registry::Registry;

/// Parameters that must not be in addresses.
const SECRETS: [&str; 4] = ["client_secret", "client_assertion", "token", "access_token"];

/// A form, and the client that sent it.
pub(crate) struct ClientRequest {
    pub(crate) client: Arc<Client>,
    pub(crate) form: Form,
    pub(crate) registry: Arc<Registry>,
    pub(crate) address: IpAddr,
    pub(crate) now: Millis,
}

impl FromRequest<Arc<App>> for ClientRequest {
    type Rejection = OauthError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, OauthError> {
        let unproved = UnprovedRequest::from_request(request, app).await?;
        unproved.prove(app).await
    }
}

/// A form whose sender is not known yet.
pub(crate) struct UnprovedRequest {
    pub(crate) form: Form,
    pub(super) now: Millis,
    headers: HeaderMap,
    path: String,
    address: IpAddr,
}

impl FromRequest<Arc<App>> for UnprovedRequest {
    type Rejection = OauthError;

    async fn from_request(request: Request, _: &Arc<App>) -> Result<Self, OauthError> {
        let (head, body) = request.into_parts();
        let address = PeerAddress::of(&head.extensions).map_err(OauthError::internal)?;
        // One byte more than is allowed, so that the form can say that it is too large.
        let body = to_bytes(body, FORM_BYTES + 1).await.map_err(|error| {
            if TooSlow::is(&error) {
                let late = StatusCode::REQUEST_TIMEOUT;
                return OauthError::new(late, "invalid_request", TooSlow.to_string());
            }
            OauthError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                format!("The form is larger than {FORM_BYTES} bytes"),
            )
        })?;
        // RFC 6749 §2.3.1: what is in an address is written into logs.
        let query = head.uri.query().unwrap_or_default();
        let secret = |pair: &str| {
            let name = pair.split('=').next().unwrap_or_default();
            let name = decode(name, Plus::IsBlank).unwrap_or_default();
            SECRETS.contains(&name.as_str())
        };
        if query.split('&').any(secret) {
            return Err(OauthError::invalid_request(
                "Secrets and tokens must not be in the address",
            ));
        }
        Ok(UnprovedRequest {
            form: Form::parse(&head.headers, &body)?,
            headers: head.headers,
            path: head.uri.path().to_owned(),
            address,
            now: clock::now(),
        })
    }
}

impl UnprovedRequest {
    /// The Bearer token of a request whose sender proves itself by one.
    ///
    /// # Errors
    /// 400 for one that cannot be read, and where the form proves a client besides.
    pub(super) fn bearer(&self) -> Result<Option<&str>, OauthError> {
        // What is wrong with another header is said as at the token endpoint, where clients are proved.
        let token = match authorization(&self.headers) {
            Ok(Some(Authorization::Bearer(token))) => token,
            Err(error @ CallerError::Malformed(BAD_BEARER)) => return Err(error.into()),
            Ok(_) | Err(_) => return Ok(None),
        };
        for proof in ["client_secret", "client_assertion"] {
            if self.form.one(proof)?.is_some() {
                return Err(OauthError::invalid_request(
                    "The client authenticates in more than one way",
                ));
            }
        }
        Ok(Some(token))
    }

    /// Authenticates the client.
    ///
    /// # Errors
    /// `invalid_client`, `invalid_request`, or 429 after too many failures.
    pub(crate) async fn prove(self, app: &App) -> Result<ClientRequest, OauthError> {
        let registry = app
            .oauth
            .registries
            .at(app.publisher.live().revision)
            .await?;
        let basic = Basic::of(&self.headers)?;
        let given = Given {
            id: self.form.one("client_id")?,
            secret: self.form.one("client_secret")?,
            assertion: self.form.one("client_assertion")?,
            assertion_type: self.form.one("client_assertion_type")?,
        };
        // An id alone proves nothing: whoever sends no proof is told how to.
        let challenge = match (&basic, given.secret.or(given.assertion)) {
            (None, Some(_)) => Challenge::None,
            (Some(_), _) | (None, None) => Challenge::Basic,
        };
        let proof = given.proof(basic.as_ref(), app, &self.path, challenge)?;
        let client = app
            .oauth
            .authenticate(&registry, proof, self.address, self.now)
            .await
            .map_err(|error| error.answer(challenge))?;
        Ok(ClientRequest {
            client,
            form: self.form,
            registry,
            address: self.address,
            now: self.now,
        })
    }
}

/// What a form says about its client.
struct Given<'a> {
    id: Option<&'a str>,
    secret: Option<&'a str>,
    assertion: Option<&'a str>,
    assertion_type: Option<&'a str>,
}

impl<'a> Given<'a> {
    fn proof(
        self,
        basic: Option<&'a Basic>,
        app: &App,
        path: &str,
        challenge: Challenge,
    ) -> Result<Proof<'a>, OauthError> {
        let ways = [
            basic.is_some(),
            self.secret.is_some(),
            self.assertion.is_some(),
        ];
        if ways.into_iter().filter(|way| *way).count() > 1 {
            return Err(OauthError::invalid_request(
                "The client authenticates in more than one way",
            ));
        }
        if self.assertion.is_some() != self.assertion_type.is_some() {
            return Err(OauthError::invalid_request(
                "client_assertion and client_assertion_type belong together",
            ));
        }
        if let Some(assertion) = self.assertion {
            if self.assertion_type != Some(ASSERTION_TYPE) {
                return Err(OauthError::invalid_request(
                    "client_assertion_type names no kind of assertion that is known here",
                ));
            }
            return Ok(Proof::Assertion {
                assertion,
                client_id: self.id,
                audiences: app.oauth.endpoint_audiences(aliases(path)),
            });
        }
        if let Some(basic) = basic {
            if self.id.is_some_and(|id| id != basic.id) {
                return Err(OauthError::invalid_request(
                    "client_id is another one than in the Authorization header",
                ));
            }
            return Ok(Proof::Basic {
                id: &basic.id,
                secrets: basic.secrets.iter().map(String::as_str).collect(),
            });
        }
        match (self.id, self.secret) {
            (Some(id), Some(secret)) => Ok(Proof::Post { id, secret }),
            (None, Some(_)) => Err(OauthError::invalid_request("client_id is missing")),
            (_, None) => Err(OauthError::invalid_client(challenge)),
        }
    }
}

/// The paths that an endpoint is reached by: an assertion may be meant for any of them.
fn aliases(path: &str) -> &'static [&'static str] {
    const TOKEN: &[&str] = &[
        "/connect/token",
        "/connect/token/",
        "/token",
        "/token/",
        "/oauth/token",
        "/oauth/token/",
    ];
    match path {
        "/connect/introspect" => &["/connect/introspect", "/connect/token"],
        "/connect/revocation" => &["/connect/revocation", "/connect/token"],
        _ => TOKEN,
    }
}

/// Basic credentials of a client.
struct Basic {
    id: String,
    /// As RFC 6749 §2.3.1 reads it, form-decoded; and as it stands, for the many clients that do not encode.
    secrets: Vec<String>,
}

impl Basic {
    /// The credentials of the Authorization header, if there is one. Another scheme authenticates no client.
    fn of(headers: &HeaderMap) -> Result<Option<Basic>, OauthError> {
        let mut values = headers.get_all(axum::http::header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(OauthError::invalid_request(
                "There is more than one Authorization header",
            ));
        }
        let refused = || OauthError::invalid_client(Challenge::Basic);
        let (name, password) = basic(value.to_str().unwrap_or_default()).ok_or_else(refused)?;
        let decoded = |text: &str| decode(text, Plus::IsBlank);
        let mut secrets: Vec<String> = decoded(&password).into_iter().collect();
        if secrets.first() != Some(&password) {
            secrets.push(password);
        }
        Ok(Some(Basic {
            id: decoded(&name).unwrap_or(name),
            secrets,
        }))
    }
}

/// Name and password of an `Authorization: Basic` header (RFC 7617); `None` for anything else.
pub(crate) fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, credentials) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let bytes = STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
