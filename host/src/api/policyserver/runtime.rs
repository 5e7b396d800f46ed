//! What users may do: claims in, roles and permissions out.

use axum::body::Body;
use axum::extract::{Path, RawQuery};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use super::super::crest::parameters::Parameters;
use super::super::oauth::error::answer;
use super::caller::Enforcer;
use super::document::Document;
use super::error::Refusal;
use crate::limits::HIERARCHY_CLAIMS;
use crate::policyserver::entry::Policy;
use crate::policyserver::grants::{self, Claims, ClaimsError, Reach};
use crate::policyserver::hierarchy::Hierarchy;

type Answered = Result<Response<Body>, Refusal>;

/// The only version of this API that there is.
const VERSION: &str = "1";

/// `GET /runtime`: the latest version.
pub(super) async fn home(_: Enforcer, RawQuery(query): RawQuery) -> Answered {
    Query::parse(query.as_deref())?;
    Ok(answer(StatusCode::OK, &json!({"data": {"version": 1}})))
}

/// `POST /runtime/policy/{path}` with `{"Claims": [{"Type", "Value"}]}`: the roles and permissions of the user with these
/// claims in the policy with this path, names joined by `/`.
pub(super) async fn grants(
    enforcer: Enforcer,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    document: Document,
) -> Answered {
    Query::parse(query.as_deref())?;
    let claims = claims(document)?;
    let way = find(&enforcer.hierarchy, &path)?;
    let given = grants::grants(&enforcer.hierarchy, &way, &claims);
    let body = json!({"roles": given.roles, "permissions": given.permissions});
    Ok(answer(StatusCode::OK, &body))
}

/// `POST /runtime/policies`: paths of the policies at the top in which the user has anything; all beneath them too with
/// `?descendants=true`.
pub(super) async fn policies_at_the_top(
    enforcer: Enforcer,
    RawQuery(query): RawQuery,
    document: Document,
) -> Answered {
    list(&enforcer, "", query.as_deref(), document)
}

/// `POST /runtime/policies/{path}`: the same beneath a policy.
pub(super) async fn policies(
    enforcer: Enforcer,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    document: Document,
) -> Answered {
    list(&enforcer, &path, query.as_deref(), document)
}

fn list(enforcer: &Enforcer, path: &str, query: Option<&str>, document: Document) -> Answered {
    let reach = Query::parse(query)?.reach;
    let claims = claims(document)?;
    let hierarchy = &enforcer.hierarchy;
    let way = if path.is_empty() {
        Vec::new()
    } else {
        find(hierarchy, path)?
    };
    let found = grants::policies_with_grants(hierarchy, &way, &claims, reach);
    Ok(answer(StatusCode::OK, &json!({"policies": found})))
}

fn find<'a>(hierarchy: &'a Hierarchy, path: &str) -> Result<Vec<&'a Policy>, Refusal> {
    let names: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let way = hierarchy.along(&names);
    way.ok_or_else(|| Refusal::not_found("policy with the path", path))
}

/// What the query string says.
struct Query {
    reach: Reach,
}

impl Query {
    fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let unreadable = |_| Refusal::bad_request("The query string cannot be read");
        let parameters = Parameters::parse(query).map_err(unreadable)?;
        let version = parameters.single("version").map_err(unreadable)?;
        if version.is_some_and(|version| version != VERSION) {
            return Err(Refusal::bad_request("version: only version 1 is known"));
        }
        let descendants = parameters.single("descendants").map_err(unreadable)?;
        let reach = match descendants {
            None | Some("false") => Reach::Children,
            Some("true") => Reach::Descendants,
            Some(_) => return Err(Refusal::bad_request("descendants: must be true or false")),
        };
        Ok(Query { reach })
    }
}

/// The member `Claims`.
fn claims(mut document: Document) -> Result<Claims, Refusal> {
    let said = match document.take("Claims") {
        None => Vec::new(),
        Some(Value::Array(items)) if items.len() > HIERARCHY_CLAIMS => {
            let why = format!("are more than {HIERARCHY_CLAIMS}");
            document.fault("Claims", &why);
            Vec::new()
        }
        Some(Value::Array(items)) => items,
        Some(_) => {
            document.fault("Claims", "must be a list");
            Vec::new()
        }
    };
    let mut claims = Vec::with_capacity(said.len());
    for (at, claim) in said.iter().enumerate() {
        let texts = claim.as_object().map(|members| {
            let text = |wanted: &str| {
                let mut named = members.iter();
                let named = named.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                named
                    .and_then(|(_, value)| value.as_str())
                    .map(str::to_owned)
            };
            (text("Type"), text("Value"))
        });
        match texts {
            Some((Some(r#type), Some(value))) => claims.push((r#type, value)),
            _ => document.fault(
                &format!("Claims[{at}]"),
                "must be an object with the texts Type and Value",
            ),
        }
    }
    document.close()?;
    Claims::of(claims).map_err(|error| {
        Refusal::bad_request(match error {
            ClaimsError::TooManySubjects => "Too many subject ids provided.",
            ClaimsError::TooManyTenants => "Too many tenant ids provided.",
        })
    })
}
