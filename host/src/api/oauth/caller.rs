//! The caller of an API beside AM's: a user with Basic credentials, or whoever holds a Bearer token (RFC 6750).
//!
//! Each face maps [`CallerError`] to its own error shape; [`CallerError::challenge`] is what the standard wants beside it.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

use super::client::basic;
use super::error::{OauthError, told};
use super::spelling::is_spelled;
use crate::api::crest::parameters::{Plus, decode};
use crate::app::App;
use crate::auth::login::{self, Given, LoginError, Outcome};
use crate::auth::password::PasswordError;
use crate::clock::Millis;
use crate::oauth::audit;
use crate::oauth::bearer::{Bearer, BearerError};
use crate::oauth::permission::{Audience, Permission, Permissions};
use crate::oauth::throttle::RetryAfter;
use crate::oauth::token::User;
use crate::oauth::verify::TokenError;
use crate::realm::RealmPath;
use crate::store::StoreError;

/// Somebody who has proved who they are, and what they may do.
pub(crate) struct ApiCaller {
    pub(crate) identity: ApiIdentity,
    permissions: Permissions,
}

/// By what a caller is known.
pub(crate) enum ApiIdentity {
    /// A user of the root realm who sent a password.
    User(User),
    Bearer(Bearer),
}

/// Why there is no caller, or not one who may.
#[derive(Debug)]
pub(crate) enum CallerError {
    /// Nothing was sent, or a scheme that is not known.
    Missing,
    /// Several Authorization headers, or one that cannot be read.
    Malformed(&'static str),
    /// Unknown user or wrong password, not told apart.
    WrongPassword,
    /// Passwords are not taken (the setting `disable_basic`), and one was sent, or nothing at all.
    BasicDisabled,
    Throttled(RetryAfter),
    /// The token is not good, in words that may be told.
    InvalidToken(&'static str),
    /// The caller is known, and may not.
    Insufficient(Option<Permission>),
    Store(StoreError),
    /// Too many passwords are being checked, or the other issuer does not answer: try again.
    Busy(&'static str),
}

impl From<StoreError> for CallerError {
    fn from(error: StoreError) -> Self {
        CallerError::Store(error)
    }
}

impl From<BearerError> for CallerError {
    fn from(error: BearerError) -> Self {
        match error {
            BearerError::Token(TokenError::Invalid(why)) => CallerError::InvalidToken(why),
            BearerError::Token(TokenError::Store(error)) => CallerError::Store(error),
            BearerError::Token(TokenError::IssuerUnavailable) => {
                CallerError::Busy("The keys of the token's issuer cannot be fetched")
            }
            BearerError::NotAdministrator => CallerError::Insufficient(None),
        }
    }
}

impl ApiCaller {
    /// The caller of a request.
    ///
    /// # Errors
    /// [`CallerError`], but for [`CallerError::Insufficient`] of a known permission.
    pub(crate) async fn require(
        app: &App,
        request: &Parts,
        address: IpAddr,
        now: Millis,
    ) -> Result<ApiCaller, CallerError> {
        let authorization = authorization(&request.headers)?;
        if let Some(Authorization::Bearer(_)) = authorization {
            refuse_second_token(request.uri.query())?;
        }
        match authorization {
            None => {
                let revision = app.publisher.live().revision;
                let registry = app.oauth.registries.at(revision).await?;
                // Nobody is asked for a password that would be refused.
                Err(if registry.settings.disable_basic {
                    CallerError::BasicDisabled
                } else {
                    CallerError::Missing
                })
            }
            Some(Authorization::Bearer(token)) => Self::by_token(app, token, now).await,
            Some(Authorization::Basic(name, password)) => {
                Self::by_password(app, &name, &password, address).await
            }
        }
    }

    /// The holder of a Bearer token.
    ///
    /// # Errors
    /// As [`ApiCaller::require`].
    pub(crate) async fn by_token(
        app: &App,
        token: &str,
        now: Millis,
    ) -> Result<ApiCaller, CallerError> {
        let revision = app.publisher.live().revision;
        let bearer = app.oauth.bearer(token, revision, now).await?;
        Ok(ApiCaller {
            permissions: bearer.permissions(),
            identity: ApiIdentity::Bearer(bearer),
        })
    }

    /// A user of the root realm, by password.
    async fn by_password(
        app: &App,
        name: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<ApiCaller, CallerError> {
        let registry = app
            .oauth
            .registries
            .at(app.publisher.live().revision)
            .await?;
        let about = audit::About {
            client: name,
            grant: "basic",
            address: Some(address),
            ..audit::About::default()
        };
        if registry.settings.disable_basic {
            audit::refused(about, "passwords are not taken (disable_basic)");
            return Err(CallerError::BasicDisabled);
        }
        let root = RealmPath::root();
        let given = Given {
            realm: &root,
            user: name,
            password,
            address,
        };
        let checked = login::check(app, &given).await;
        let outcome = checked.map_err(|error| match error {
            LoginError::Throttled(after) => {
                audit::refused(about, "too many failed authentications");
                CallerError::Throttled(after)
            }
            LoginError::Store(error) => CallerError::Store(error),
            LoginError::Password(PasswordError::TooLong) => CallerError::WrongPassword,
            LoginError::Password(_) => CallerError::Busy("Too many log-ins are under way"),
        })?;
        let user = User {
            realm: root,
            name: name.to_owned(),
        };
        let permissions = match outcome {
            Outcome::Welcome if is_spelled(app, name).await? => {
                app.oauth.user_permissions(&registry, &user).await?
            }
            Outcome::Welcome | Outcome::Failed | Outcome::Locked => None,
        };
        let Some(permissions) = permissions else {
            audit::refused(about, "wrong user name or password");
            return Err(CallerError::WrongPassword);
        };
        Ok(ApiCaller {
            identity: ApiIdentity::User(user),
            permissions,
        })
    }

    /// All that the caller may do.
    pub(crate) fn permissions(&self) -> Permissions {
        self.permissions
    }

    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// The caller, who must hold a permission; a token must be for its audience.
    ///
    /// # Errors
    /// [`CallerError::InvalidToken`] for a token for another audience, [`CallerError::Insufficient`].
    pub(crate) fn permitted(self, permission: Permission) -> Result<Self, CallerError> {
        if let Some(audience) = permission.audience() {
            self.addressed(audience)?;
        }
        if self.may(permission) {
            Ok(self)
        } else {
            Err(CallerError::Insufficient(Some(permission)))
        }
    }

    /// Checks that a token is for an audience; passwords are for all.
    ///
    /// # Errors
    /// [`CallerError::InvalidToken`]
    pub(crate) fn addressed(&self, audience: Audience) -> Result<(), CallerError> {
        match &self.identity {
            ApiIdentity::Bearer(bearer) if !bearer.is_for(audience) => Err(
                CallerError::InvalidToken("The token is for another audience"),
            ),
            _ => Ok(()),
        }
    }

    /// What the caller may give others, for `Registry::may_give`. A token carries the permissions of its audiences only;
    /// its client holds all of its role's.
    pub(crate) fn held(&self) -> Permissions {
        match &self.identity {
            ApiIdentity::User(_) => self.permissions,
            ApiIdentity::Bearer(bearer) => bearer.held(),
        }
    }

    /// What to write down as the author of a change, and in the audit record.
    pub(crate) fn name(&self) -> String {
        match &self.identity {
            ApiIdentity::User(user) => user.name.clone(),
            ApiIdentity::Bearer(bearer) => bearer.name(),
        }
    }
}

/// Checks that a request with a token in its header has none in its address too: one of them is not meant (RFC 6750 §2).
///
/// # Errors
/// [`CallerError::Malformed`]
pub(crate) fn refuse_second_token(query: Option<&str>) -> Result<(), CallerError> {
    let mut pairs = query.unwrap_or_default().split('&');
    let named = pairs.any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        decode(name, Plus::IsBlank).as_deref() == Some("access_token")
    });
    if named {
        return Err(CallerError::Malformed("There is more than one token"));
    }
    Ok(())
}

/// What is said of a Bearer token that is none.
pub(super) const BAD_BEARER: &str = "The Bearer token cannot be read";

/// What an Authorization header holds.
pub(crate) enum Authorization<'a> {
    Basic(String, String),
    Bearer(&'a str),
}

/// The Authorization header of a request; `None` without one, and for schemes that are not known.
///
/// # Errors
/// [`CallerError::Malformed`]
pub(crate) fn authorization(headers: &HeaderMap) -> Result<Option<Authorization<'_>>, CallerError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(CallerError::Malformed(
            "There is more than one Authorization header",
        ));
    }
    let unreadable = CallerError::Malformed("The Authorization header cannot be read");
    let Ok(text) = value.to_str() else {
        return Err(unreadable);
    };
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        let (name, password) = basic(text).ok_or(unreadable)?;
        return Ok(Some(Authorization::Basic(name, password)));
    }
    if scheme.eq_ignore_ascii_case("bearer") {
        // RFC 6750 §2.1: any number of blanks, then b64token.
        let token = rest.trim_matches(' ');
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
        if token.is_empty() || !token.bytes().all(plain) {
            return Err(CallerError::Malformed(BAD_BEARER));
        }
        return Ok(Some(Authorization::Bearer(token)));
    }
    Ok(None)
}

