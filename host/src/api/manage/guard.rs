//! Who may use the guarded endpoints, and which of their actions exist at all.

use super::super::Call;
use super::super::crest::operation::Operation;
use super::super::error::ApiError;
use crate::app::App;
use crate::auth::caller::Authorized;
use crate::auth::endpoint::{Endpoint, Permission, Verb};

/// Proves that the caller may do this at an endpoint.
///
/// # Errors
/// 401; 403.
pub(super) async fn check(
    app: &App,
    call: &Call,
    operation: &Operation,
    endpoint: Endpoint,
) -> Result<Authorized, ApiError> {
    let verb = match operation {
        Operation::Read | Operation::Query => Some(Verb::Read),
        Operation::Action(action) => Verb::of_action(action),
        _ => Some(Verb::Modify),
    };
    match (verb, operation) {
        (Some(verb), _) => call.authorized(app, Permission::new(endpoint, verb)).await,
        (None, Operation::Action(action)) => {
            call.caller(app).await?;
            Err(ApiError::forbidden(format!(
                "No privilege mapping for requested action {action}"
            )))
        }
        (None, _) => Err(ApiError::insufficient_privileges()),
    }
}

/// Who a change is said to be made by.
pub(super) fn author(app: &App, authorized: &Authorized) -> String {
    authorized.caller().author(&app.subjects.directory)
}
