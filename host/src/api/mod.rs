//! The HTTP surface. Every deployment path (`/am`, `/openam`) answers alike; below it AM's REST, beside it health.

pub(crate) mod answer;
pub(crate) mod authenticate;
pub(crate) mod bundles;
pub(crate) mod cors;
pub(crate) mod crest;
mod description;
mod elasticsearch;
pub(crate) mod error;
pub(crate) mod evaluate;
mod goto;
pub(crate) mod health;
mod hints;
pub(crate) mod json_body;
pub(crate) mod manage;
mod media_type;
pub(crate) mod notifications;
pub(crate) mod oauth;
mod peer;
mod pexip;
mod policyserver;
mod routes;
pub(crate) mod serverinfo;
pub(crate) mod sessions;
pub(crate) mod subscribers;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, any, get};

use crate::app::App;
use crate::auth::caller::{Authorized, Caller};
use crate::auth::endpoint::Permission;
use crate::clock::{self, Millis};
use crate::publish::{Live, LiveRealm};
use answer::{Answer, Layout};
use crest::operation;
use crest::parameters::Parameters;
use crest::path::{self, Style};
use crest::version::Requested;
use error::ApiError;
use json_body::Limit;
use media_type::MediaType;
use oauth::caller::{Authorization, CallerError, authorization};
use peer::PeerAddress;
use routes::Routes;

/// The server's whole surface.
pub(crate) fn router(app: Arc<App>) -> Router {
    let router = routes(&app.config.deployments)
        .into_router()
        .fallback(nothing);
    if app.config.cors_origins.is_empty() {
        return router.with_state(app);
    }
    let layer = middleware::from_fn_with_state(Arc::clone(&app), cors::layer);
    router.layer(layer).with_state(app)
}

/// The paths of all routes for these deployment paths; in place of the one below `json`, those of its endpoints.
pub(crate) fn paths(deployments: &[String]) -> Vec<String> {
    let (below_json, mut paths): (Vec<String>, Vec<String>) = routes(deployments)
        .into_paths()
        .into_iter()
        .partition(|path| path.ends_with(BELOW_JSON));
    for all in below_json {
        let endpoints = ENDPOINTS.iter().chain(&manage::ENDPOINTS);
        let json = all.trim_end_matches("{*path}");
        paths.extend(endpoints.map(|endpoint| format!("{json}realms/{{realm}}/{endpoint}")));
    }
    paths
}

const BELOW_JSON: &str = "/json/{*path}";

/// Endpoints below `json` beside those that administer something.
const ENDPOINTS: [&str; 3] = ["authenticate", "sessions", "serverinfo"];

fn routes(deployments: &[String]) -> Routes {
    let mut routes = oauth::routes()
        .merge(policyserver::routes())
        .merge(pexip::routes())
        .merge(elasticsearch::routes())
        .route("/openapi.json", only(get(description::document)))
        .route("/health/live", only(get(health::live)))
        .route("/health/ready", only(get(health::ready)))
        .route(
            "/.well-known/assize-bundle-keys",
            only(get(bundles::keys::published)),
        );
    for deployment in deployments {
        routes = routes
            .route(&format!("{deployment}{BELOW_JSON}"), any(json))
            .route(
                &format!("{deployment}/notifications"),
                only(get(notifications::connect)),
            )
            .route(
                &format!("{deployment}/isAlive.jsp"),
                only(get(health::alive_page)),
            );
    }
    routes
}

/// Refuses other methods in the shape of all errors; the router adds `Allow` (RFC 9110 §15.5.6).
fn only(route: MethodRouter<Arc<App>>) -> MethodRouter<Arc<App>> {
    route.fallback(async || ApiError::method_not_allowed())
}

async fn nothing(request: Request) -> Response<Body> {
    elasticsearch::nothing(&request).unwrap_or_else(|| {
        let path = request.uri().path().trim_start_matches('/');
        ApiError::no_such_resource(path).into_response()
    })
}

