//! PolicyServer's management and runtime APIs (seed 000; `/management`, `/runtime`): JSON with links, Bearer tokens only.
//!
//! Answers are `{"data": …, "links": [{"rel", "href", "name"}]}`, refusals `{"errors": [text]}`. Clients follow `rel`s;
//! the addresses behind them may change.

mod assignments;
mod caller;
mod document;
mod error;
mod management;
mod page;
mod runtime;
mod search;

use std::sync::Arc;

use axum::routing::{MethodRouter, delete, get, post};

use super::routes::Routes;
use crate::app::App;
use crate::policyserver::entry::AssigneeKind;
use error::Refusal;

/// All routes of both APIs.
pub(crate) fn routes() -> Routes {
    let routes = Routes::new()
        .route("/management", only(get(management::home)))
        .route("/management/license", only(get(management::license)))
        .route("/management/search/users", only(get(search::users)))
        .route("/management/search/roles", only(get(search::roles)))
        .route(
            "/management/policies",
            only(get(management::top).post(management::add_top)),
        )
        .route(
            "/management/policies/{policy}",
            only(
                get(management::policy)
                    .put(management::change_policy)
                    .delete(management::delete_policy),
            ),
        )
        .route(
            "/management/policies/{policy}/policies",
            only(get(management::children).post(management::add_child)),
        )
        .route(
            "/management/policies/{policy}/roles",
            only(get(management::roles).post(management::add_role)),
        )
        .route(
            "/management/roles/{role}",
            only(
                get(management::role)
                    .put(management::change_role)
                    .delete(management::delete_role),
            ),
        )
        .route(
            "/management/policies/{policy}/permissions",
            only(get(management::permissions).post(management::add_permission)),
        )
        .route(
            "/management/permissions/{permission}",
            only(
                get(management::permission)
                    .put(management::change_permission)
                    .delete(management::delete_permission),
            ),
        )
        .route(
            "/management/subjects/{subject}/subject-assignments",
            only(delete(assignments::delete_subject)),
        )
        .route("/runtime", only(get(runtime::home)))
        .route("/runtime/policy/{*path}", only(post(runtime::grants)))
        .route(
            "/runtime/policies",
            only(post(runtime::policies_at_the_top)),
        )
        .route("/runtime/policies/{*path}", only(post(runtime::policies)));
    [
        AssigneeKind::Subject,
        AssigneeKind::Role,
        AssigneeKind::Claim,
    ]
    .into_iter()
    .fold(routes, assignments::routes)
}

/// Refuses other methods in the shape of all refusals.
fn only(route: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    route.fallback(async || Refusal::method_not_allowed())
}
