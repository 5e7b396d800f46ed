//! Issuing JWT access tokens (RFC 9068), and the refresh tokens that come with some of them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::Client;
use super::permission::Audience;
use super::scope::Scopes;
use super::{Oauth, audit};
use crate::auth::{NoRandomness, random_text};
use crate::clock::Millis;
use crate::keys::{KeyError, sign};
use crate::limits::{ACCESS_TOKEN_SECONDS, USER_TOKEN_SECONDS};
use crate::realm::{IdentityKind, RealmPath};
use crate::store::StoreError;
use crate::store::tokens::{AccessRow, RefreshRow};

/// The media type of access tokens, without `application/` (RFC 9068 §2.1).
pub(super) const TYPE: &str = "at+jwt";
const JTI_RANDOM_BYTES: usize = 16;
const REFRESH_RANDOM_BYTES: usize = 32;

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A client, as itself; its id.
    Client(String),
    User(User),
}

/// A user of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) realm: RealmPath,
    /// As it is shown; found in lower case.
    pub(crate) name: String,
}

impl User {
    pub(crate) fn key(&self) -> String {
        self.name.to_lowercase()
    }
}

/// A token to be issued.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    /// Who asks: the id of a client, or the universal id of a user who asks as itself.
    pub(crate) client: String,
    pub(crate) subject: Subject,
    pub(crate) audiences: Vec<Audience>,
    pub(crate) scopes: Scopes,
    /// Seconds.
    pub(crate) lifetime: u32,
    /// What the token was asked with, for the audit record.
    pub(crate) grant: &'static str,
}

/// An issued token.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    /// Seconds.
    pub(crate) expires_in: i64,
    /// Only from [`Oauth::issue_pair`] and [`Oauth::refresh`].
    pub(crate) refresh_token: Option<String>,
}

/// Why no token was issued.
#[derive(Debug)]
pub(crate) enum IssueError {
    Store(StoreError),
    Key(KeyError),
    NoRandomness,
}

impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        IssueError::Store(error)
    }
}

impl From<KeyError> for IssueError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(error) => IssueError::Store(error),
            other => IssueError::Key(other),
        }
    }
}

impl From<NoRandomness> for IssueError {
    fn from(_: NoRandomness) -> Self {
        IssueError::NoRandomness
    }
}

/// What the store keeps of an issued token beside its columns: what lists show, and what a refresh makes the next one of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TokenBody {
    /// The claim `sub`.
    pub(crate) sub: String,
    /// Name of the user as shown, and the path of its realm; empty for clients.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) user: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) realm: String,
    /// By name.
    pub(crate) audiences: Vec<String>,
    pub(crate) scope: String,
    pub(crate) grant: String,
    /// Seconds.
    pub(crate) lifetime: u32,
}

/// An access token that was signed and is not stored yet.
pub(super) struct Signed {
    pub(super) token: String,
    pub(super) row: AccessRow,
    body: TokenBody,
}

impl Signed {
    /// The answer with this token, and the audit record of it.
    ///
    /// INVARIANT: called once the store has the token. What it did not take was never issued.
    pub(super) fn issued(self, refresh_token: Option<String>) -> Issued {
        audit::issued(audit::About {
            client: &self.row.client,
            subject: &self.body.sub,
            grant: &self.body.grant,
            scope: &self.body.scope,
            audience: &self.body.audiences.join(" "),
            jti: &self.row.jti,
            address: None,
        });
        Issued {
            access_token: self.token,
            expires_in: (self.row.expires - self.row.issued) / 1000,
            refresh_token,
        }
    }
}

impl Oauth {
    /// Life of the access tokens of a client, seconds; `expiration` is that of the endpoint, where it has one of its own.
    pub(crate) fn client_lifetime(&self, client: &Client, expiration: Option<u32>) -> u32 {
        let own = client.lifetime.or(expiration);
        own.unwrap_or(self.settings.token_seconds)
            .clamp(1, ACCESS_TOKEN_SECONDS)
    }

    /// Life of the access tokens of a user, seconds.
    pub(crate) fn user_lifetime(&self) -> u32 {
        self.settings
            .user_token_seconds
            .clamp(1, USER_TOKEN_SECONDS)
    }

