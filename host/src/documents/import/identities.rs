//! The users and groups of an import document.

use serde_json::Value;

use super::super::identity::{self, GroupParts, Written};
use super::{Context, Importer};
use crate::auth::privilege::Privileges;
use crate::auth::session::ADMINISTRATOR;
use crate::realm::IdentityKind;
use crate::store::{Kind, StoreError};

impl Importer<'_> {
    pub(super) async fn users(
        &self,
        context: &mut Context<'_>,
        list: &[Value],
    ) -> Result<(), StoreError> {
        for (n, json) in list.iter().enumerate() {
            let prefix = format!("/users/{n}");
            let Some((name, written)) = identity_of(context, &prefix, IdentityKind::User, json)
            else {
                continue;
            };
            if context.realm.is_root() && name.eq_ignore_ascii_case(ADMINISTRATOR) {
                context.error(prefix, "amadmin is the built-in administrator, and no user");
                continue;
            }
            let there = self
                .store
                .object(Kind::User, &context.key, &name.to_lowercase())
                .await?;
            let attributes = match &there {
                Some(object) => written.laid_over(identity::user_attributes(object)),
                None => written.new_attributes(&name),
            };
            let secret = match &written.password {
                None => there.and_then(|object| object.secret),
                Some(password) => match self.passwords.hash(password).await {
                    Ok(hash) => Some(hash),
                    Err(error) => {
                        context.error(format!("{prefix}/userpassword"), error.to_string());
                        continue;
                    }
                },
            };
            context.put(identity::user_draft(
                &context.realm.clone(),
                &name,
                &attributes,
                secret,
            ));
        }
        Ok(())
    }

    pub(super) fn groups(&self, context: &mut Context<'_>, list: &[Value]) {
        for (n, json) in list.iter().enumerate() {
            let Some((name, written)) =
                identity_of(context, &format!("/groups/{n}"), IdentityKind::Group, json)
            else {
                continue;
            };
            let members = written.members.as_deref().unwrap_or_default();
            let parts = GroupParts {
                attributes: written.laid_over(crate::subject::Attributes::new()),
                members: identity::member_names(self.directory, &context.realm, members),
                privileges: written.granted_over(Privileges::NONE),
            };
            context.put(identity::group_draft(&context.realm.clone(), &name, &parts));
        }
    }
}

fn identity_of(
    context: &mut Context<'_>,
    prefix: &str,
    kind: IdentityKind,
    json: &Value,
) -> Option<(String, Written)> {
    let Some(members) = json.as_object() else {
        context.error(prefix.to_owned(), "must be an object");
        return None;
    };
    match Written::parse(kind, members) {
        Err((path, message)) => context.error(format!("{prefix}{path}"), message),
        Ok(written) => match written.name.clone().filter(|name| identity::is_name(name)) {
            Some(name) => return Some((name, written)),
            None => context.error(
                format!("{prefix}/username"),
                "a name is needed, without , = + \" \\ < > ; or blanks around it",
            ),
        },
    }
    None
}
