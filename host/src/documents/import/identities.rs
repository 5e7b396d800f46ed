//! The users and groups of an import document.

use assize_engine::document::Document;
use serde_json::Value;

use super::super::identity::{self, GroupParts, Written};
use super::super::stored::Stored;
use super::{Context, Importer};
use crate::auth::privilege::Privileges;
use crate::auth::session::ADMINISTRATOR;
use crate::realm::IdentityKind;
use crate::store::{Draft, Kind, StoreError};
use crate::subject::Attributes;

impl Importer<'_> {
    pub(super) async fn users(
        &self,
        context: &mut Context<'_>,
        document: &Document,
    ) -> Result<(), StoreError> {
        for (n, json) in document.users.iter().enumerate() {
            let place = document.place("users", n);
            let Some((name, written)) = identity_of(context, &place, IdentityKind::User, json)
            else {
                continue;
            };
            let Some(stored) = self.stored(context, &place, json) else {
                continue;
            };
            if context.realm.is_root() && name.eq_ignore_ascii_case(ADMINISTRATOR) {
                context.error(place, "amadmin is the built-in administrator, and no user");
                continue;
            }
            let there = self
                .store
                .object(Kind::User, &context.key, &name.to_lowercase())
                .await?;
            let attributes = match &there {
                _ if context.whole.is_some() => written.laid_over(Attributes::new()),
                Some(object) => written.laid_over(identity::user_attributes(object)),
                None => written.new_attributes(&name),
            };
            let told = context
                .whole
                .as_ref()
                .is_some_and(|whole| whole.credentials);
            // What is carried over must not come back where it is changed meanwhile: hashing passwords takes its time.
            let carried = context.whole.is_none() || (written.password.is_none() && !told);
            if let Some(object) = there.as_ref().filter(|_| carried) {
                context.require(Kind::User, std::slice::from_ref(object));
            }
            let secret = match &written.password {
                None if told => stored.as_ref().and_then(|stored| stored.secret.clone()),
                None => there.and_then(|object| object.secret),
                Some(password) => match self.passwords.hash(password).await {
                    Ok(hash) => Some(hash),
                    Err(error) => {
                        context.error(format!("{place}/userpassword"), error.to_string());
                        continue;
                    }
                },
            };
            let draft = identity::user_draft(&context.realm, &name, &attributes, secret);
            let stamp = stored.map(|stored| stored.stamp());
            context.put(&place, Draft { stamp, ..draft });
        }
        Ok(())
    }

    /// What an identity's export tells besides, where that is to be kept; `None` for one that has to be left out.
    fn stored(
        &self,
        context: &mut Context<'_>,
        place: &str,
        json: &Value,
    ) -> Option<Option<Stored>> {
        if !self.restores() {
            return Some(None);
        }
        match Stored::parse(json) {
            Ok(stored) => Some(stored),
            Err((path, message)) => {
                context.error(format!("{place}{path}"), message);
                None
            }
        }
    }

    pub(super) fn groups(&self, context: &mut Context<'_>, document: &Document) {
        for (n, json) in document.groups.iter().enumerate() {
            let place = document.place("groups", n);
            let Some((name, written)) = identity_of(context, &place, IdentityKind::Group, json)
            else {
                continue;
            };
            let Some(stored) = self.stored(context, &place, json) else {
                continue;
            };
            let members = written.members.as_deref().unwrap_or_default();
            let parts = GroupParts {
                attributes: written.laid_over(Attributes::new()),
                members: identity::member_names(self.directory, &context.realm, members),
                privileges: written.granted_over(Privileges::NONE),
            };
            let draft = identity::group_draft(&context.realm, &name, &parts);
            let stamp = stored.map(|stored| stored.stamp());
            context.put(&place, Draft { stamp, ..draft });
        }
    }
}

fn identity_of(
    context: &mut Context<'_>,
    place: &str,
    kind: IdentityKind,
    json: &Value,
) -> Option<(String, Written)> {
    let Some(members) = json.as_object() else {
        context.error(place.to_owned(), "must be an object");
        return None;
    };
    match Written::parse(kind, members) {
        Err((path, message)) => context.error(format!("{place}{path}"), message),
        Ok(written) => match written.name.clone().filter(|name| identity::is_name(name)) {
            Some(name) => return Some((name, written)),
            None => context.error(
                format!("{place}/username"),
                "a name is needed, without , = + \" \\ < > ; / or characters that nobody sees, or blanks around it",
            ),
        },
    }
    None
}
