//! Transaction conditions: satisfied once by a confirmation that fits, and else an advice with a fresh id to confirm
//! (`conditions.md` §2.16 of the specification of AM).

use std::collections::BTreeMap;
use std::sync::Arc;

use assize_script::{Failure, Resolved};

use super::{Asked, Found, Need, Question};
use crate::auth::random_uuid;
use crate::clock::Millis;
use crate::limits::{TRANSACTION_IDS_PER_REQUEST, TRANSACTIONS_PER_SESSION};
use crate::store::transactions::{BoundTo, TransactionRow};
use crate::store::{Store, StoreError};

/// The advice that asks for a confirmation.
pub(crate) const ADVICE: &str = "TransactionConditionAdvice";
/// The environment key that names confirmed transactions.
const ENVIRONMENT: &str = "TxId";

/// Why a transaction was not confirmed.
#[derive(Debug)]
pub(crate) enum ConfirmError {
    /// It is unknown, over, confirmed before, or somebody else's: the client learns no more.
    NoSuchTransaction,
    Store(StoreError),
}

impl From<StoreError> for ConfirmError {
    fn from(error: StoreError) -> Self {
        ConfirmError::Store(error)
    }
}

/// Transactions of all realms.
pub(crate) struct Transactions {
    store: Arc<dyn Store>,
    /// How long one may be confirmed and used, milliseconds.
    lifetime: Millis,
}

impl Transactions {
    pub(super) fn new(store: Arc<dyn Store>, seconds: u32) -> Self {
        Transactions {
            store,
            lifetime: i64::from(seconds) * 1000,
        }
    }

    /// Resolves transaction conditions: with a confirmation that the environment names, or with an advice.
    ///
    /// INVARIANT: whatever goes wrong here is an error or an unsatisfied condition; a transaction that was not used up in
    /// the store never satisfies one.
    pub(super) async fn resolve(&self, asked: &Asked<'_>, needs: &[&Need]) -> Vec<(String, Found)> {
        let mut found = Vec::with_capacity(needs.len());
        let mut fresh = Vec::new();
        for need in needs {
            let (Some(bound), Some(session)) = (bound(asked, need), asked.subject.session) else {
                let text = "a transaction needs a subject with a session";
                found.push((need.id.clone(), Err(Failure::Lasting(text.to_owned()))));
                continue;
            };
            let result = match self.is_used(asked, &bound).await {
                Ok(true) => Ok(resolved(true, None)),
                Ok(false) => match random_uuid() {
                    Ok(id) => {
                        fresh.push(TransactionRow {
                            id: id.clone(),
                            bound,
                            realm: session.realm.key(),
                            user_key: session.user_key.clone(),
                            expires: asked.now.saturating_add(self.lifetime),
                            confirmed: false,
                        });
                        Ok(resolved(false, Some(id)))
                    }
                    Err(error) => Err(Failure::Passing(error.to_string())),
                },
                Err(error) => Err(Failure::Passing(error.to_string())),
            };
            found.push((need.id.clone(), result));
        }
        if !fresh.is_empty()
            && let Err(error) = self
                .store
                .add_transactions(&fresh, TRANSACTIONS_PER_SESSION)
                .await
        {
            // An id that nobody can confirm is no advice.
            for (_, result) in &mut found {
                if matches!(result, Ok(resolved) if !resolved.satisfied) {
                    *result = Err(Failure::Passing(error.to_string()));
                }
            }
        }
        found
    }

    /// Whether one of the confirmations that the environment names was good for this, and is used up now.
    async fn is_used(&self, asked: &Asked<'_>, bound: &BoundTo) -> Result<bool, StoreError> {
        let ids = asked.environment.get(ENVIRONMENT).map(Vec::as_slice);
        for id in ids
            .unwrap_or_default()
            .iter()
            .take(TRANSACTION_IDS_PER_REQUEST)
        {
            if self.store.use_transaction(id, bound, asked.now).await? {
                tracing::info!(resource = bound.resource, "transaction used");
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A transaction that can still be confirmed.
    pub(crate) async fn pending(
        &self,
        id: &str,
        now: Millis,
    ) -> Result<TransactionRow, ConfirmError> {
        let row = self.store.transaction(id).await?;
        row.filter(|row| !row.confirmed && row.expires > now)
            .ok_or(ConfirmError::NoSuchTransaction)
    }

    /// Confirms a transaction for a user who has just proved who it is.
    ///
    /// # Errors
    /// It is somebody else's, over, or confirmed before; the store did not answer.
    pub(crate) async fn confirm(
        &self,
        id: &str,
        realm: &str,
        user_key: &str,
        now: Millis,
    ) -> Result<(), ConfirmError> {
        let row = self.pending(id, now).await?;
        if row.realm != realm || row.user_key != user_key {
            return Err(ConfirmError::NoSuchTransaction);
        }
        if self.store.confirm_transaction(id, now).await? {
            Ok(())
        } else {
            Err(ConfirmError::NoSuchTransaction)
        }
    }

    /// Forgets those whose time is over; for a background task.
    pub(crate) async fn remove_expired(&self, now: Millis) -> Result<(), StoreError> {
        self.store.delete_expired_transactions(now).await.map(drop)
    }
}

fn bound(asked: &Asked<'_>, need: &Need) -> Option<BoundTo> {
    let Question::Transaction {
        authentication_strategy,
        strategy_specifier,
    } = &need.question
    else {
        return None;
    };
    Some(BoundTo {
        session: asked.subject.session?.handle(),
        policy_realm: asked.realm.key.clone(),
        policy_set: asked.policy_set.to_lowercase(),
        resource: need.resource.clone(),
        strategy: authentication_strategy.clone(),
        specifier: strategy_specifier.clone(),
    })
}

/// The result of a condition. Its ttl is 0: a confirmation is good for one decision, and a refusal may be over at once.
fn resolved(satisfied: bool, id: Option<String>) -> Resolved {
    let advices = id.map(|id| (ADVICE.to_owned(), vec![id]));
    Resolved {
        satisfied,
        advices: advices.into_iter().collect(),
        attributes: BTreeMap::new(),
        ttl: 0,
    }
}
