//! A log-in whose credentials are given: the password is checked, and a session made.

use axum::http::StatusCode;

use super::super::Call;
use super::super::error::ApiError;
use super::answer::{LoginAnswer, welcome};
use super::index::unconfirmed;
use super::is_true;
use super::step::timed_out;
use crate::app::App;
use crate::auth::caller::token;
use crate::auth::login::{self, Claims, Given, Outcome};
use crate::auth::plan::Plan;
use crate::auth::session::{NewSession, Properties, Session};
use crate::clock;
use crate::notifications::SessionChange;
use crate::publish::LiveRealm;
use crate::realm::IdentityKind;

/// What is asked for, and by whom.
pub(super) struct Attempt<'a> {
    pub(super) realm: &'a LiveRealm,
    pub(super) user: &'a str,
    pub(super) plan: &'a Plan,
    /// The transaction that the log-in confirms.
    pub(super) transaction: Option<&'a str>,
    pub(super) upgraded: Option<&'a Session>,
    /// The `authId` that it answers.
    pub(super) auth_id: Option<&'a Claims>,
}

impl Attempt<'_> {
    /// Checks the password and makes the session. One that is stepped up ends: what it earned goes over to the new one.
    pub(super) async fn perform(
        &self,
        app: &App,
        call: &Call,
        password: &str,
    ) -> Result<LoginAnswer, ApiError> {
        let (realm, user) = (self.realm, self.user);
        let given = Given {
            realm: &realm.path,
            user,
            password,
            address: call.peer,
        };
        let outcome = login::check(app, &given).await?;
        if let Some(auth_id) = self.auth_id {
            let spent = app.auth_ids.spend(auth_id, &outcome, call.now);
            spent.map_err(|_| timed_out())?;
        }
        match outcome {
            Outcome::Welcome => {}
            Outcome::Failed => return Err(failed()),
            Outcome::Locked => {
                return Err(ApiError::new(
                    StatusCode::UNAUTHORIZED,
                    "Your account has been locked.",
                ));
            }
        }
        if let Some(id) = self.transaction {
            return self.confirm(app, call, id).await;
        }
        if is_true(call, "noSession") {
            return Ok(LoginAnswer::Checked(welcome(call, realm, None)));
        }
        let before = self.upgraded.map(Session::properties);
        if self.upgraded.is_some_and(|session| {
            session.user_key != user.to_lowercase() || session.realm.key() != realm.key
        }) {
            return Err(ApiError::new(
                StatusCode::UNAUTHORIZED,
                "The session to be upgraded is somebody else's",
            ));
        }
        let mut properties = properties(app, call, realm, user)?;
        self.plan
            .describe(call.now, before.as_deref(), &mut properties);
        for (name, value) in before.iter().flat_map(|before| before.iter()) {
            properties
                .entry(name.clone())
                .or_insert_with(|| value.clone());
        }
        let new = NewSession {
            realm: realm.path.clone(),
            user: user.to_owned(),
            client_ip: call.peer.to_canonical().to_string(),
            properties,
        };
        let (token, _) = app.sessions.begin(new, call.now).await?;
        if let Some(session) = self.upgraded {
            app.sessions.end(session, SessionChange::Destroyed).await?;
        }
        tracing::info!(user, realm = %realm.path, level = self.plan.level(), "log-in");
        let body = welcome(call, realm, Some(&token));
        Ok(LoginAnswer::Token { token, body })
    }

    /// Confirms a transaction. No session is made and none is stepped up: the client goes on with the one that it has.
    async fn confirm(&self, app: &App, call: &Call, id: &str) -> Result<LoginAnswer, ApiError> {
        let (realm, user) = (self.realm, self.user);
        app.outside
            .transactions()
            .confirm(id, &realm.key, &user.to_lowercase(), call.now)
            .await
            .map_err(unconfirmed)?;
        tracing::info!(user, realm = %realm.path, "transaction confirmed");
        let token = token(&call.headers, &app.config);
        Ok(LoginAnswer::Checked(welcome(call, realm, token)))
    }
}

/// Unknown user or wrong password, not told apart.
pub(super) fn failed() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "Authentication Failed")
}

/// The properties of every session; the plan of the log-in adds its own.
fn properties(
    app: &App,
    call: &Call,
    realm: &LiveRealm,
    user: &str,
) -> Result<Properties, ApiError> {
    let universal_id = app
        .subjects
        .directory
        .universal_id(IdentityKind::User, user, &realm.path);
    let client = call.peer.to_canonical().to_string();
    let context = crate::auth::random_text(16)
        .map_err(|_| ApiError::internal("the system gave no randomness"))?;
    let login_url = format!("{}/UI/Login", call.deployment);
    let list: [(&str, String); 17] = [
        ("AMCtxId", context),
        ("CharSet", "UTF-8".into()),
        (
            "FullLoginURL",
            format!(
                "{login_url}?realm={}",
                realm.path.as_str().replace('/', "%2F")
            ),
        ),
        ("Host", client.clone()),
        ("HostName", client),
        ("Locale", "en".into()),
        ("Organization", app.subjects.directory.realm_dn(&realm.path)),
        ("Principal", universal_id.clone()),
        ("Principals", user.to_owned()),
        ("UserId", user.to_owned()),
        ("UserProfile", "Required".into()),
        ("UserToken", user.to_owned()),
        ("authInstant", clock::seconds_text(call.now)),
        ("clientType", "genericHTML".into()),
        ("loginURL", login_url),
        ("successURL", format!("{}/console", call.deployment)),
        ("sun.am.UniversalIdentifier", universal_id),
    ];
    Ok(list
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}
