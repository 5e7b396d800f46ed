//! `authIndexType` and `authIndexValue`: which chain, module or level a log-in asks for.

use axum::http::StatusCode;

use super::super::crest::parameters::Parameters;
use super::super::error::ApiError;
use super::attempt::failed;
use crate::auth::plan::{Configured, Plan};
use crate::auth::session::Session;
use crate::clock::Millis;
use crate::documents::authentication::CHAIN;
use crate::outside::transactions::{ADVICE, ConfirmError, Transactions};

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
    /// The transaction that the log-in confirms; it makes no session then.
    pub(super) transaction: Option<String>,
}

/// Where what is asked for is looked up.
pub(super) struct Lookup<'a> {
    pub(super) realm: Configured<'a>,
    pub(super) transactions: &'a Transactions,
    pub(super) now: Millis,
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
    /// 400 for an unknown type, or for a chain or level that is not there; 404 for a module that is not there; 401 for a
    /// transaction that cannot be confirmed, or for a user.
    pub(super) async fn wanted(&self, lookup: &Lookup<'_>) -> Result<Wanted, ApiError> {
        let realm = &lookup.realm;
        let value = self.value.as_deref().unwrap_or_default();
        let kind = self.kind.as_deref().map(str::to_lowercase);
        match kind.as_deref() {
            None | Some("resource") => Ok(Wanted {
                anything: true,
                ..chain(realm, CHAIN).await?
            }),
            Some("service") => chain(realm, value).await,
            Some("module") => module(realm, value).await?.ok_or_else(no_such_module),
            Some("level") => level(realm, value).await,
            Some("composite_advice" | "composite") => advised(lookup, value).await,
            Some("transaction") => transaction(lookup, value).await,
            // No user has a chain of their own.
            Some("user") => Err(failed()),
            Some("role") => Err(missing()),
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
        transaction: None,
    }
}

async fn chain(realm: &Configured<'_>, name: &str) -> Result<Wanted, ApiError> {
    let plan = realm.chain(name).await?;
    plan.map(of_plan).ok_or_else(missing)
}

async fn module(realm: &Configured<'_>, name: &str) -> Result<Option<Wanted>, ApiError> {
    let module = realm.module(name).await?;
    Ok(module.map(|module| {
        of_plan(Plan {
            service: None,
            modules: vec![module],
        })
    }))
}

fn no_such_module() -> ApiError {
    ApiError::not_found("Authentication Module Not Found.")
}

async fn level(realm: &Configured<'_>, text: &str) -> Result<Wanted, ApiError> {
    let level = text.trim().parse();
    let level = level.map_err(|_| ApiError::bad_request("Invalid Auth Level."))?;
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
///
/// A transaction counts where nothing else is asked for: AM means it to be confirmed last, with a log-in of its own.
async fn advised(lookup: &Lookup<'_>, xml: &str) -> Result<Wanted, ApiError> {
    let realm = &lookup.realm;
    let mut plan = Plan::default();
    let mut confirmed = None;
    for pair in xml.split("<AttributeValuePair>").skip(1) {
        let name = between(pair, "name=\"", "\"").ok_or_else(missing)?;
        for value in pair.split("<Value>").skip(1) {
            let value = value.split("</Value>").next().unwrap_or_default().trim();
            if name == ADVICE {
                confirmed.get_or_insert(value);
                continue;
            }
            let step = step(realm, name, value).await?;
            plan.service = plan.service.or(step.plan.service);
            for module in step.plan.modules {
                plan.add(module);
            }
        }
    }
    match confirmed {
        // ForgeRock's SDK lists several ids in one value, and goes on with the first.
        Some(ids) if plan.modules.is_empty() => {
            let first = ids.split_whitespace().next().unwrap_or_default();
            transaction(lookup, first).await
        }
        None if plan.modules.is_empty() => Err(missing()),
        _ => Ok(of_plan(plan)),
    }
}

/// What one advice asks for.
async fn step(realm: &Configured<'_>, advice: &str, value: &str) -> Result<Wanted, ApiError> {
    // Names may have their realm before them.
    let plain = value.split_once(':').map_or(value, |(_, plain)| plain);
    match advice {
        "AuthenticateToServiceConditionAdvice" => chain(realm, plain).await,
        "AuthSchemeConditionAdvice" => module(realm, plain).await?.ok_or_else(missing),
        "AuthLevelConditionAdvice" => level(realm, plain).await,
        "AuthenticateToRealmConditionAdvice" if value.eq_ignore_ascii_case(realm.realm_key) => {
            chain(realm, CHAIN).await
        }
        _ => Err(missing()),
    }
}

/// The way in which a transaction is confirmed.
async fn transaction(lookup: &Lookup<'_>, id: &str) -> Result<Wanted, ApiError> {
    let row = lookup.transactions.pending(id, lookup.now).await;
    let row = row.map_err(unconfirmed)?;
    if row.realm != lookup.realm.realm_key {
        return Err(unconfirmed(ConfirmError::NoSuchTransaction));
    }
    let advice = match row.bound.strategy.as_str() {
        // Trees are known by their name as chains are.
        "AuthenticateToTreeConditionAdvice" => "AuthenticateToServiceConditionAdvice",
        other => other,
    };
    Ok(Wanted {
        transaction: Some(row.id),
        ..step(&lookup.realm, advice, &row.bound.specifier).await?
    })
}

/// AM's answer where a transaction cannot be confirmed, whatever the reason.
pub(super) fn unconfirmed(error: ConfirmError) -> ApiError {
    match error {
        ConfirmError::NoSuchTransaction => {
            ApiError::new(StatusCode::UNAUTHORIZED, "Unable to read transaction.")
        }
        ConfirmError::Store(error) => error.into(),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?
        .1
        .split_once(after)
        .map(|(inner, _)| inner)
}
