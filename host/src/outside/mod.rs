//! Outside conditions: what the engine cannot know and asks for (`needs`), found out here and handed back as `externals`.
//!
//! One round: whatever one request asks for is resolved together, then the same request is asked again with the results.
//! What cannot be found out is an error, which makes its condition undetermined: it denies and never allows.

mod batch;
pub(crate) mod document;
pub(crate) mod scripts;
pub(crate) mod source;
pub(crate) mod transactions;

use std::collections::BTreeMap;
use std::sync::Arc;

use assize_script::{Failure, Resolved};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::auth::session::Session;
use crate::clock::Millis;
use crate::limits::NEEDS_PER_REQUEST;
use crate::publish::LiveRealm;
use crate::store::Store;
use batch::Job;
use scripts::Scripts;
use transactions::Transactions;

/// One outside condition that the engine asks for (contract §4).
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Need {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) question: Question,
    /// The resource as it was requested.
    pub(crate) resource: String,
}

impl Need {
    pub(crate) fn is_transaction(&self) -> bool {
        matches!(self.question, Question::Transaction { .. })
    }
}

/// What an outside condition asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(crate) enum Question {
    Script {
        script_id: String,
        /// The resource in its one spelling.
        resource_name: String,
    },
    Transaction {
        authentication_strategy: String,
        strategy_specifier: String,
    },
}

/// What was found out: a result, or why there is none.
pub(crate) type Found = Result<Resolved, Failure>;

/// The request that outside conditions belong to.
pub(crate) struct Asked<'a> {
    pub(crate) realm: &'a LiveRealm,
    /// The store's revision that decides.
    pub(crate) revision: u64,
    pub(crate) now: Millis,
    /// The policy set that is asked.
    pub(crate) policy_set: &'a str,
    pub(crate) subject: Whom<'a>,
    pub(crate) environment: BTreeMap<String, Vec<String>>,
}

/// Whom the decision is about, as far as outside conditions look.
#[derive(Default)]
pub(crate) struct Whom<'a> {
    /// The first principal: a session's universal id, a token's `sub`.
    pub(crate) username: Option<&'a str>,
    /// Nothing for a token.
    pub(crate) session: Option<&'a Session>,
    /// What scripts are told of the session.
    pub(crate) told_to_scripts: Option<&'a assize_script::Session>,
}

/// Resolves outside conditions.
pub(crate) struct Outside {
    scripts: Arc<Scripts>,
    transactions: Transactions,
}

impl Outside {
    /// `transaction_seconds` is how long a transaction may be confirmed and used.
    pub(crate) fn new(store: Arc<dyn Store>, transaction_seconds: u32) -> Self {
        Outside {
            scripts: Arc::new(Scripts::new(Arc::clone(&store))),
            transactions: Transactions::new(store, transaction_seconds),
        }
    }

    /// Transactions, for the log-in that confirms one.
    pub(crate) fn transactions(&self) -> &Transactions {
        &self.transactions
    }

    /// What runs scripts, for whoever checks one before it is written.
    pub(crate) fn scripts(&self) -> &Arc<Scripts> {
        &self.scripts
    }

    /// Finds out everything that a request asks for: the JSON object `externals`.
    pub(crate) async fn resolve(&self, asked: &Asked<'_>, needs: &[Need]) -> Map<String, Value> {
        let (needs, surplus) = needs.split_at(needs.len().min(NEEDS_PER_REQUEST));
        let (mut jobs, mut transactions) = (Vec::new(), Vec::new());
        for need in needs {
            match &need.question {
                Question::Script {
                    script_id,
                    resource_name,
                } => jobs.push(Job {
                    need: need.id.clone(),
                    script: self.scripts.find(asked, script_id).await,
                    resource: resource_name.clone(),
                }),
                Question::Transaction { .. } => transactions.push(need),
            }
        }
        let mut found: Vec<(String, Found)> = Vec::with_capacity(needs.len());
        if !jobs.is_empty() {
            found.extend(self.scripts.run(asked, jobs).await);
        }
        if !transactions.is_empty() {
            found.extend(self.transactions.resolve(asked, &transactions).await);
        }
        for need in surplus {
            let text = format!("a request may ask for {NEEDS_PER_REQUEST} outside conditions");
            found.push((need.id.clone(), Err(Failure::Passing(text))));
        }
        externals(found)
    }
}

/// The JSON object `externals` (contract §3). What fails for now alone says so by its ttl: clients keep what is decided
/// without one for ever.
pub(crate) fn externals(found: impl IntoIterator<Item = (String, Found)>) -> Map<String, Value> {
    let members = found.into_iter().map(|(id, found)| {
        let result = match found {
            Ok(resolved) => json!({
                "satisfied": resolved.satisfied,
                "advices": resolved.advices,
                "attributes": resolved.attributes,
                "ttl": resolved.ttl,
            }),
            Err(Failure::Lasting(error)) => json!({"error": error}),
            Err(Failure::Passing(error)) => json!({"error": error, "ttl": 0}),
        };
        (id, result)
    });
    members.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_for_now_alone_is_not_to_be_kept() {
        let found = [
            ("a", Failure::Lasting("no such script".to_owned())),
            ("b", Failure::Passing("the store is away".to_owned())),
        ];
        let found = found.map(|(id, failure)| (id.to_owned(), Err(failure)));
        let want = json!({
            "a": {"error": "no such script"},
            "b": {"error": "the store is away", "ttl": 0},
        });
        assert_eq!(Value::from(externals(found)), want);
    }
}