/// A REST request whose path, version and operation are known, and whose caller is not.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) parameters: Parameters,
    pub(crate) requested: Requested,
    pub(crate) body: Bytes,
    pub(crate) live: Arc<Live>,
    pub(crate) realm: Arc<LiveRealm>,
    pub(crate) style: Style,
    /// `/am`
    pub(crate) deployment: String,
    pub(crate) peer: IpAddr,
    pub(crate) now: Millis,
}

impl Call {
    /// The caller, if there is one.
    pub(crate) async fn find_caller(&self, app: &App) -> Result<Option<Caller>, ApiError> {
        if self.parameters.first("access_token").is_some()
            && let Ok(Some(Authorization::Bearer(_))) = authorization(&self.headers)
        {
            return Err(CallerError::Malformed("There is more than one token").into());
        }
        Caller::find(app, &self.headers, &self.live, self.now).await
    }

    /// The caller, who must be known.
    pub(crate) async fn caller(&self, app: &App) -> Result<Caller, ApiError> {
        let found = self.find_caller(app).await?;
        found.ok_or_else(ApiError::unauthorized)
    }

    /// The caller, who must be allowed something in the realm of the path; this keeps the caller's session alive.
    pub(crate) async fn authorized(
        &self,
        app: &App,
        permission: Permission,
    ) -> Result<Authorized, ApiError> {
        let caller = self.caller(app).await?;
        let authorized = Authorized::check(caller, permission, &self.realm.path)?;
        authorized.caller().touch(app, self.now);
        Ok(authorized)
    }

    /// The revision that the client wants to change, without its quotes. `*` stands for any, and so does a small number:
    /// no endpoint gives such a revision, and AM, which looks at none, has taught clients to send 0 or 1.
    fn if_match(&self) -> Option<&str> {
        const LEAST_REVISION: u32 = 1000;
        let value = self.headers.get(header::IF_MATCH)?.to_str().ok()?;
        let value = value.trim().trim_matches('"');
        let placeholder = value.parse().is_ok_and(|n: u32| n < LEAST_REVISION);
        (value != "*" && !placeholder).then_some(value)
    }

    /// Whether the client wants to change a revision that it knows, and no other.
    pub(crate) fn has_if_match(&self) -> bool {
        self.if_match().is_some()
    }

