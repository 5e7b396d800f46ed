//! The context of an engine request: the resolved subject, the instant, the zone and the version.

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::Call;
use super::body::Peek;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::caller::Authorized;
use crate::auth::session::Session;
use crate::oauth::verify::TokenError;
use crate::outside::{Externals, ExternalsJson, Whom};
use crate::subject::{ResolvedSubject, Sight};

/// Whom the decision is about.
pub(crate) enum Resolution {
    /// A known subject, with its session where it has one.
    Somebody(Option<Arc<Session>>),
    /// A well-formed token that is nobody's, or nobody's any more: it is told nothing (ruling B26).
    Nobody,
}

/// The context for the engine, and whom it stands for.
pub(crate) struct Question {
    pub(crate) context: Vec<u8>,
    pub(crate) subject: Resolution,
    /// Of the session, where there is one.
    pub(crate) resolved: Option<Arc<ResolvedSubject>>,
    /// The `sub` of claims.
    pub(crate) sub: Option<String>,
}

impl Question {
    /// Whom outside conditions see.
    pub(crate) fn whom(&self) -> Whom<'_> {
        match (&self.subject, self.resolved.as_deref()) {
            (Resolution::Somebody(Some(session)), Some(resolved)) => Whom {
                username: resolved.universal_id(),
                session: Some(session),
                told_to_scripts: resolved.told_to_scripts(),
            },
            _ => Whom {
                username: self.sub.as_deref(),
                ..Whom::default()
            },
        }
    }
}

/// Resolves the subject of a request: its own `subject`, or else the caller.
///
/// # Errors
/// 400 for a malformed subject; 503 where the store did not answer.
pub(crate) async fn resolve(
    app: &App,
    call: &Call,
    caller: &Authorized,
    peek: &Peek<'_>,
    served: &str,
) -> Result<Question, ApiError> {
    let given = peek.subject.filter(|raw| raw.get() != "null");
    let mut given = given.map(|raw| Given::parse(raw.get())).transpose()?;
    if let Some(given) = &mut given
        && call.realm.settings.jwt_verification_required
        && !verified(app, call, given).await?
    {
        return Ok(nobody(app, call, served));
    }
    let session = match &given {
        // A caller without a session stands for no subject: it must name one.
        None => Some(Arc::clone(caller.caller().session().ok_or_else(invalid)?)),
        Some(given) => match &given.sso_token {
            None => None,
            Some(token) => match app.sessions.find(token, call.now).await? {
                Some(session) => Some(session),
                None => return Ok(nobody(app, call, served)),
            },
        },
    };
    let sight = Sight {
        live: &call.live,
        target: &call.realm,
        caller: caller.caller().realm(),
    };
    let mut context = Vec::with_capacity(512);
    context.extend_from_slice(br#"{"subject":{"#);
    let mut known = None;
    if let Some(session) = &session {
        let resolved = app
            .subjects
            .of_session(session, &call.live, &call.realm)
            .await?;
        match resolved.members() {
            Some(members) => context.extend_from_slice(members),
            None => return Ok(nobody(app, call, served)),
        }
        known = Some(resolved);
    }
    let sub = given.as_ref().and_then(|given| given.sub.clone());
    if let Some(given) = given.filter(|given| !given.claims.is_empty()) {
        if let (None, Some(sub)) = (&session, &given.sub)
            && let Some(profile) = app.subjects.profile(&sight, sub).await?
        {
            member(&mut context, "profile", &profile.to_string());
        }
        member(
            &mut context,
            "claims",
            &format!("[{}]", given.claims.join(",")),
        );
    }
    if call.realm.facts.memberships {
        let named = peek.named_identities()?;
        if !named.is_empty() {
            let memberships = app.subjects.memberships(&sight, &named).await?;
            member(&mut context, "memberships", &memberships.to_string());
        }
    }
    context.push(b'}');
    close(&mut context, app, call, served);
    Ok(Question {
        context,
        subject: Resolution::Somebody(session),
        resolved: known,
        sub,
    })
}

/// Puts in place of a subject's claims those that its JWT says when it is checked, where the realm demands that (ruling
/// C26). False for a token that is not to be believed: its subject is unknown, as that of an expired session is.
///
/// # Errors
/// 400 for claims without a token; 503 where the keys of the issuer cannot be had.
async fn verified(app: &App, call: &Call, given: &mut Given<'_>) -> Result<bool, ApiError> {
    if given.unsigned {
        return Err(ApiError::bad_request(
            "Invalid value subject: /subject/claims is not taken in this realm, only jwt, which is verified",
        ));
    }
    let Some(jwt) = &given.jwt else {
        return Ok(true);
    };
    let trusted = &call.realm.settings.jwt_issuers;
    match app.subject_tokens.verify(trusted, jwt, call.now).await {
        Ok(claims) => {
            given.claims = vec![Cow::Owned(Value::Object(claims).to_string())];
            Ok(true)
        }
        Err(TokenError::Invalid(why)) => {
            tracing::info!(realm = %call.realm.path, why, "a subject's JWT is not believed");
            Ok(false)
        }
        Err(TokenError::IssuerUnavailable) => Err(ApiError::unavailable(
            "The keys of the issuer of /subject/jwt cannot be fetched; nothing is decided.",
        )),
        Err(TokenError::Store(error)) => Err(error.into()),
    }
}

/// The same context with what was found out about outside conditions.
///
/// # Errors
/// 500, which no map of texts comes to.
pub(crate) fn with_externals(context: &[u8], externals: &Externals) -> Result<Vec<u8>, ApiError> {
    let open = context.strip_suffix(b"}").unwrap_or(context);
    let mut again = Vec::with_capacity(context.len() + 256 * externals.len());
    again.extend_from_slice(open);
    member(&mut again, "externals", "");
    serde_json::to_writer(&mut again, &ExternalsJson(externals)).map_err(ApiError::internal)?;
    again.push(b'}');
    Ok(again)
}

/// The context of nobody: the engine still checks the request, and its decisions are thrown away.
fn nobody(app: &App, call: &Call, served: &str) -> Question {
    let mut context = br#"{"subject":{}"#.to_vec();
    close(&mut context, app, call, served);
    Question {
        context,
        subject: Resolution::Nobody,
        resolved: None,
        sub: None,
    }
}

fn close(context: &mut Vec<u8>, app: &App, call: &Call, served: &str) {
    context.extend_from_slice(br#","now":"#);
    context.extend_from_slice(call.now.to_string().as_bytes());
    member(context, "timeZone", &app.time_zone_json);
    if served == "resource=1.0" {
        member(context, "resourceVersion", "\"1.0\"");
    }
    context.push(b'}');
}

fn member(object: &mut Vec<u8>, name: &str, json: &str) {
    if object.last() != Some(&b'{') {
        object.push(b',');
    }
    object.push(b'"');
    object.extend_from_slice(name.as_bytes());
    object.extend_from_slice(b"\":");
    object.extend_from_slice(json.as_bytes());
}

/// A `subject` as a client writes it; what can be is borrowed from the body.
struct Given<'a> {
    sso_token: Option<Cow<'a, str>>,
    /// Each an object, as JSON text.
    claims: Vec<Cow<'a, str>>,
    /// The `sub` of the first claims.
    sub: Option<String>,
    /// The token that claims were read from.
    jwt: Option<String>,
    /// Whether there are claims that no token says.
    unsigned: bool,
}

/// The members of a subject, given or not. Null counts as given: AM looks whether the key is there.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(rename = "ssoToken", borrow, default, deserialize_with = "as_it_is")]
    sso_token: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "as_it_is")]
    jwt: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "as_it_is")]
    claims: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Sub<'a> {
    #[serde(borrow, default, deserialize_with = "as_it_is")]
    sub: Option<&'a RawValue>,
}

