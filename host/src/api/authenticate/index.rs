//! `authIndexType` and `authIndexValue`: which chain, module or level a log-in asks for.

use axum::http::StatusCode;

use super::super::crest::parameters::Parameters;
use super::super::error::ApiError;
use crate::auth::plan::{Configured, Plan};
use crate::auth::session::Session;
use crate::documents::authentication::CHAIN;

/// What a log-in asks for, as it was given: the next step of the log-in repeats it.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    pub(super) kind: Option<String>,
    pub(super) value: Option<String>,
}

/// What to go through, and whether a session that went through it already will do.
pub(super) struct Wanted {
    pub(super) plan: Plan,
    /// Nothing in particular was asked for: any session will do.
    anything: bool,
    /// A level rather than a module was asked for.
    level: Option<i64>,
}

impl Index {
    pub(super) fn of(parameters: &Parameters) -> Self {
        let own = |name: &str| parameters.first(name).map(str::to_owned);
        Index {
            kind: own("authIndexType"),
            value: own("authIndexValue"),
        }
    }

    /// Finds what is asked for among the modules and chains of the realm.
    ///
    /// # Errors
    /// 400 for an unknown type, or for a chain, module or level that is not there; 401 for a transaction.
    pub(super) async fn wanted(&self, realm: &Configured<'_>) -> Result<Wanted, ApiError> {
        let value = self.value.as_deref().unwrap_or_default();
        let kind = self.kind.as_deref().map(str::to_lowercase);
        match kind.as_deref() {
            None | Some("resource") => Ok(Wanted {
                anything: true,
                ..chain(realm, CHAIN).await?
            }),
            Some("user") if !value.is_empty() => chain(realm, CHAIN).await,
            Some("service") => chain(realm, value).await,
            Some("module") => module(realm, value).await,
            Some("level") => level(realm, value).await,
            Some("composite_advice" | "composite") => advised(realm, value).await,
            Some("user" | "role") => Err(missing()),
            Some(_) => Err(ApiError::bad_request("Unknown Authentication Index Type")),
        }
    }
}

impl Wanted {
    /// Whether a session has been through what is asked for, so that no new log-in is needed.
    pub(super) fn is_met_by(&self, session: &Session) -> bool {
        match self.level {
            _ if self.anything => true,
            Some(level) => session.level() >= level,
            None => self.plan.is_met_by(session),
        }
    }
}

fn missing() -> ApiError {
    ApiError::bad_request("No Configuration found")
}

fn of_plan(plan: Plan) -> Wanted {
    Wanted {
        plan,
        anything: false,
        level: None,
    }
}

async fn chain(realm: &Configured<'_>, name: &str) -> Result<Wanted, ApiError> {
    let plan = realm.chain(name).await?;
    plan.map(of_plan).ok_or_else(missing)
}

async fn module(realm: &Configured<'_>, name: &str) -> Result<Wanted, ApiError> {
    let module = realm.module(name).await?.ok_or_else(missing)?;
    Ok(of_plan(Plan {
        service: None,
        modules: vec![module],
    }))
}

async fn level(realm: &Configured<'_>, text: &str) -> Result<Wanted, ApiError> {
    let level = text.trim().parse().map_err(|_| missing())?;
    let module = realm.module_of_level(level).await?.ok_or_else(missing)?;
    let plan = Plan {
        service: None,
        modules: vec![module],
    };
    Ok(Wanted {
        level: Some(level),
        ..of_plan(plan)
    })
}

/// The advices of an evaluate answer as AM's clients send them back:
/// `<Advices><AttributeValuePair><Attribute name="…"/><Value>…</Value>…</AttributeValuePair>…</Advices>`. The log-in goes
/// through all that they ask for.
async fn advised(realm: &Configured<'_>, xml: &str) -> Result<Wanted, ApiError> {
    let mut plan = Plan::default();
    for pair in xml.split("<AttributeValuePair>").skip(1) {
        let name = between(pair, "name=\"", "\"").ok_or_else(missing)?;
        for value in pair.split("<Value>").skip(1) {
            let value = value.split("</Value>").next().unwrap_or_default().trim();
            // Names may have their realm before them.
            let plain = value.split_once(':').map_or(value, |(_, plain)| plain);
            let step = match name {
                "AuthenticateToServiceConditionAdvice" => chain(realm, plain).await?,
                "AuthSchemeConditionAdvice" => module(realm, plain).await?,
                "AuthLevelConditionAdvice" => level(realm, plain).await?,
                "AuthenticateToRealmConditionAdvice"
                    if value.eq_ignore_ascii_case(realm.realm_key) =>
                {
                    chain(realm, CHAIN).await?
                }
                "TransactionConditionAdvice" => {
                    return Err(ApiError::new(
                        StatusCode::UNAUTHORIZED,
                        "The transaction is unknown, over or used up",
                    ));
                }
                _ => return Err(missing()),
            };
            plan.service = plan.service.or(step.plan.service);
            for module in step.plan.modules {
                plan.add(module);
            }
        }
    }
    if plan.modules.is_empty() {
        return Err(missing());
    }
    Ok(of_plan(plan))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?
        .1
        .split_once(after)
        .map(|(inner, _)| inner)
}
