//! Transactions in a relational store.

use async_trait::async_trait;

use super::Result;
use super::database::{Columns, Database, Outcome, Transaction};
use super::relational::{RelationalStore, attempt};
use super::transactions::{BoundTo, TransactionRow, TransactionStore};
use crate::clock::Millis;

const ONE: &str = "SELECT * FROM transactions WHERE id = $1";

#[async_trait]
impl<D: Database> TransactionStore for RelationalStore<D> {
    async fn add_transactions(&self, rows: &[TransactionRow], most: u32) -> Result<()> {
        attempt!(add(&self.database, rows, most))
    }

    async fn transaction(&self, id: &str) -> Result<Option<TransactionRow>> {
        self.one(ONE, &[id.into()], read).await
    }

    async fn confirm_transaction(&self, id: &str, now: Millis) -> Result<bool> {
        let sql = "UPDATE transactions SET confirmed = 1 WHERE id = $1 AND confirmed = 0 AND expires > $2";
        let altered = attempt!(self.execute(sql, &[id.into(), now.into()], None))?;
        Ok(altered > 0)
    }

    async fn use_transaction(&self, id: &str, bound: &BoundTo, now: Millis) -> Result<bool> {
        let sql = "DELETE FROM transactions WHERE id = $1 AND confirmed = 1 AND expires > $2 AND session = $3 \
                   AND policy_realm = $4 AND policy_set = $5 AND resource = $6 AND strategy = $7 AND specifier = $8";
        let values = [
            id.into(),
            now.into(),
            (&bound.session).into(),
            (&bound.policy_realm).into(),
            (&bound.policy_set).into(),
            (&bound.resource).into(),
            (&bound.strategy).into(),
            (&bound.specifier).into(),
        ];
        let altered = attempt!(self.execute(sql, &values, None))?;
        Ok(altered > 0)
    }

    async fn delete_expired_transactions(&self, now: Millis) -> Result<u64> {
        let sql = "DELETE FROM transactions WHERE expires <= $1";
        attempt!(self.execute(sql, &[now.into()], None))
    }
}

async fn add<D: Database>(database: &D, rows: &[TransactionRow], most: u32) -> Outcome<()> {
    let mut tx = database.begin().await?;
    let mut sessions: Vec<&str> = Vec::new();
    for row in rows {
        let sql = "INSERT INTO transactions (id, session, realm, user_key, policy_realm, policy_set, resource, strategy, \
                   specifier, expires, confirmed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)";
        let bound = &row.bound;
        let values = [
            (&row.id).into(),
            (&bound.session).into(),
            (&row.realm).into(),
            (&row.user_key).into(),
            (&bound.policy_realm).into(),
            (&bound.policy_set).into(),
            (&bound.resource).into(),
            (&bound.strategy).into(),
            (&bound.specifier).into(),
            row.expires.into(),
        ];
        tx.execute(sql, &values).await?;
        if !sessions.contains(&bound.session.as_str()) {
            sessions.push(&bound.session);
        }
    }
    for session in sessions {
        // Without a greatest number SQLite takes no OFFSET, and PostgreSQL none that is negative.
        let sql = "DELETE FROM transactions WHERE id IN (SELECT id FROM transactions WHERE session = $1 \
                   ORDER BY expires DESC, id LIMIT 1000000 OFFSET $2)";
        tx.execute(sql, &[session.into(), i64::from(most).into()])
            .await?;
    }
    tx.commit().await
}

fn read<R: Columns>(row: &R) -> Outcome<TransactionRow> {
    Ok(TransactionRow {
        id: row.text("id")?,
        bound: BoundTo {
            session: row.text("session")?,
            policy_realm: row.text("policy_realm")?,
            policy_set: row.text("policy_set")?,
            resource: row.text("resource")?,
            strategy: row.text("strategy")?,
            specifier: row.text("specifier")?,
        },
        realm: row.text("realm")?,
        user_key: row.text("user_key")?,
        expires: row.number("expires")?,
        confirmed: row.number("confirmed")? != 0,
    })
}
