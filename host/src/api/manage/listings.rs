//! Read-only listings: which types of conditions, subjects, policy sets and combiners there are (`management-rest.md` §7).

use serde_json::{Map, Value, json};

use super::rows::{self, Remaining, Row};
use super::{Place, Wanted, guard, single};
use crate::api::Call;
use crate::api::answer::Answer;
use crate::api::crest::operation::Operation;
use crate::api::crest::path::Style;
use crate::api::crest::version::Version;
use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::endpoint::Endpoint;
use crate::documents::{Members, identity};
use crate::store::Kind;

const ROUTES: [(Version, &str); 1] = [(Version(1, 0), "resource=1.0")];

/// The listing that an endpoint is.
pub(super) fn listing(endpoint: &str) -> Option<Endpoint> {
    Some(match endpoint {
        "applicationtypes" => Endpoint::ApplicationTypes,
        "conditiontypes" => Endpoint::ConditionTypes,
        "subjecttypes" => Endpoint::SubjectTypes,
        "decisioncombiners" => Endpoint::DecisionCombiners,
        "subjectattributes" => Endpoint::SubjectAttributes,
        _ => return None,
    })
}

/// Answers any request of a listing.
pub(super) async fn handle(
    app: &App,
    call: &Call,
    (endpoint, name): (Endpoint, &str),
    place: Place<'_>,
    operation: Operation,
) -> Result<Answer, ApiError> {
    // All but the attributes are mounted at the root, and the old style does not lead there from a realm.
    if endpoint != Endpoint::SubjectAttributes
        && call.style == Style::Old
        && !call.realm.path.is_root()
    {
        let path: Vec<&str> = [name].iter().chain(place.0).copied().collect();
        return Err(ApiError::no_such_resource(&path.join("/")));
    }
    let listed = endpoint != Endpoint::SubjectAttributes;
    place.check_creation(&operation).map_err(|error| {
        if listed {
            ApiError::bad_request("No new resource ID in HTTP PUT request")
        } else {
            error
        }
    })?;
    guard::check(app, call, &operation, endpoint).await?;
    let served = call
        .requested
        .route(&ROUTES)
        .ok_or_else(|| place.no_such_version(name, &operation))?;
    let told = |error: ApiError| error.served(served);
    let id = place.settled(&operation).map_err(told)?;
    let annotated = !matches!(
        endpoint,
        Endpoint::ApplicationTypes | Endpoint::SubjectAttributes
    );
    let unsupported = |name: &str| {
        ApiError::not_implemented(if annotated {
            format!("{name} not supported")
        } else {
            "Operation is not supported.".into()
        })
        .served(served)
    };
    match Wanted::of(operation, id).map_err(told)? {
        Wanted::Query if endpoint == Endpoint::SubjectAttributes => {
            attributes(app, call, served).await
        }
        Wanted::Query => {
            rows::filter(call)?;
            let mut list = rows_of(endpoint);
            list.sort_by(|a, b| a.0.cmp(&b.0));
            let rows = list
                .into_iter()
                .map(|(id, members)| Row {
                    id,
                    revision: None,
                    members,
                })
                .collect();
            rows::answer(call, served, rows, Remaining::Counted)
        }
        Wanted::Read(id) if endpoint != Endpoint::SubjectAttributes => {
            let found = rows_of(endpoint).into_iter().find(|(name, _)| name == id);
            let (name, members) =
                found.ok_or_else(|| ApiError::not_found("Not Found").served(served))?;
            Ok(single(
                call,
                served,
                &name,
                Some(call.live.revision.to_string()),
                members,
            ))
        }
        Wanted::Read(_) => Err(unsupported("Read")),
        Wanted::Create | Wanted::CreateWithId(_) | Wanted::Upsert(_) => Err(unsupported("Create")),
        Wanted::Update(_) => Err(unsupported("Update")),
        Wanted::Delete(_) => Err(unsupported("Delete")),
        Wanted::Patch => Err(unsupported("Patch")),
        Wanted::Action(action) if annotated => {
            Err(ApiError::not_implemented(format!("{action}not supported")).served(served))
        }
        Wanted::Action(_) => Err(unsupported("Action")),
    }
}

