//! Elasticsearch's token API (seed 004): JSON instead of forms, users of the root realm instead of clients, and what its
//! official clients ask for beside it.
//!
//! Every answer says `X-Elastic-Product`, without which those clients stop.

mod body;
mod caller;
mod cluster;
mod error;
mod identity;
mod invalidate;
mod token;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::routes::Routes;
use crate::app::App;
use error::Refusal;

const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");
const ELASTICSEARCH: HeaderValue = HeaderValue::from_static("Elasticsearch");

/// All routes of this API.
pub(crate) fn routes() -> Routes {
    let token = || only(post(token::get).delete(invalidate::invalidate));
    Routes::new()
        .route("/", only(get(identity::product)))
        .route(
            "/_security/_authenticate",
            only(get(identity::authenticate)),
        )
        .route("/_cluster/health", only(get(cluster::health)))
        .route_either_way("/_security/oauth2/token", token)
        // As it was called before version 7.
        .route_either_way("/_xpack/security/oauth2/token", token)
        .wrapped(|router| router.layer(middleware::from_fn(name_the_product)))
}

/// The answer to a path of this API that leads nowhere; `None` for a path that is none of it.
pub(crate) fn nothing(request: &Request) -> Option<Response> {
    let path = request.uri().path();
    path.starts_with("/_").then(|| {
        let refusal = Refusal::no_handler(path, request.method());
        named(refusal.into_response())
    })
}

async fn name_the_product(request: Request, next: Next) -> Response {
    named(next.run(request).await)
}

fn named(mut response: Response) -> Response {
    response.headers_mut().insert(PRODUCT, ELASTICSEARCH);
    response
}

/// Refuses other methods in the shape of all refusals.
fn only(route: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    route.fallback(async || Refusal::method_not_allowed())
}
