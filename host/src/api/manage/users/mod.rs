//! `…/users` and `…/groups` (`management-rest.md` §8.4).

mod actions;
mod giving;
mod query;
mod write;

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Place, Wanted, single};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::fields::Fields;
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::caller::Caller;
use crate::auth::delegation::ALL_AUTHENTICATED;
use crate::auth::endpoint::{Endpoint, Permission, Verb};
use crate::documents::Members;
use crate::documents::identity::{self, Written};
use crate::limits::REWRITE_ATTEMPTS;
use crate::publish::CommitError;
use crate::realm::IdentityKind;
use crate::store::{Draft, Expect, Kind, Object, StoreError, Unreferred, Write};

const ROUTES: [(Version, (Form, &str)); 4] = [
    (Version(1, 2), (Form::Names, "resource=1.2")),
    (Version(2, 1), (Form::Names, "resource=2.1")),
    (Version(3, 0), (Form::Objects, "resource=3.0")),
    (Version(4, 1), (Form::Later, "resource=4.1")),
];

/// What the versions differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Queries give names.
    Names,
    /// Queries give whole objects.
    Objects,
    /// AM 7's: members of groups are named, one level deeper, and groups show the privileges that they grant.
    Later,
}

/// A request whose caller and version are settled.
struct Asked<'a> {
    app: &'a App,
    call: &'a Call,
    kind: IdentityKind,
    form: Form,
    served: &'static str,
    caller: Caller,
}

/// Answers any request of either endpoint.
pub(super) async fn handle(
    app: &App,
    call: &Call,
    kind: IdentityKind,
    place: Place<'_>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    place.check_creation(&operation)?;
    let (form, served) = match route(call, place, &operation) {
        Ok(route) => route,
        Err(unserved) => return Err(call.caller(app).await.err().unwrap_or(unserved)),
    };
    let told = |error: ApiError| error.served(served);
    if let Operation::Action(action) = &operation {
        actions::switched_off(action, place).map_err(told)?;
    }
    let caller = call.caller(app).await?;
    caller.touch(app, call.now);
    let id = place.settled(&operation).map_err(told)?;
    let asked = Asked {
        app,
        call,
        kind,
        form,
        served,
        caller,
    };
    asked.perform(operation, id).await.map_err(told)
}

/// Without a version OpenAM's latest answers; AM 7's only where it is asked for.
fn route(
    call: &Call,
    place: Place<'_>,
    operation: &Operation,
) -> Result<(Form, &'static str), ApiError> {
    match call.requested.resource {
        None => Ok((Form::Objects, "resource=3.0")),
        Some(_) => call
            .requested
            .route(&ROUTES)
            .ok_or_else(|| place.no_such_version("", operation)),
    }
}

/// What the caller wants to do with an identity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deed {
    Read,
    Edit,
    Create,
    Delete,
}

