//! `…/scripts`: scripts of policy conditions, and others that are only kept (`conditions.md` §5.2 of the specification
//! of AM).

use std::cell::OnceCell;

use assize_script::SyntaxError;
use serde_json::{Value, json};

use super::collection::{self, Collection, Put, Route};
use super::created;
use super::rows::{self, Remaining, Row};
use crate::api::answer::Answer;
use crate::api::crest::filter::{Filter, Literal, Operator};
use crate::api::crest::operation::Operation;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::auth::endpoint::Endpoint;
use crate::auth::random_uuid;
use crate::documents::{Members, members, script};
use crate::outside::source::Source;
use crate::store::{Expect, Kind, Object, Unreferred, Write};

/// The only form there is.
#[derive(Clone, Copy)]
pub(super) struct Form;

/// A request whose caller and version are settled.
type Asked<'a> = collection::Asked<'a, Form>;

pub(super) struct Scripts;

impl Collection for Scripts {
    type Form = Form;
    type Found = Object;

    const ENDPOINT: Endpoint = Endpoint::Scripts;
    const PATH: &'static str = "scripts";
    const ROUTES: &'static [Route<Form>] = &[
        (Version(1, 0), (Form, "resource=1.0")),
        (Version(1, 1), (Form, "resource=1.1")),
    ];

    async fn find(asked: &Asked<'_>, id: &str) -> Result<Option<Object>, ApiError> {
        asked.object(Kind::Script, id).await
    }

    fn missing(asked: &Asked<'_>, id: &str, _: &Operation) -> ApiError {
        ApiError::not_found(format!(
            "Script with UUID {id} could not be found in realm {}",
            asked.call.realm.path
        ))
    }

    fn revision(found: &Object) -> String {
        found.revision.to_string()
    }

    async fn query(asked: &Asked<'_>) -> Result<Answer, ApiError> {
        let filter = rows::filter(asked.call)?;
        rows::leaves(&filter, &mut check)?;
        let mut found = Vec::new();
        for object in asked.objects(Kind::Script).await? {
            let row = Row {
                id: object.name.clone(),
                revision: None,
                members: script::shown(&object),
            };
            // However often a filter names it, the source is decoded once.
            let source = OnceCell::new();
            if rows::holds(&filter, &row, &|row, name, operator, wanted| {
                let have = match name {
                    "script" => Some(source.get_or_init(|| script::text(&row.members).into())),
                    name => row.members.get(name),
                };
                Ok(have.is_some_and(|have| is_met(have, operator, wanted)))
            })? {
                found.push(row);
            }
        }
        rows::answer(asked.call, asked.served, found, Remaining::Counted)
    }

    async fn read(asked: &Asked<'_>, _: &str, found: Object) -> Result<Answer, ApiError> {
        Ok(asked.script(&found))
    }

    async fn create(asked: &Asked<'_>, id: Option<&str>) -> Result<Answer, ApiError> {
        let body = asked.call.members()?;
        let by_put = id.is_some();
        let id = match (id, body.get("_id").and_then(Value::as_str)) {
            (Some(id), _) => id.to_owned(),
            (None, Some(id)) if !id.is_empty() => id.to_owned(),
            (None, _) => random_uuid().map_err(ApiError::internal)?,
        };
        if asked.object(Kind::Script, &id).await?.is_some() {
            let taken = ApiError::conflict(format!("Script {id} already exists"));
            return Err(if by_put {
                taken.for_put(&asked.call.requested)
            } else {
                taken
            });
        }
        let (object, warning) = asked.put(&body, &id, None).await?;
        let revision = Some(Self::revision(&object));
        let answer = Answer {
            warning,
            ..asked.single(&object.name, revision, script::shown(&object))
        };
        Ok(created(asked.app, asked.call, Self::PATH, &id, answer))
    }

    // A name that is taken is 409 by PUT, too: clients then try another name.
    fn for_put(_: &Asked<'_>, error: ApiError) -> ApiError {
        error
    }

    async fn update(asked: &Asked<'_>, _: &str, found: Object, _: Put) -> Result<Answer, ApiError> {
        let body = asked.call.members()?;
        let (object, warning) = asked.put(&body, &found.name, Some(&found)).await?;
        Ok(Answer {
            warning,
            ..asked.script(&object)
        })
    }

    async fn act(asked: &Asked<'_>, action: &str, id: Option<&str>) -> Result<Answer, ApiError> {
        match (action, id) {
            ("validate", None) => asked.validate().await,
            ("validate", Some(_)) => Err(ApiError::not_implemented("Not Implemented")),
            _ => Err(ApiError::not_implemented("Operation is not supported.")),
        }
    }

    async fn delete(asked: &Asked<'_>, id: &str, found: Object) -> Result<Answer, ApiError> {
        let since = asked.app.store.revision().await?;
        asked.is_unused(&found).await?;
        let realm = &asked.call.realm.key;
        let writes = vec![
            Write::RequireUnreferred(Unreferred {
                kind: Kind::Policy,
                realm: realm.clone(),
                since,
                to: found.name.clone(),
                refers: uses,
            }),
            Write::Delete {
                kind: Kind::Script,
                realm: realm.clone(),
                key: found.key.clone(),
            },
        ];
        asked
            .commit_to(Kind::Script, &found, "script deleted", writes)
            .await?;
        Ok(asked.single(id, None, Members::new()))
    }

    fn patch_refused(_: &Asked<'_>) -> ApiError {
        ApiError::not_implemented("Not Implemented")
    }
}