impl CallerError {
    /// The status that the standard gives (RFC 6750 §3.1).
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            CallerError::Missing
            | CallerError::WrongPassword
            | CallerError::BasicDisabled
            | CallerError::InvalidToken(_) => StatusCode::UNAUTHORIZED,
            CallerError::Malformed(_) => StatusCode::BAD_REQUEST,
            CallerError::Throttled(_) => StatusCode::TOO_MANY_REQUESTS,
            CallerError::Insufficient(_) => StatusCode::FORBIDDEN,
            CallerError::Store(_) | CallerError::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What may be told.
    pub(crate) fn text(&self) -> String {
        match self {
            CallerError::Missing => "Authentication is needed".into(),
            CallerError::Malformed(why)
            | CallerError::InvalidToken(why)
            | CallerError::Busy(why) => (*why).into(),
            CallerError::WrongPassword => "Unknown user or wrong password".into(),
            CallerError::BasicDisabled => "Passwords are not taken here; use a Bearer token".into(),
            CallerError::Throttled(after) => {
                format!("Too many failed attempts; try again in {} s", after.0)
            }
            CallerError::Insufficient(Some(permission)) => {
                format!("The permission {} is needed", permission.codename())
            }
            CallerError::Insufficient(None) => "The subject is no administrator".into(),
            CallerError::Store(_) => "The store cannot be reached".into(),
        }
    }