    /// # Errors
    /// 412 where the client wants to change another revision than the one there is.
    pub(crate) fn check_if_match(&self, revision: &str) -> Result<(), ApiError> {
        match self.if_match() {
            Some(wanted) if wanted != revision => Err(ApiError::new(
                StatusCode::PRECONDITION_FAILED,
                format!("If-Match asks for revision {wanted}, and the resource is at {revision}"),
            )),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// 304 where the client has the revision that it would be given.
    pub(crate) fn check_if_none_match(&self, answer: Answer) -> Result<Answer, ApiError> {
        let known = self.headers.get(header::IF_NONE_MATCH);
        let known = known.and_then(|value| value.to_str().ok());
        match (&answer.revision, known) {
            (Some(revision), Some(known)) if known.trim_matches('"') == revision => {
                Err(ApiError::new(StatusCode::NOT_MODIFIED, "Not Modified"))
            }
            _ => Ok(answer),
        }
    }

    /// The same request with another body.
    pub(crate) fn with_body(&self, body: Bytes) -> Call {
        Call {
            body,
            ..self.clone()
        }
    }

    /// The same request as if it had come only now; `None` where its realm is gone.
    pub(crate) fn as_of(&self, live: Arc<Live>) -> Option<Call> {
        let realm = live.realm(&self.realm.path)?;
        Some(Call {
            live,
            realm,
            ..self.clone()
        })
    }

    /// `http://host/am/json/realms/root/realms/a/policies`: where the collection of the request is.
    pub(crate) fn collection_url(&self, app: &App, endpoint: &str) -> String {
        let scheme = if app.config.tls() { "https" } else { "http" };
        let host = self
            .headers
            .get(header::HOST)
            .and_then(|h| h.to_str().ok())
            .unwrap_or_default();
        let below: String = self
            .realm
            .path
            .elements()
            .map(|name| format!("/realms/{name}"))
            .collect();
        format!(
            "{scheme}://{host}{}/json/realms/root{below}/{endpoint}",
            self.deployment
        )
    }
}

async fn json(
    State(app): State<Arc<App>>,
    PeerAddress(peer): PeerAddress,
    request: Request,
) -> Response<Body> {
    let (head, body) = request.into_parts();
    if head.method == Method::OPTIONS {
        return options();
    }
    let body = match json_body::bytes(body, Limit::Setting(app.config.body_bytes)).await {
        Ok(body) => body,
        Err(fault) => return ApiError::from(fault).into_response(),
    };
    if let Some(sent) = MediaType::of(&head.headers)
        && sent.is_one_of(&[media_type::JSON])
        && let Err(fault) = json_body::check_charset_of(&sent, &body)
    {
        return ApiError::from(fault).into_response();
    }
    let parameters = match Parameters::parse(head.uri.query()) {
        Ok(parameters) => parameters,
        Err(error) => return error.into_response(),
    };
    let layout = match parameters.single("_prettyPrint") {
        Ok(Some(value)) if value.eq_ignore_ascii_case("true") => Layout::Pretty,
        Ok(_) => Layout::Compact,
        Err(error) => return error.into_response(),
    };
    let live = app.publisher.live_now();
    let (deployment, below) = split(head.uri.path());
    let host = head
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let target = match path::resolve(&live, (head.uri.path(), below), &parameters, host) {
        Ok(target) => target,
        Err(error) => return error.into_response(),
    };
    let requested = match Requested::of(&head.headers) {
        Ok(requested) => requested,
        Err(error) => return error.into_response(),
    };
    let call = Call {
        method: head.method,
        headers: head.headers,
        parameters,
        requested,
        body,
        live,
        realm: target.realm,
        style: target.style,
        deployment: deployment.to_owned(),
        peer,
        now: clock::now(),
    };
    if let Some(asked) = bundles::asked(&call, &target.endpoint) {
        return Box::pin(bundles::handle(&app, &call, asked)).await;
    }
    let answered = match target.endpoint.as_slice() {
        [endpoint] if endpoint == "policies" && evaluate::is_asked(&call) => {
            evaluate::handle(&app, &call).await
        }
        // What comes less often is kept on the heap: the futures of all endpoints together are many times as large as
        // that of an evaluation, and would be moved with every one.
        [endpoint] if endpoint == "authenticate" => {
            return Box::pin(authenticate::handle(&app, &call)).await;
        }
        endpoint => Box::pin(dispatch(&app, &call, endpoint)).await,
    };
    match answered {
        Ok(answer) => answer.into_response(layout),
        Err(error) => error.into_response(),
    }
}

/// What AM's servlet container says of any path, whatever is there.
fn options() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let allow = HeaderValue::from_static("TRACE");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

/// The other CREST endpoints. What can be said about a request without its caller is said first.
async fn dispatch(app: &App, call: &Call, endpoint: &[String]) -> Result<Answer, ApiError> {
    let endpoint: Vec<&str> = endpoint.iter().map(String::as_str).collect();
    let operation = operation::of(
        &call.method,
        &call.headers,
        &call.parameters,
        &call.requested,
    )?;
    call.well_formed(&operation)?;
    operation::check_parameters(&operation, &call.parameters)?;
    match (endpoint.as_slice(), operation) {
        (["sessions"], operation) => sessions::handle(app, call, None, operation).await,
        (["sessions", token], operation) => {
            sessions::handle(app, call, Some(token), operation).await
        }
        (["serverinfo"], operation) => serverinfo::handle(app, call, None, operation).await,
        (["serverinfo", id], operation) => serverinfo::handle(app, call, Some(id), operation).await,
        (endpoint, operation) => manage::handle(app, call, endpoint, operation).await,
    }
}

/// `/am/json/x/y` → (`/am`, `x/y`).
fn split(path: &str) -> (&str, &str) {
    let after = path.get(1..).unwrap_or_default();
    let deployment_end = after.find('/').map_or(path.len(), |at| at + 1);
    let (deployment, rest) = path.split_at(deployment_end);
    (deployment, rest.strip_prefix("/json/").unwrap_or(rest))
}