impl Asked<'_> {
    async fn perform(&self, operation: Operation, id: Option<&str>) -> Result<Answer, ApiError> {
        match Wanted::of(operation, id)? {
            Wanted::Query => query::answer(self).await,
            Wanted::Read(name) => {
                self.permitted(Deed::Read, Some(name))?;
                match self.find(name).await? {
                    Some(object) => Ok(self.read(name, &object)),
                    // Who may not look around is not told which names there are.
                    None if !self.may(Verb::Read) => Err(self.denied(Deed::Read)),
                    None => Err(ApiError::not_found("Resource cannot be found.")),
                }
            }
            Wanted::Create => self.create(None).await,
            Wanted::CreateWithId(name) => self.create_by_put(name).await,
            Wanted::Upsert(name) => match self.find(name).await? {
                Some(there) => self.update(name, there).await,
                None => self.create_by_put(name).await,
            },
            Wanted::Update(name) => {
                self.permitted(Deed::Edit, Some(name))?;
                match self.find(name).await? {
                    Some(there) => self.update(name, there).await,
                    // AM's group of everybody with a session is always there.
                    None if self.is_all_authenticated(name) => self.create(Some(name)).await,
                    None => Err(ApiError::not_found(format!(
                        "Could not find the resource [ {name} ] to update"
                    ))),
                }
            }
            Wanted::Delete(name) => self.delete(name).await,
            Wanted::Patch => Err(self.patch_refused()),
            Wanted::Action(action) => actions::perform(self, &action, id).await,
        }
    }

    fn is_all_authenticated(&self, name: &str) -> bool {
        self.kind == IdentityKind::Group && name.eq_ignore_ascii_case(ALL_AUTHENTICATED)
    }

    fn store_kind(&self) -> Kind {
        match self.kind {
            IdentityKind::User => Kind::User,
            IdentityKind::Group => Kind::Group,
        }
    }

    async fn find(&self, name: &str) -> Result<Option<Object>, ApiError> {
        Ok(self
            .app
            .store
            .object(
                self.store_kind(),
                &self.call.realm.key,
                &name.to_lowercase(),
            )
            .await?)
    }

    /// The universal id of the caller, as refusals name it.
    fn caller_id(&self) -> String {
        self.caller.author(&self.app.subjects.directory)
    }

    /// Whether the caller administers the identities of the realm.
    fn administers(&self) -> bool {
        self.may(Verb::Modify)
    }

    fn may(&self, verb: Verb) -> bool {
        let endpoint = match self.kind {
            IdentityKind::User => Endpoint::Users,
            IdentityKind::Group => Endpoint::Groups,
        };
        let permission = Permission::new(endpoint, verb);
        self.caller.may(permission, &self.call.realm.path)
    }

    /// Who administers the realm may do everything, and a client what its permissions say; a user may read and edit itself,
    /// and read groups of its realm by name.
    fn permitted(&self, deed: Deed, name: Option<&str>) -> Result<(), ApiError> {
        // A client is nobody's neighbour: it reads groups where its permissions say so.
        let neighbour =
            self.caller.session().is_some() && self.caller.realm().key() == self.call.realm.key;
        let own = self.kind == IdentityKind::User
            && neighbour
            && self.caller.session().is_some_and(|session| {
                name.is_some_and(|name| name.to_lowercase() == session.user_key)
            });
        let allowed = match deed {
            Deed::Read => {
                let named_group = self.kind == IdentityKind::Group && name.is_some();
                own || (named_group && neighbour) || self.may(Verb::Read)
            }
            Deed::Edit => own,
            Deed::Create | Deed::Delete => false,
        };
        if allowed || self.administers() {
            Ok(())
        } else {
            Err(self.denied(deed))
        }
    }

    fn denied(&self, deed: Deed) -> ApiError {
        let word = match deed {
            Deed::Read => "read",
            Deed::Edit => "edit",
            Deed::Create => "create",
            Deed::Delete => "delete",
        };
        ApiError::forbidden(format!(
            "Permission to perform the {word} operation denied to {}",
            self.caller_id()
        ))
    }

    fn members(&self, name: &str, object: &Object) -> Members {
        let (directory, realm) = (&self.app.subjects.directory, &self.call.realm.path);
        match self.kind {
            IdentityKind::User => identity::user_shown(directory, realm, object, name),
            IdentityKind::Group => {
                let mut shown = identity::group_shown(directory, realm, object, name);
                if self.form == Form::Later {
                    let parts = identity::group_parts(object);
                    shown.remove("uniqueMember");
                    shown.insert("members".into(), json!({"uniqueMember": parts.members}));
                    let privileges = identity::privileges_shown(parts.privileges);
                    shown.insert("privileges".into(), privileges);
                }
                shown
            }
        }
    }

    fn shown(&self, name: &str, object: &Object) -> Answer {
        let revision = Some(object.revision.to_string());
        let members = self.members(name, object);
        single(self.call, self.served, name, revision, members)
    }

    /// As [`Asked::shown`], with no values for each attribute that was asked for and is not there.
    fn read(&self, name: &str, object: &Object) -> Answer {
        let revision = Some(object.revision.to_string());
        let mut members = self.members(name, object);
        let fields = Fields::of(&self.call.parameters);
        let attributes = fields
            .names()
            .filter(|name| !["_id", "_rev"].contains(name));
        let mut shown: HashSet<String> = members.keys().map(|name| name.to_lowercase()).collect();
        if self.kind == IdentityKind::Group && self.form == Form::Later {
            // Later versions show a group's members elsewhere: they are not none.
            shown.insert("uniquemember".to_owned());
        }
        for field in attributes {
            if !shown.contains(&field.to_lowercase()) {
                members.insert(field.to_owned(), Value::Array(Vec::new()));
            }
        }
        single(self.call, self.served, name, revision, members)
    }

    fn patch_refused(&self) -> ApiError {
        if self.form == Form::Names {
            return ApiError::not_implemented("Patch operations are not supported");
        }
        if self.kind == IdentityKind::Group {
            return ApiError::bad_request("Cannot patch object type group");
        }
        if !self.administers() {
            return ApiError::forbidden("Only admin can patch user values");
        }
        let body = self.call.json().unwrap_or_default();
        let field = body
            .pointer("/0/field")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned();
        ApiError::bad_request(format!(
            "For the object type user, field \"{field}\" cannot be altered by PATCH"
        ))
    }

    fn written(&self) -> Result<Written, ApiError> {
        let body = self.call.members()?;
        let wrong = |(path, what): (String, String)| {
            ApiError::bad_request(format!("Invalid value: {path} {what}"))
        };
        Written::parse(self.kind, &body).map_err(wrong)
    }

    fn member_names(&self, written: &Written) -> Vec<String> {
        let members = written.members.as_deref().unwrap_or_default();
        identity::member_names(&self.app.subjects.directory, &self.call.realm.path, members)
    }

    async fn commit(&self, summary: &str, write: Write) -> Result<(), ApiError> {
        self.app
            .publisher
            .commit(&self.caller_id(), summary, vec![write])
            .await?;
        Ok(())
    }

    /// Changes an identity from what it was to what `draft` makes of that. Where somebody else changes it meanwhile,
    /// it is read again, unless the client has said by `If-Match` what it must have been.
    async fn rewrite(
        &self,
        summary: &str,
        mut there: Object,
        draft: impl Fn(&Object) -> Result<Draft, ApiError>,
    ) -> Result<Draft, ApiError> {
        for _ in 0..REWRITE_ATTEMPTS {
            self.call.check_if_match(&there.revision.to_string())?;
            let draft = draft(&there)?;
            let writes = vec![Write::Put(Expect::Present, draft.clone())];
            match self.commit_if_unchanged(&there, summary, writes).await {
                Err(CommitError::Store(StoreError::Changed { .. })) => {
                    there = self
                        .find(&there.key)
                        .await?
                        .ok_or_else(|| ApiError::not_found("Resource cannot be found."))?;
                }
                other => return other.map(|()| draft).map_err(ApiError::from),
            }
        }
        Err(ApiError::contended())
    }

    /// Deletes an identity. Where somebody else changes it meanwhile, the precondition is checked again.
    async fn remove(&self, mut there: Object) -> Result<(), ApiError> {
        for _ in 0..REWRITE_ATTEMPTS {
            self.call.check_if_match(&there.revision.to_string())?;
            let mut writes = self.without_member(&there).await?;
            writes.push(Write::Delete {
                kind: self.store_kind(),
                realm: self.call.realm.key.clone(),
                key: there.key.clone(),
            });
            let done = self.commit_if_unchanged(&there, "identity deleted", writes);
            match done.await {
                Err(CommitError::Store(StoreError::Changed { .. })) => {
                    there = self
                        .find(&there.key)
                        .await?
                        .ok_or_else(|| ApiError::not_found("Resource cannot be found."))?;
                }
                other => return Ok(other?),
            }
        }
        Err(ApiError::contended())
    }

    /// The groups of a user who goes, without it.
    ///
    /// INVARIANT: no group goes on naming a user who is gone. Whoever is given the name later would be its member.
    async fn without_member(&self, user: &Object) -> Result<Vec<Write>, ApiError> {
        if self.kind != IdentityKind::User {
            return Ok(Vec::new());
        }
        let (store, realm) = (&self.app.store, &self.call.realm);
        let since = store.revision().await?;
        let mut writes = Vec::new();
        for name in store.groups_of(&realm.key, &user.key).await? {
            let key = name.to_lowercase();
            let Some(group) = store.object(Kind::Group, &realm.key, &key).await? else {
                continue;
            };
            let mut parts = identity::group_parts(&group);
            parts
                .members
                .retain(|member| member.to_lowercase() != user.key);
            writes.push(Write::require(Kind::Group, &realm.key, &group));
            let draft = identity::group_draft(&realm.path, &group.name, &parts);
            writes.push(Write::Put(Expect::Present, draft));
        }
        writes.push(Write::RequireUnreferred(Unreferred {
            kind: Kind::Group,
            realm: realm.key.clone(),
            since,
            to: user.key.clone(),
            refers: |group, key| {
                let members = identity::group_parts(group).members;
                members.iter().any(|member| member.to_lowercase() == key)
            },
        }));
        Ok(writes)
    }

    async fn commit_if_unchanged(
        &self,
        there: &Object,
        summary: &str,
        mut writes: Vec<Write>,
    ) -> Result<(), CommitError> {
        let unchanged = Write::require(self.store_kind(), &self.call.realm.key, there);
        writes.insert(0, unchanged);
        self.app
            .publisher
            .commit(&self.caller_id(), summary, writes)
            .await
            .map(drop)
    }
}
