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
pub(super) async fn change(user: ApiUser, Path(id): Path<String>, fields: Fields) -> Answered {
    let administrator = user.with(Permission::ChangeAuthentication).await?;
    check(&id)?;
    let change = Change::read(fields)?;
    administrator
        .change_settings(ID, |settings| change.apply(settings))
        .await?;
    let afterwards = administrator.afterwards().await?;
    Ok(answer(
        StatusCode::ACCEPTED,
        &object(&administrator, &afterwards),
    ))
}

/// What a request changes; what it does not name stays.
struct Change {
    expiration: Option<u32>,
    disable_basic: Option<bool>,
    allow_all_permissions: Option<bool>,
}

impl Change {
    /// # Errors
    /// 400 with what is wrong about each member.
    fn read(mut fields: Fields) -> Result<Self, Refusal> {
        let name = "api_oauth2_expiration";
        let range = ACCESS_TOKEN_SECONDS_MINIMUM..=ACCESS_TOKEN_SECONDS;
        let expiration = fields.take(name).and_then(|value| {
            let seconds = value
                .as_u64()
                .and_then(|seconds| u32::try_from(seconds).ok());
            let seconds = seconds.filter(|seconds| range.contains(seconds));
            if seconds.is_none() {
                let (least, most) = (range.start(), range.end());
                fields.fault(name, format!("Seconds from {least} to {most} are needed"));
            }
            seconds
        });
        let mut flag = |name: &str| match fields.take(name) {
            None => None,
            Some(Value::Bool(value)) => Some(value),
            Some(_) => {
                fields.fault(name, "true or false is needed");
                None
            }
        };
        let disable_basic = flag("api_oauth2_disable_basic");
        let allow_all_permissions = flag("api_oauth2_allow_all_perms");
        fields.close(Resource::Authentication)?;
        Ok(Change {
            expiration,
            disable_basic,
            allow_all_permissions,
        })
    }

    fn apply(&self, settings: &mut TokenSettings) {
        settings.expiration = self.expiration.or(settings.expiration);
        settings.disable_basic = self.disable_basic.unwrap_or(settings.disable_basic);
        settings.allow_all_permissions = self
            .allow_all_permissions
            .unwrap_or(settings.allow_all_permissions);
    }
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