fn as_it_is<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Given<'a> {
    /// # Errors
    /// 400 with the member at fault: no usable key, wrong types, a token that is no JWT, claims without `sub`, a member
    /// given twice.
    fn parse(json: &'a str) -> Result<Self, ApiError> {
        let members: Members<'a> = serde_json::from_str(json).map_err(|_| invalid())?;
        let mut given = Given {
            sso_token: None,
            claims: Vec::new(),
            sub: None,
            jwt: None,
            unsigned: members.claims.is_some(),
        };
        if let Some(token) = members.sso_token {
            let token = text(token, "ssoToken")?;
            given.sso_token = Some(token).filter(|token| !token.is_empty());
            given.sso_token.as_ref().ok_or_else(invalid)?;
        }
        if let Some(jwt) = members.jwt {
            let jwt = text(jwt, "jwt")?;
            let claims = claims_of(&jwt).ok_or_else(invalid)?;
            given.jwt = Some(jwt.into_owned());
            given.add(Cow::Owned(Value::Object(claims).to_string()))?;
        }
        match members.claims.map(RawValue::get) {
            None => {}
            Some(claims) if claims.starts_with('{') => given.add(Cow::Borrowed(claims))?,
            Some("null") => return Err(invalid()),
            Some(_) => return Err(wrong_type("claims", "an object")),
        }
        if given.sso_token.is_none() && given.claims.is_empty() {
            return Err(invalid());
        }
        Ok(given)
    }

    fn add(&mut self, claims: Cow<'a, str>) -> Result<(), ApiError> {
        let sub: Sub<'_> = serde_json::from_str(&claims).map_err(|_| invalid())?;
        let sub = text(sub.sub.ok_or_else(invalid)?, "claims/sub")?.into_owned();
        self.sub.get_or_insert(sub);
        self.claims.push(claims);
        Ok(())
    }
}

/// A JSON text.
///
/// # Errors
/// 400 for null, and for another type with the member's path.
fn text<'a>(raw: &'a RawValue, path: &str) -> Result<Cow<'a, str>, ApiError> {
    let json = raw.get();
    let inner = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.contains('\\') => Ok(Cow::Borrowed(inner)),
        Some(_) => serde_json::from_str(json)
            .map(Cow::Owned)
            .map_err(|_| invalid()),
        None if json == "null" => Err(invalid()),
        None => Err(wrong_type(path, "a string")),
    }
}

/// The claims of a JWT, unverified: AM's contract is that the caller has verified it. Encrypted ones are not read;
/// a JWT inside a JWT is.
fn claims_of(jwt: &str) -> Option<Map<String, Value>> {
    const NESTED: usize = 4;
    let mut jwt = jwt.to_owned();
    for _ in 0..NESTED {
        let parts: Vec<&str> = jwt.split('.').collect();
        let &[header, payload, _signature] = parts.as_slice() else {
            return None;
        };
        let header: Value = serde_json::from_slice(&decoded(header)?).ok()?;
        header.as_object()?;
        let payload = decoded(payload)?;
        if let Ok(claims) = serde_json::from_slice::<Map<String, Value>>(&payload) {
            return Some(claims);
        }
        jwt = String::from_utf8(payload).ok()?;
    }
    None
}

fn decoded(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD
        .decode(part)
        .or_else(|_| URL_SAFE.decode(part))
        .ok()
}

fn invalid() -> ApiError {
    ApiError::bad_request("Invalid value subject")
}

fn wrong_type(path: &str, expected: &str) -> ApiError {
    ApiError::bad_request(format!(
        "Invalid value subject: /subject/{path} must be {expected}"
    ))
}
