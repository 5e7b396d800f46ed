//! `POST /_security/oauth2/token`: a token for the caller, for a user whose password the caller knows, or for a refresh
//! token.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::oauth::error::answer;
use super::super::oauth::spelling::is_spelled;
use super::body::Members;
use super::caller::{Authenticated, Own, TokenManager};
use super::error::Refusal;
use super::identity;
use crate::auth::login::{self, Given, LoginError, Outcome};
use crate::auth::password::PasswordError;
use crate::oauth::audit;
use crate::oauth::permission::Audience;
use crate::oauth::scope::Scopes;
use crate::oauth::token::{Issued, NewToken, Subject, User};
use crate::realm::RealmPath;

/// Elasticsearch's name of the privilege's action, which its refusals say.
const ACTION: &str = "cluster:admin/xpack/security/token/create";

/// Every member that a request may have, whatever its grant.
const MEMBERS: [&str; 6] = [
    "grant_type",
    "username",
    "password",
    "refresh_token",
    "scope",
    "kerberos_ticket",
];

/// The grants, and the members that each needs; it may have none of the others but `scope`.
const GRANTS: [(&str, &[&str]); 3] = [
    ("client_credentials", &[]),
    ("password", &["username", "password"]),
    ("refresh_token", &["refresh_token"]),
];

/// Answers a token request.
pub(super) async fn get(
    caller: Authenticated,
    request: Request,
) -> Result<Response<Body>, Refusal> {
    let shown = identity::shown(&caller);
    let manager = caller.manages_tokens(ACTION)?;
    let members = Members::read(request, &MEMBERS).await?;
    let grant = check(&members)?;
    let (issued, authentication) = match grant {
        "password" => by_password(&manager, &members).await?,
        "refresh_token" => by_refresh_token(&manager, &members, shown).await?,
        _ => (as_the_caller(&manager, grant).await?, shown),
    };
    let mut body = json!({
        "access_token": issued.access_token,
        "type": "Bearer",
        "expires_in": issued.expires_in,
        "authentication": authentication,
    });
    if let Some(refresh) = issued.refresh_token {
        body["refresh_token"] = refresh.into();
    }
    if members.text("scope").is_some() {
        // Whatever is asked for: there is only one scope here.
        body["scope"] = "full".into();
    }
    Ok(answer(StatusCode::OK, &body))
}

/// The grant of a request that has what it needs and nothing else.
fn check(members: &Members) -> Result<&'static str, Refusal> {
    let named = members.text("grant_type");
    let known = named.and_then(|named| GRANTS.iter().find(|(name, _)| *name == named));
    let mut faults: Vec<String> = Vec::new();
    match known {
        None => {
            let names = GRANTS.map(|(name, _)| name).join(", ");
            faults.push(format!("grant_type only supports the values: [{names}]"));
        }
        Some((grant, needed)) => {
            for name in MEMBERS {
                let there = members.text(name).is_some_and(|text| !text.is_empty());
                match name {
                    "grant_type" | "scope" => {}
                    _ if needed.contains(&name) && !there => {
                        faults.push(format!("{name} is missing"));
                    }
                    _ if !needed.contains(&name) && there => {
                        faults.push(format!(
                            "{name} is not supported with the {grant} grant_type"
                        ));
                    }
                    _ => {}
                }
            }
        }
    }
    match known {
        Some((grant, _)) if faults.is_empty() => Ok(grant),
        _ => {
            // The product says so of every fault that mentions the grant.
            let about_the_grant = faults.iter().any(|fault| fault.contains("grant_type"));
            let error = if about_the_grant {
                "unsupported_grant_type"
            } else {
                "invalid_request"
            };
            let numbered = faults
                .iter()
                .zip(1..)
                .map(|(fault, n)| format!("{n}: {fault};"));
            let description = format!("Validation Failed: {}", numbered.collect::<String>());
            Err(Refusal::grant(error, description))
        }
    }
}

