//! `authIndexType` and `authIndexValue`: which chain, module or level a log-in asks for.

use axum::http::StatusCode;

use super::super::crest::parameters::Parameters;
use super::super::error::ApiError;
use super::{CHAIN, MODULE, made_by};
use crate::auth::session::Session;

/// What a log-in asks for; all of it leads to the one way of logging in that there is.
pub(super) struct Index {
    kind: Option<String>,
    value: Option<String>,
    wanted: Wanted,
}

enum Wanted {
    Anything,
    Chain,
    Module,
}

impl Index {
    /// # Errors
    /// 400 for an unknown type, or for a chain, module or level that is not there; 401 for a transaction.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, ApiError> {
        let own = |name: &str| parameters.first(name).map(str::to_owned);
        let (kind, value) = (own("authIndexType"), own("authIndexValue"));
        let wanted = match &kind {
            None => Wanted::Anything,
            Some(kind) => wanted(&kind.to_lowercase(), value.as_deref().unwrap_or_default())?,
        };
        Ok(Index {
            kind,
            value,
            wanted,
        })
    }

    /// Type and value as they were given, for the `authId`.
    pub(super) fn as_given(&self) -> (Option<String>, Option<String>) {
        (self.kind.clone(), self.value.clone())
    }

    /// Whether a session fulfils what is asked for, so that no new log-in is needed.
    pub(super) fn is_met_by(&self, session: &Session) -> bool {
        match self.wanted {
            Wanted::Anything => true,
            Wanted::Chain => made_by(session, "Service", CHAIN),
            Wanted::Module => made_by(session, "AuthType", MODULE),
        }
    }
}

fn wanted(kind: &str, value: &str) -> Result<Wanted, ApiError> {
    let missing = || ApiError::bad_request("No Configuration found");
    match kind {
        "service" if value == CHAIN => Ok(Wanted::Chain),
        "module" if value == MODULE => Ok(Wanted::Module),
        // Log-ins here have level 0.
        "level" if value.trim().parse::<i64>().is_ok_and(|level| level <= 0) => Ok(Wanted::Module),
        "user" if !value.is_empty() => Ok(Wanted::Chain),
        "resource" => Ok(Wanted::Anything),
        "composite_advice" => advised(value),
        "service" | "module" | "level" | "user" | "role" | "composite" => Err(missing()),
        _ => Err(ApiError::bad_request("Unknown Authentication Index Type")),
    }
}

/// The advices of an evaluate answer as AM's clients send them back:
/// `<Advices><AttributeValuePair><Attribute name="…"/><Value>…</Value></AttributeValuePair></Advices>`.
fn advised(xml: &str) -> Result<Wanted, ApiError> {
    let missing = || ApiError::bad_request("No Configuration found");
    let mut wanted = None;
    for pair in xml.split("<AttributeValuePair>").skip(1) {
        let name = between(pair, "name=\"", "\"").ok_or_else(missing)?;
        let value = between(pair, "<Value>", "</Value>").ok_or_else(missing)?;
        let plain = value.split_once(':').map_or(value, |(_, plain)| plain);
        wanted = Some(match name {
            "AuthenticateToServiceConditionAdvice" if plain == CHAIN => Wanted::Chain,
            "AuthSchemeConditionAdvice" if plain == MODULE => Wanted::Module,
            "AuthLevelConditionAdvice"
                if plain.trim().parse::<i64>().is_ok_and(|level| level <= 0) =>
            {
                Wanted::Module
            }
            "TransactionConditionAdvice" => {
                return Err(ApiError::new(
                    StatusCode::UNAUTHORIZED,
                    "The transaction is unknown, over or used up",
                ));
            }
            _ => return Err(missing()),
        });
    }
    wanted.ok_or_else(missing)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?
        .1
        .split_once(after)
        .map(|(inner, _)| inner)
}