impl Asked<'_> {
    /// A script as reads and updates show it: its revision is in the header alone.
    fn script(&self, object: &Object) -> Answer {
        Answer {
            revision: Some(Scripts::revision(object)),
            ..self.single(&object.name, None, script::shown(object))
        }
    }

    /// Checks and stores a script, in place of the one that is there. Beside it what the client should be warned of: AM
    /// takes scripts that cannot be parsed, and clients rely on it.
    ///
    /// # Errors
    /// 400 for what is wrong with it; 409 where another script of the realm has its name.
    async fn put(
        &self,
        body: &Members,
        id: &str,
        there: Option<&Object>,
    ) -> Result<(Object, Option<String>), ApiError> {
        let script = script::check(body, id).map_err(|f| super::policies::refused(&f))?;
        self.name_is_free(&script.name, id).await?;
        let warning = self.warning(script.members()).await;
        let draft = script.draft(&self.call.realm.key);
        match there {
            None => {
                let write = Write::Put(Expect::Absent, draft);
                self.commit("script created", vec![write]).await?;
            }
            Some(there) => {
                let write = Write::Put(Expect::Present, draft);
                self.commit_to(Kind::Script, there, "script changed", vec![write])
                    .await?;
            }
        }
        let object = self.object(Kind::Script, id).await?;
        let object = object.ok_or_else(ApiError::vanished)?;
        Ok((object, warning))
    }

    /// What is wrong with a script of policy conditions that could be stored.
    async fn warning(&self, script: &Members) -> Option<String> {
        let source = Source::of(script).ok()?;
        let error = self.app.outside.scripts().check(source.text).await.err()?;
        let SyntaxError {
            line,
            column,
            message,
        } = error;
        let name = source.name;
        let warning = format!(
            "script {name} cannot be run: {message} (line {line}, column {column}); conditions that use it are undetermined"
        );
        tracing::warn!(script = name, line, column, message, "script cannot be run");
        Some(warning)
    }

    /// `_action=validate`: `{"script", "language"}` in, `{"success", "errors": [{"line", "column", "message"}]}` out.
    ///
    /// # Errors
    /// 400 for a source that is no Base64 of UTF-8, or a language that nobody knows.
    async fn validate(&self) -> Result<Answer, ApiError> {
        let body = self.call.members()?;
        let (source, language) =
            script::source_and_language(&body).map_err(|f| super::policies::refused(&f))?;
        let checked = if language == "JAVASCRIPT" {
            self.app.outside.scripts().check(source).await
        } else {
            Err(SyntaxError {
                line: 0,
                column: 0,
                message: format!("{language} is kept, but neither checked nor run here"),
            })
        };
        let value = match checked {
            Ok(()) => json!({"success": true}),
            Err(SyntaxError {
                line,
                column,
                message,
            }) => json!({
                "success": false,
                "errors": [{"line": line, "column": column, "message": message}],
            }),
        };
        Ok(Answer::value(self.served, value))
    }

    /// # Errors
    /// 409 where a policy of the realm has a condition that runs the script.
    async fn is_unused(&self, script: &Object) -> Result<(), ApiError> {
        let id = &script.name;
        let policies = self.objects(Kind::Policy).await?;
        let users: Vec<&str> = policies
            .iter()
            .filter(|policy| uses(policy, id))
            .map(|policy| policy.name.as_str())
            .collect();
        let script = members(script);
        let name = script.get("name").and_then(Value::as_str).unwrap_or(id);
        match users[..] {
            [] => Ok(()),
            [policy] => Err(ApiError::conflict(format!(
                "The script {name} is used once, by policy {policy}"
            ))),
            [first, ..] => Err(ApiError::conflict(format!(
                "The script {name} is used {} times, first by policy {first}",
                users.len()
            ))),
        }
    }

    async fn name_is_free(&self, name: &str, id: &str) -> Result<(), ApiError> {
        let scripts = self.objects(Kind::Script).await?;
        let taken = scripts.iter().any(|other| {
            let other_name = members(other);
            let other_name = other_name.get("name").and_then(Value::as_str);
            !other.name.eq_ignore_ascii_case(id)
                && other_name.is_some_and(|other| other.to_lowercase() == name.to_lowercase())
        });
        if taken {
            Err(ApiError::conflict(format!(
                "Script with name {name} already exist in realm {}",
                self.call.realm.path
            )))
        } else {
            Ok(())
        }
    }
}