    /// Issues an access token alone.
    ///
    /// # Errors
    /// The store did not take it, or it could not be signed.
    pub(crate) async fn issue(&self, new: &NewToken, now: Millis) -> Result<Issued, IssueError> {
        let signed = self.sign(self.body(new), new.client.as_str(), String::new(), now)?;
        self.store.add_token(&signed.row, None).await?;
        Ok(signed.issued(None))
    }

    /// Issues an access token and a refresh token, the first of a family.
    ///
    /// # Errors
    /// As [`Oauth::issue`].
    pub(crate) async fn issue_pair(
        &self,
        new: &NewToken,
        now: Millis,
    ) -> Result<Issued, IssueError> {
        let family = random_text(JTI_RANDOM_BYTES)?;
        let signed = self.sign(self.body(new), new.client.as_str(), family, now)?;
        let refresh = random_text(REFRESH_RANDOM_BYTES)?;
        let row = self.refresh_row(&refresh, &signed.row, now);
        self.store.add_token(&signed.row, Some(&row)).await?;
        Ok(signed.issued(Some(refresh)))
    }

    fn body(&self, new: &NewToken) -> TokenBody {
        let (sub, user, realm) = match &new.subject {
            Subject::Client(id) => (id.clone(), String::new(), String::new()),
            Subject::User(user) => (
                self.directory
                    .universal_id(IdentityKind::User, &user.name, &user.realm),
                user.name.clone(),
                user.realm.as_str().to_owned(),
            ),
        };
        let name = |audience: &Audience| self.audience_names.name(*audience).to_owned();
        TokenBody {
            sub,
            user,
            realm,
            audiences: new.audiences.iter().map(name).collect(),
            scope: new.scopes.text(&self.audience_names),
            grant: new.grant.to_owned(),
            lifetime: new.lifetime,
        }
    }

    /// Signs an access token.
    pub(super) fn sign(
        &self,
        body: TokenBody,
        client: &str,
        family: String,
        now: Millis,
    ) -> Result<Signed, IssueError> {
        let jti = random_text(JTI_RANDOM_BYTES)?;
        let iat = now.div_euclid(1000);
        let exp = iat + i64::from(body.lifetime);
        let mut claims = json!({
            "iss": self.issuer(),
            "sub": body.sub,
            "aud": one_or_many(&body.audiences),
            "client_id": client,
            "iat": iat,
            "exp": exp,
            "jti": jti,
        });
        if !body.scope.is_empty() {
            claims["scope"] = body.scope.as_str().into();
        }
        let ring = self.keys.ring(self.settings.signing)?;
        let token = sign(&ring, TYPE, &claims)?;
        let realm = RealmPath::parse(&body.realm).filter(|_| !body.user.is_empty());
        let row = AccessRow {
            jti,
            client: client.to_owned(),
            realm: realm.map(|realm| realm.key()).unwrap_or_default(),
            user_key: body.user.to_lowercase(),
            family,
            issued: iat * 1000,
            expires: exp * 1000,
            // A struct of texts and numbers always serialises.
            body: serde_json::to_string(&body).unwrap_or_default(),
            revoked: None,
        };
        Ok(Signed { token, row, body })
    }

    /// The row of a refresh token that comes with an access token.
    pub(super) fn refresh_row(&self, token: &str, access: &AccessRow, now: Millis) -> RefreshRow {
        RefreshRow {
            hash: super::refresh::hash(token),
            client: access.client.clone(),
            realm: access.realm.clone(),
            user_key: access.user_key.clone(),
            family: access.family.clone(),
            issued: now,
            expires: now.saturating_add(self.settings.refresh_ms),
            body: access.body.clone(),
            used: None,
            successor: None,
            revoked: None,
        }
    }

    /// A new refresh token, in the clear.
    pub(super) fn new_refresh_token(&self) -> Result<String, IssueError> {
        Ok(random_text(REFRESH_RANDOM_BYTES)?)
    }
}

/// One text alone, more as a list: how `aud` is written.
fn one_or_many(texts: &[String]) -> Value {
    match texts {
        [only] => only.as_str().into(),
        many => many.into(),
    }
}