/// A token for the caller, as good as what the caller showed and without a refresh token (seed 004, RFC 6749 §4.4.3).
async fn as_the_caller(manager: &TokenManager, grant: &'static str) -> Result<Issued, Refusal> {
    let id = manager.id();
    let own = manager.own();
    let Own {
        subject,
        audiences,
        scopes,
        remaining,
    } = own.ok_or_else(|| Refusal::unauthorized(ACTION, &id))?;
    // A token that was got with a token ends no later than that one: none renews itself.
    let lifetime = manager.app.oauth.user_lifetime();
    let lifetime = remaining.map_or(lifetime, |remaining| lifetime.min(remaining.max(1)));
    let new = NewToken {
        client: id,
        subject,
        audiences,
        scopes,
        lifetime,
        grant,
    };
    Ok(manager.app.oauth.issue(&new, manager.now).await?)
}

/// What follows on a pair of tokens. The answer shows whom they stand for, not who asks for them.
async fn by_refresh_token(
    manager: &TokenManager,
    members: &Members,
    caller: Value,
) -> Result<(Issued, Value), Refusal> {
    let (app, id) = (&manager.app, manager.id());
    let token = members.text("refresh_token").unwrap_or_default();
    let refreshed = app.oauth.refresh(token, &id, manager.now).await?;
    let authentication = match &refreshed.user {
        // The refresh token is spent: whoever held it is given the new ones, whatever is known of the user at this moment.
        Some(user) => match identity::of_user(app, user, identity::Way::Token).await {
            Ok(known) => known,
            Err(_) => identity::unknown(&user.name, identity::Way::Token),
        },
        None => caller,
    };
    Ok((refreshed.issued, authentication))
}

/// A token for a user of the root realm, and a refresh token for the caller.
async fn by_password(
    manager: &TokenManager,
    members: &Members,
) -> Result<(Issued, Value), Refusal> {
    let (app, id) = (&manager.app, manager.id());
    let name = members.text("username").unwrap_or_default();
    let password = members.text("password").unwrap_or_default();
    let about = audit::About {
        subject: name,
        ..manager.about(&id, "password")
    };
    if !app.oauth.settings.password_grant {
        audit::refused(about, "the setting password_grant is off");
        return Err(Refusal::grant(
            "unsupported_grant_type",
            "the password grant_type is switched off here",
        ));
    }
    let root = RealmPath::root();
    let given = Given {
        realm: &root,
        user: name,
        password,
        address: manager.address,
    };
    let checked = login::check(app, &given).await;
    let outcome = match checked {
        Ok(outcome) => outcome,
        Err(LoginError::Store(error)) => return Err(error.into()),
        Err(LoginError::Throttled(after)) => {
            audit::refused(about, "too many failed authentications");
            return Err(super::super::oauth::caller::CallerError::Throttled(after).into());
        }
        Err(LoginError::Password(PasswordError::TooLong)) => Outcome::Failed,
        Err(LoginError::Password(_)) => {
            let busy = "Too many log-ins are under way";
            return Err(super::super::oauth::caller::CallerError::Busy(busy).into());
        }
    };
    if outcome != Outcome::Welcome || !is_spelled(app, name).await? {
        audit::refused(about, "wrong user name or password");
        let revision = app.publisher.live().revision;
        let registry = app.oauth.registries.at(revision).await?;
        let reason = format!("unable to authenticate user [{name}]");
        let takes_passwords = !registry.settings.disable_basic;
        return Err(Refusal::unauthenticated(reason, takes_passwords));
    }
    let user = User {
        realm: root,
        name: name.to_owned(),
    };
    let authentication = identity::of_user(app, &user, identity::Way::Realm).await?;
    let new = NewToken {
        client: id,
        subject: Subject::User(user),
        audiences: vec![Audience::Management, Audience::Runtime],
        scopes: Scopes::full(),
        lifetime: app.oauth.user_lifetime(),
        grant: "password",
    };
    Ok((
        app.oauth.issue_pair(&new, manager.now).await?,
        authentication,
    ))
}