    /// The code of RFC 6750 §3.1, where there is one.
    pub(crate) fn code(&self) -> Option<&'static str> {
        match self {
            CallerError::Malformed(_) => Some("invalid_request"),
            CallerError::InvalidToken(_) => Some("invalid_token"),
            CallerError::Insufficient(_) => Some("insufficient_scope"),
            _ => None,
        }
    }

    /// The `WWW-Authenticate` of a Bearer-protected API; none where authentication is not what is wrong.
    pub(crate) fn challenge(&self) -> Option<HeaderValue> {
        let text = match (self, self.code()) {
            (CallerError::Missing | CallerError::WrongPassword | CallerError::BasicDisabled, _) => {
                "Bearer realm=\"assize\"".to_owned()
            }
            (CallerError::Insufficient(Some(permission)), Some(code)) => format!(
                "Bearer realm=\"assize\", error=\"{code}\", error_description=\"{}\", scope=\"{}\"",
                told(&self.text()),
                permission.codename()
            ),
            (_, Some(code)) => format!(
                "Bearer realm=\"assize\", error=\"{code}\", error_description=\"{}\"",
                told(&self.text())
            ),
            (_, None) => return None,
        };
        HeaderValue::from_str(&text).ok()
    }

    /// Seconds to wait (`Retry-After`), where waiting helps.
    pub(crate) fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            CallerError::Throttled(after) => Some(*after),
            CallerError::Store(_) | CallerError::Busy(_) => Some(RetryAfter(1)),
            _ => None,
        }
    }
}

impl From<CallerError> for OauthError {
    fn from(error: CallerError) -> Self {
        if let CallerError::Throttled(after) = error {
            return OauthError::throttled(after);
        }
        let code = match &error {
            CallerError::Missing | CallerError::WrongPassword | CallerError::BasicDisabled => {
                "invalid_token"
            }
            CallerError::Store(_) | CallerError::Busy(_) | CallerError::Throttled(_) => {
                "temporarily_unavailable"
            }
            other => other.code().unwrap_or("access_denied"),
        };
        let answer = OauthError::new(error.status(), code, error.text());
        match error.challenge() {
            Some(challenge) => answer.with_challenge(challenge),
            None => answer,
        }
    }
}