fn rows_of(endpoint: Endpoint) -> Vec<(String, Members)> {
    let object = |value: Value| match value {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    match endpoint {
        Endpoint::ConditionTypes => conditions()
            .into_iter()
            .map(|(title, logical, properties)| {
                (title.to_owned(), typed(title, logical, properties))
            })
            .collect(),
        Endpoint::SubjectTypes => subjects()
            .into_iter()
            .map(|(title, logical, properties)| {
                (title.to_owned(), typed(title, logical, properties))
            })
            .collect(),
        Endpoint::DecisionCombiners => vec![(
            "DenyOverride".to_owned(),
            object(json!({"title": "DenyOverride"})),
        )],
        _ => application_types()
            .into_iter()
            .map(|(name, members)| (name.to_owned(), object(members)))
            .collect(),
    }
}

fn typed(title: &str, logical: bool, properties: Value) -> Members {
    let mut members = Map::new();
    members.insert("title".into(), title.into());
    members.insert("logical".into(), logical.into());
    members.insert(
        "config".into(),
        json!({"type": "object", "properties": properties}),
    );
    members
}

/// Title, whether it combines others, and the JSON schema of its members.
fn conditions() -> Vec<(&'static str, bool, Value)> {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    let integer = || json!({"type": "integer"});
    let ip = || json!({"startIp": text(), "endIp": text(), "dnsName": texts()});
    vec![
        (
            "AMIdentityMembership",
            false,
            json!({"amIdentityName": texts()}),
        ),
        ("AND", true, json!({"conditions": {"type": "array"}})),
        ("AuthLevel", false, json!({"authLevel": integer()})),
        (
            "AuthScheme",
            false,
            json!({"authScheme": texts(), "applicationIdleTimeout": integer(), "applicationName": text()}),
        ),
        (
            "AuthenticateToRealm",
            false,
            json!({"authenticateToRealm": text()}),
        ),
        (
            "AuthenticateToService",
            false,
            json!({"authenticateToService": text()}),
        ),
        ("IPv4", false, ip()),
        ("IPv6", false, ip()),
        ("LDAPFilter", false, json!({"ldapFilter": text()})),
        ("LEAuthLevel", false, json!({"authLevel": integer()})),
        (
            "NOT",
            true,
            json!({"condition": {"type": "object", "properties": {}}}),
        ),
        ("OAuth2Scope", false, json!({"requiredScopes": texts()})),
        ("OR", true, json!({"conditions": {"type": "array"}})),
        (
            "Policy",
            false,
            json!({"className": text(), "properties": {"type": "object"}}),
        ),
        (
            "ResourceEnvIP",
            false,
            json!({"resourceEnvIPConditionValue": texts()}),
        ),
        ("Script", false, json!({"scriptId": text()})),
        (
            "Session",
            false,
            json!({"maxSessionTime": integer(), "terminateSession": {"type": "boolean", "required": true}}),
        ),
        (
            "SessionProperty",
            false,
            json!({"ignoreValueCase": {"type": "boolean", "required": true}, "properties": {"type": "object"}}),
        ),
        (
            "SimpleTime",
            false,
            json!({
                "startTime": text(), "endTime": text(), "startDay": text(), "endDay": text(),
                "startDate": text(), "endDate": text(), "enforcementTimeZone": text(),
            }),
        ),
        (
            "Transaction",
            false,
            json!({"authenticationStrategy": text(), "strategySpecifier": text()}),
        ),
    ]
}

fn subjects() -> Vec<(&'static str, bool, Value)> {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": {"type": "string"}});
    vec![
        ("AND", true, json!({"subjects": {"type": "array"}})),
        ("AuthenticatedUsers", false, json!({})),
        ("Identity", false, json!({"subjectValues": texts()})),
        (
            "JwtClaim",
            false,
            json!({"claimName": text(), "claimValue": text()}),
        ),
        ("NONE", false, json!({})),
        (
            "NOT",
            true,
            json!({"subject": {"type": "object", "properties": {}}}),
        ),
        ("OR", true, json!({"subjects": {"type": "array"}})),
        (
            "Policy",
            false,
            json!({"name": text(), "className": text(), "values": texts()}),
        ),
    ]
}

fn application_types() -> Vec<(&'static str, Value)> {
    let row = |name: &str, actions: &[&str], comparator: &str| {
        let actions: Map<String, Value> = actions
            .iter()
            .map(|action| ((*action).to_owned(), true.into()))
            .collect();
        json!({
            "name": name,
            "actions": actions,
            "resourceComparator": comparator,
            "saveIndex": "org.forgerock.openam.entitlement.indextree.TreeSaveIndex",
            "searchIndex": "org.forgerock.openam.entitlement.indextree.TreeSearchIndex",
            "applicationClassName": "com.sun.identity.entitlement.Application",
        })
    };
    let url = "com.sun.identity.entitlement.URLResourceName";
    let web = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];
    vec![
        (
            "iPlanetAMWebAgentService",
            row("iPlanetAMWebAgentService", &web, url),
        ),
        (
            "sunAMDelegationService",
            row(
                "sunAMDelegationService",
                &["READ", "MODIFY", "DELEGATE"],
                url,
            ),
        ),
        (
            "umaApplicationType",
            row(
                "umaApplicationType",
                &[],
                "org.forgerock.openam.uma.UmaPolicyResourceMatcher",
            ),
        ),
    ]
}

/// Attributes that `User` response attributes can name: those that users of the realm have, and the usual ones.
async fn attributes(app: &App, call: &Call, served: &'static str) -> Result<Answer, ApiError> {
    let mut names: std::collections::BTreeSet<String> =
        ["cn", "givenName", "mail", "sn", "telephoneNumber", "uid"]
            .into_iter()
            .map(str::to_owned)
            .collect();
    for user in app.store.objects(Kind::User, &call.realm.key).await? {
        names.extend(identity::user_attributes(&user).into_keys());
    }
    let rows: Vec<Value> = names
        .into_iter()
        .map(|name| {
            if call.requested.is_protocol_one() {
                Value::from(name)
            } else {
                json!({"_id": name, "_rev": call.live.revision.to_string(), "content": [name]})
            }
        })
        .collect();
    Ok(Answer::value(
        served,
        json!({
            "resultCount": rows.len(),
            "result": rows,
            "pagedResultsCookie": null,
            "totalPagedResultsPolicy": "EXACT",
            "totalPagedResults": 0,
            "remainingPagedResults": -1,
        }),
    ))
}