/// Members that a filter may name.
const FIELDS: [&str; 12] = [
    "_id",
    "name",
    "description",
    "script",
    "default",
    "language",
    "context",
    "createdBy",
    "creationDate",
    "lastModifiedBy",
    "lastModifiedDate",
    "evaluatorVersion",
];

/// # Errors
/// 400 for a member that scripts do not have.
fn check(leaf: &Filter) -> Result<(), ApiError> {
    let (Filter::Compare(field, ..) | Filter::Present(field)) = leaf else {
        return Ok(());
    };
    match field.0.as_slice() {
        [name] if FIELDS.contains(&name.as_str()) => Ok(()),
        _ => Err(ApiError::bad_request(format!(
            "Unknown query field '{field}': scripts have {}",
            FIELDS.join(", ")
        ))),
    }
}

/// How AM compares a script with the value of a filter: texts by letter case and as they are, the source in clear,
/// numbers by value, and nothing with another type.
fn is_met(have: &Value, operator: &Operator, wanted: &Literal) -> bool {
    match (have, wanted) {
        (Value::String(have), Literal::Text(wanted)) => match operator {
            Operator::Contains => have.contains(wanted),
            Operator::StartsWith => have.starts_with(wanted),
            operator => operator.accepts(have.as_str().cmp(wanted)),
        },
        (Value::Number(have), Literal::Integer(wanted)) => have
            .as_i64()
            .is_some_and(|have| operator.accepts(have.cmp(wanted))),
        (Value::Bool(have), Literal::Boolean(wanted)) => operator.accepts(have.cmp(wanted)),
        _ => false,
    }
}

/// Whether a policy has a condition that runs the script.
fn uses(policy: &Object, id: &str) -> bool {
    let condition = members(policy).shift_remove("condition");
    condition.is_some_and(|condition| runs(&condition, id))
}

/// Whether a condition, or one inside it, runs the script.
fn runs(condition: &Value, id: &str) -> bool {
    let own = condition.get("type").and_then(Value::as_str) == Some("Script")
        && condition
            .get("scriptId")
            .and_then(Value::as_str)
            .is_some_and(|script| script.eq_ignore_ascii_case(id));
    let inner = condition.get("condition").into_iter();
    let listed = condition.get("conditions").and_then(Value::as_array);
    own || inner
        .chain(listed.into_iter().flatten())
        .any(|inner| runs(inner, id))
}
