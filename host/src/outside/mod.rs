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
use serde::{Deserialize, Serialize, Serializer};

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
#[serde(try_from = "Members")]
pub(crate) struct Need {
    pub(crate) id: String,
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
#[derive(Debug, Clone)]
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

/// The members of a need, read in one pass: serde would hold each in between to look at its type first.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Members {
    id: String,
    r#type: QuestionType,
    resource: String,
    script_id: Option<String>,
    resource_name: Option<String>,
    authentication_strategy: Option<String>,
    strategy_specifier: Option<String>,
}

#[derive(Deserialize)]
enum QuestionType {
    Script,
    Transaction,
}

impl TryFrom<Members> for Need {
    type Error = &'static str;

    fn try_from(members: Members) -> Result<Self, Self::Error> {
        let question = match members.r#type {
            QuestionType::Script => Question::Script {
                script_id: members.script_id.ok_or("a script without its id")?,
                resource_name: members.resource_name.ok_or("a script without a name")?,
            },
            QuestionType::Transaction => Question::Transaction {
                authentication_strategy: members
                    .authentication_strategy
                    .ok_or("a transaction without a strategy")?,
                strategy_specifier: members
                    .strategy_specifier
                    .ok_or("a transaction without a specifier")?,
            },
        };
        Ok(Need {
            id: members.id,
            question,
            resource: members.resource,
        })
    }
}

/// What was found out: a result, or why there is none.
pub(crate) type Found = Result<Resolved, Failure>;

/// What was found out about each need, by its id.
pub(crate) type Externals = BTreeMap<String, Found>;

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

    /// Finds out everything that a request asks for.
    pub(crate) async fn resolve(&self, asked: &Asked<'_>, needs: &[Need]) -> Externals {
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
        let mut found = Externals::new();
        if !jobs.is_empty() {
            found.extend(self.scripts.run(asked, jobs).await);
        }
        if !transactions.is_empty() {
            found.extend(self.transactions.resolve(asked, &transactions).await);
        }
        for need in surplus {
            let text = format!("a request may ask for {NEEDS_PER_REQUEST} outside conditions");
            found.insert(need.id.clone(), Err(Failure::Passing(text)));
        }
        found
    }
}

/// The object `externals` as the engine reads it (contract §3). What fails for now alone says so by its ttl: clients keep what
/// is decided without one for ever.
pub(crate) struct ExternalsJson<'a>(pub(crate) &'a Externals);

impl Serialize for ExternalsJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum External<'a> {
            Resolved {
                satisfied: bool,
                advices: &'a BTreeMap<String, Vec<String>>,
                attributes: &'a BTreeMap<String, Vec<String>>,
                ttl: i64,
            },
            Lasting {
                error: &'a str,
            },
            Passing {
                error: &'a str,
                ttl: i64,
            },
        }
        serializer.collect_map(self.0.iter().map(|(id, found)| {
            let external = match found {
                Ok(resolved) => External::Resolved {
                    satisfied: resolved.satisfied,
                    advices: &resolved.advices,
                    attributes: &resolved.attributes,
                    ttl: resolved.ttl,
                },
                Err(Failure::Lasting(error)) => External::Lasting { error },
                Err(Failure::Passing(error)) => External::Passing { error, ttl: 0 },
            };
            (id, external)
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn what_fails_for_now_alone_is_not_to_be_kept() {
        let found = [
            ("a", Failure::Lasting("no such script".to_owned())),
            ("b", Failure::Passing("the store is away".to_owned())),
        ];
        let found = found.map(|(id, failure)| (id.to_owned(), Err(failure)));
        let want = r#"{"a":{"error":"no such script"},"b":{"error":"the store is away","ttl":0}}"#;
        let text = serde_json::to_string(&ExternalsJson(&found.into())).unwrap();
        assert_eq!(text, want);
    }
}
