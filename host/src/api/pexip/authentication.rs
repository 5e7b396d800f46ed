//! The settings of API access: one object, `authentication/1/` (seed 003).

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::oauth::error::answer;
use super::caller::{Administrator, ApiUser};
use super::error::Refusal;
use super::fields::Fields;
use super::list::page;
use super::resource::Resource;
use crate::limits::{ACCESS_TOKEN_SECONDS, ACCESS_TOKEN_SECONDS_MINIMUM};
use crate::oauth::permission::Permission;
use crate::oauth::registry::{Registry, TokenSettings};
use crate::store::{Expect, Write};

type Answered = Result<Response<Body>, Refusal>;

/// The only object there is.
const ID: &str = "1";

/// `GET …/authentication/`
pub(super) async fn list(user: ApiUser, RawQuery(query): RawQuery) -> Answered {
    let administrator = user.with(Permission::ViewAuthentication).await?;
    let only = object(&administrator, &administrator.registry);
    page(
        &Resource::Authentication.list(),
        vec![only],
        query.as_deref(),
    )
}

/// `GET …/authentication/1/`
pub(super) async fn read(user: ApiUser, Path(id): Path<String>) -> Answered {
    let administrator = user.with(Permission::ViewAuthentication).await?;
    check(&id)?;
    Ok(answer(
        StatusCode::OK,
        &object(&administrator, &administrator.registry),
    ))
}

/// `PATCH …/authentication/1/`: Pexip's clients send every member, `null` for those that are to stay.
pub(super) async fn change(user: ApiUser, Path(id): Path<String>, mut fields: Fields) -> Answered {
    let administrator = user.with(Permission::ChangeAuthentication).await?;
    check(&id)?;
    let mut settings: TokenSettings = administrator.registry.settings.clone();
    match fields.take("api_oauth2_expiration") {
        None => {}
        Some(value) => {
            let seconds = value
                .as_u64()
                .and_then(|seconds| u32::try_from(seconds).ok());
            let range = ACCESS_TOKEN_SECONDS_MINIMUM..=ACCESS_TOKEN_SECONDS;
            match seconds.filter(|seconds| range.contains(seconds)) {
                Some(seconds) => settings.expiration = Some(seconds),
                None => {
                    let (least, most) = (range.start(), range.end());
                    let why = format!("Seconds from {least} to {most} are needed");
                    fields.fault("api_oauth2_expiration", why);
                }
            }
        }
    }
    let mut flag = |name: &str, setting: &mut bool| match fields.take(name) {
        None => {}
        Some(Value::Bool(value)) => *setting = value,
        Some(_) => fields.fault(name, "true or false is needed"),
    };
    flag("api_oauth2_disable_basic", &mut settings.disable_basic);
    flag(
        "api_oauth2_allow_all_perms",
        &mut settings.allow_all_permissions,
    );
    fields.close(Resource::Authentication)?;
    let write = Write::Put(Expect::Anything, settings.draft());
    administrator
        .make("authentication.changed", ID, write)
        .await?;
    let afterwards = administrator.afterwards().await?;
    Ok(answer(
        StatusCode::ACCEPTED,
        &object(&administrator, &afterwards),
    ))
}

fn check(id: &str) -> Result<(), Refusal> {
    if id == ID {
        Ok(())
    } else {
        Err(Refusal::not_found(Resource::Authentication, id))
    }
}

fn object(administrator: &Administrator, registry: &Registry) -> Value {
    let settings = &registry.settings;
    let configured = administrator.app.oauth.settings.token_seconds;
    json!({
        "id": 1,
        // Users are this server's own.
        "source": "LOCAL",
        "api_oauth2_expiration": settings.expiration.unwrap_or(configured),
        "api_oauth2_disable_basic": settings.disable_basic,
        "api_oauth2_allow_all_perms": settings.allow_all_permissions,
        "resource_uri": Resource::Authentication.uri(ID),
    })
}
