//! Who may use the guarded endpoints, and which of their actions exist at all.

use super::super::Call;
use super::super::crest::operation::{self, Operation};
use super::super::error::ApiError;
use crate::app::App;
use crate::auth::caller::{Authorized, Privilege};

/// Actions that AM's global table of privileges names; others are refused whoever asks.
const MAPPED: [&str; 17] = [
    "evaluate",
    "evaluateTree",
    "copy",
    "move",
    "schema",
    "validate",
    "template",
    "getAllTypes",
    "getCreatableTypes",
    "getType",
    "nextdescendents",
    "getPropertyNames",
    "getProperty",
    "clone",
    "setProperty",
    "deleteProperty",
    "create",
];
/// Those of them that change something.
const MODIFYING: [&str; 5] = ["copy", "move", "clone", "setProperty", "deleteProperty"];

/// Proves that the caller may do this: reads by one privilege, writes by the other.
///
/// # Errors
/// 400 for a body that is no JSON, before anything is said about the caller; 401; 403.
pub(super) async fn check(
    app: &App,
    call: &Call,
    operation: &Operation,
    read: Privilege,
    modify: Privilege,
) -> Result<Authorized, ApiError> {
    if let Operation::Create | Operation::CreateWithId | Operation::Upsert | Operation::Update =
        operation
    {
        operation::json_object(&call.body)?;
    } else if *operation == Operation::Patch {
        operation::check_patch(&call.body)?;
    } else {
        operation::json(&call.body)?;
    }
    let caller = call.caller(app).await?;
    let privilege = match operation {
        Operation::Read | Operation::Query => read,
        Operation::Action(action) if !MAPPED.contains(&action.as_str()) => {
            return Err(ApiError::forbidden(format!(
                "No privilege mapping for requested action {action}"
            )));
        }
        Operation::Action(action) if action == "evaluate" || action == "evaluateTree" => {
            Privilege::Evaluate
        }
        Operation::Action(action) if !MODIFYING.contains(&action.as_str()) => read,
        _ => modify,
    };
    let authorized = Authorized::check(caller, privilege, &call.realm.path)?;
    app.sessions.touch(authorized.session(), call.now);
    Ok(authorized)
}

/// Who a change is said to be made by: the caller's universal id.
pub(super) fn author(app: &App, authorized: &Authorized) -> String {
    let session = authorized.session();
    app.subjects.directory.universal_id(
        crate::realm::IdentityKind::User,
        &session.user,
        &session.realm,
    )
}
