//! Making, changing and deleting users and groups.

use axum::http::StatusCode;
use serde_json::Value;

use super::super::{created, single};
use super::{Asked, Deed, Form};
use crate::api::answer::Answer;
use crate::api::error::ApiError;
use crate::auth::session::ADMINISTRATOR;
use crate::documents::Members;
use crate::documents::identity::{self, GroupParts, Written};
use crate::limits::{PASSWORD_CHARACTERS_MINIMUM, USER_BYTES};
use crate::realm::IdentityKind;
use crate::store::{Draft, Expect, Object, Write};
use crate::subject::{Attributes, is_inactive};

/// What AM keeps out of names: they become part of directory filters.
const FORBIDDEN: [char; 5] = ['*', '(', ')', '&', '!'];

impl Asked<'_> {
    pub(super) async fn create_by_put(&self, id: &str) -> Result<Answer, ApiError> {
        let created = self.create(Some(id)).await;
        created.map_err(|error| error.for_put(&self.call.requested))
    }

    pub(super) async fn create(&self, id: Option<&str>) -> Result<Answer, ApiError> {
        self.permitted(Deed::Create, id)?;
        let written = self.written()?;
        let name = match (id, &written.name) {
            (Some(id), Some(name)) if !id.eq_ignore_ascii_case(name) => return Err(mismatch()),
            (Some(id), _) => id.to_owned(),
            (None, Some(name)) => name.clone(),
            (None, None) => return Err(ApiError::bad_request("Identity name not provided")),
        };
        if name.is_empty() {
            return Err(ApiError::bad_request("Identity name not provided"));
        }
        if name.contains(FORBIDDEN) {
            let list = FORBIDDEN.map(String::from).join(", ");
            return Err(ApiError::bad_request(format!(
                "Invalid Identity attribute username - {name} contains one or more invalid characters [{list}]"
            )));
        }
        if !identity::is_name(&name) {
            return Err(ApiError::bad_request(
                "Identity names cannot contain , = + \" \\ < > ; / nor characters that nobody sees, nor surrounding blanks",
            ));
        }
        let reserved = self.call.realm.path.is_root() && name.eq_ignore_ascii_case(ADMINISTRATOR);
        if reserved || self.find(&name).await?.is_some() {
            return Err(ApiError::conflict("Resource already exists"));
        }
        let realm = &self.call.realm.path;
        let draft = match self.kind {
            IdentityKind::User => {
                let password = long_enough(written.password.as_deref().unwrap_or_default())?;
                // A group may name it already.
                self.may_become(&name.to_lowercase()).await?;
                let secret = self.app.passwords.hash(password).await?;
                let attributes = written.new_attributes(&name);
                bounded(identity::user_draft(
                    realm,
                    &name,
                    &attributes,
                    Some(secret),
                ))?
            }
            IdentityKind::Group => {
                let after = self.group_after(&written, GroupParts::default());
                self.may_give_by_group(&name, after.privileges).await?;
                identity::group_draft(realm, &name, &after)
            }
        };
        self.commit("identity created", Write::Put(Expect::Absent, draft))
            .await?;
        let object = self.find(&name).await?.ok_or_else(ApiError::vanished)?;
        let endpoint = if self.kind == IdentityKind::User {
            "users"
        } else {
            "groups"
        };
        Ok(created(
            self.app,
            self.call,
            endpoint,
            &name,
            self.shown(&name, &object),
        ))
    }

    pub(super) async fn update(&self, name: &str, there: Object) -> Result<Answer, ApiError> {
        self.permitted(Deed::Edit, Some(name))?;
        let written = self.written()?;
        if self.kind == IdentityKind::User && !self.administers() && !written.is_about_oneself() {
            return Err(self.denied(Deed::Edit));
        }
        if written
            .name
            .as_ref()
            .is_some_and(|given| !given.eq_ignore_ascii_case(name))
        {
            return Err(mismatch());
        }
        if written.is_nothing(self.form == Form::Later) {
            return Err(ApiError::bad_request(
                "Illegal arguments: One or more required arguments is null or empty",
            ));
        }
        let realm = &self.call.realm.path;
        let administers = self.administers();
        if self.kind == IdentityKind::Group {
            let after = self.group_after(&written, identity::group_parts(&there));
            self.may_give_by_group(name, after.privileges).await?;
        }
        let secret = match &written.password {
            Some(_) if !administers => return Err(password_by_put()),
            Some(password) if self.kind == IdentityKind::User => {
                self.may_become(&there.key).await?;
                Some(self.app.passwords.hash(long_enough(password)?).await?)
            }
            _ => None,
        };
        let draft = |there: &Object| match self.kind {
            IdentityKind::User => {
                let after = written.laid_over(identity::user_attributes(there));
                let secret = secret.clone().or_else(|| there.secret.clone());
                bounded(identity::user_draft(realm, &there.name, &after, secret))
            }
            IdentityKind::Group => {
                let after = self.group_after(&written, identity::group_parts(there));
                Ok(identity::group_draft(realm, &there.name, &after))
            }
        };
        let key = there.key.clone();
        let draft = self.rewrite("identity changed", there, draft).await?;
        let locked = self.kind == IdentityKind::User && becomes_inactive(&draft);
        if locked {
            self.app.sessions.end_all_of(realm, &key).await?;
        }
        let object = self.find(name).await?.ok_or_else(ApiError::vanished)?;
        Ok(self.shown(name, &object))
    }

    /// What was written about a group over what it is. Privileges are granted from AM 7's version on; to the earlier
    /// ones they are a member like any that they do not know.
    fn group_after(&self, written: &Written, before: GroupParts) -> GroupParts {
        GroupParts {
            members: match &written.members {
                Some(_) => self.member_names(written),
                None => before.members,
            },
            privileges: match self.form {
                Form::Later => written.granted_over(before.privileges),
                Form::Names | Form::Objects => before.privileges,
            },
            attributes: written.laid_over(before.attributes),
        }
    }

    pub(super) async fn delete(&self, name: &str) -> Result<Answer, ApiError> {
        // Whoever may not even read it is told so.
        self.permitted(Deed::Read, Some(name))?;
        self.permitted(Deed::Delete, Some(name))?;
        let there = self
            .find(name)
            .await?
            .ok_or_else(|| ApiError::not_found("Resource cannot be found."))?;
        let (key, realm) = (there.key.clone(), &self.call.realm.key);
        self.remove(there).await?;
        if self.kind == IdentityKind::User {
            self.app
                .sessions
                .forget(|session| session.user_key == key && session.realm.key() == *realm);
        }
        let success = Members::from_iter([("success".to_owned(), Value::from("true"))]);
        Ok(single(
            self.call,
            self.served,
            name,
            Some("0".into()),
            success,
        ))
    }
}

/// # Errors
/// 400 for a user whose attributes take more than [`USER_BYTES`].
fn bounded(draft: Draft) -> Result<Draft, ApiError> {
    if draft.body.len() > USER_BYTES {
        return Err(ApiError::bad_request(format!(
            "The attributes of a user take at most {USER_BYTES} bytes as JSON"
        )));
    }
    Ok(draft)
}

/// # Errors
/// 400 for a password that is too short, or none.
pub(super) fn long_enough(password: &str) -> Result<&str, ApiError> {
    if password.chars().count() < PASSWORD_CHARACTERS_MINIMUM {
        let message = format!("Minimum password length is {PASSWORD_CHARACTERS_MINIMUM}.");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, message));
    }
    Ok(password)
}

fn password_by_put() -> ApiError {
    ApiError::bad_request(
        "Cannot update user password via PUT. Use POST with _action=changePassword or _action=forgotPassword.",
    )
}

fn becomes_inactive(draft: &Draft) -> bool {
    serde_json::from_str::<Attributes>(&draft.body).is_ok_and(|attributes| is_inactive(&attributes))
}

fn mismatch() -> ApiError {
    ApiError::bad_request("id in path does not match id in request body")
}
