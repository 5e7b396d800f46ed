//! What the statements of a relational store ask of a database: the little in which SQLite and PostgreSQL differ.
//!
//! Every statement is written once, in SQL that both understand, and sent through these traits.

use std::future::Future;

use tokio::sync::broadcast;

use super::{Notice, StoreError};

/// A value of a statement's placeholder (`$1` is the first).
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    MaybeText(Option<&'a str>),
    Number(i64),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(text)
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Number(number)
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Value::MaybeText(text.as_deref())
    }
}

/// Why a statement or a transaction failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database undid the transaction in favour of another one; the same again may succeed.
    Undone(String),
    /// The same again would fail alike.
    Final(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Final(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Undone(why) => StoreError::Unavailable(why),
            Failure::Final(error) => error,
        }
    }
}

pub(super) type Outcome<T> = Result<T, Failure>;

/// Columns of an answer, by name.
pub(super) trait Columns: Send + Sync {
    fn text(&self, column: &str) -> Outcome<String>;
    fn maybe_text(&self, column: &str) -> Outcome<Option<String>>;
    fn number(&self, column: &str) -> Outcome<i64>;
    fn maybe_number(&self, column: &str) -> Outcome<Option<i64>>;
}

/// A transaction under way; dropped, it is undone.
pub(super) trait Transaction: Send {
    type Row: Columns;

    /// Runs a statement; gives how many rows it altered.
    fn execute(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Outcome<u64>> + Send;

    fn rows(
        &mut self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Outcome<Vec<Self::Row>>> + Send;

    /// Runs a script of statements without placeholders.
    fn script(&mut self, sql: &'static str) -> impl Future<Output = Outcome<()>> + Send;

    /// Tells other processes, at the commit and only then.
    fn notify(&mut self, notice: &Notice) -> impl Future<Output = Outcome<()>> + Send;

    fn commit(self) -> impl Future<Output = Outcome<()>> + Send;
}

/// A database that holds a store.
pub(super) trait Database: Send + Sync + 'static {
    type Transaction: Transaction;

    /// In order; the schema version is how many of them were run. Never change one that was released: add another.
    const MIGRATIONS: &'static [&'static str];

    /// A transaction in which alone the schema is altered: a second process waits here.
    fn begin_migration(&self) -> impl Future<Output = Outcome<Self::Transaction>> + Send;

    /// A transaction that writes.
    fn begin(&self) -> impl Future<Output = Outcome<Self::Transaction>> + Send;

    /// A transaction that reads, and sees the store as it was at its first statement.
    fn begin_view(&self) -> impl Future<Output = Outcome<Self::Transaction>> + Send;

    /// A reading statement on its own.
    fn rows(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
    ) -> impl Future<Output = Outcome<Vec<Row<Self>>>> + Send;

    /// Looks at the tables, where the database plans by what it knows of them.
    fn survey(&self) -> impl Future<Output = ()> + Send;

    /// Whether another process has ended or changed sessions since the last call, or may have; for a database where
    /// nobody can tell.
    fn sessions_changed(&self) -> impl Future<Output = Outcome<bool>> + Send;

    /// What other processes tell; `None` where they cannot.
    fn notices(&self) -> Option<broadcast::Receiver<Notice>>;
}

pub(super) type Row<D> = <<D as Database>::Transaction as Transaction>::Row;

/// Brings the schema up to the version that this program knows.
///
/// # Errors
/// [`StoreError::Newer`] where it was used with a later version of this program; nothing is altered then.
pub(super) async fn migrate<D: Database>(database: &D) -> Result<(), StoreError> {
    let mut tx = database.begin_migration().await?;
    tx.script("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        .await?;
    let rows = tx
        .rows(
            "SELECT coalesce(max(version), 0) AS version FROM schema_version",
            &[],
        )
        .await?;
    let found = match rows.first() {
        Some(row) => row.number("version")?,
        None => 0,
    };
    let known = i64::try_from(D::MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for migration in D::MIGRATIONS
        .iter()
        .skip(usize::try_from(found).unwrap_or(0))
    {
        tx.script(migration).await?;
    }
    if found < known {
        tx.execute(
            "INSERT INTO schema_version (version) VALUES ($1)",
            &[known.into()],
        )
        .await?;
    }
    Ok(tx.commit().await?)
}
