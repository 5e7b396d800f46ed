//! The embedded database: SQLite in write-ahead mode, synced in full at every commit.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{Row as _, Sqlite};
use tokio::sync::broadcast;

use super::database::{Columns, Database, Failure, Outcome, Transaction, Value};
use super::{Notice, StoreError};

/// How long a statement waits for another process's transaction (`assize import` beside a server).
const BUSY: Duration = Duration::from_secs(10);
/// How long to wait before a locked new file is opened again.
const RETRY: Duration = Duration::from_millis(20);
const CONNECTIONS: u32 = 4;

/// A database file.
pub(super) struct SqliteDatabase {
    pool: SqlitePool,
}

impl SqliteDatabase {
    /// Opens the file that a URL names, making it where it is missing.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|e| StoreError::Unavailable(e.to_string()))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // INVARIANT: an acknowledged write survives a power cut; NORMAL would lose the last ones in WAL mode.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let file = options.get_filename().to_owned();
        if !url.contains(":memory:") && !url.contains("mode=memory") {
            private_file(&file)
                .map_err(|e| StoreError::Unavailable(format!("{}: {e}", file.display())))?;
        }
        let pool = connect(options)
            .await
            .map_err(|e| StoreError::Unavailable(format!("{}: {e}", file.display())))?;
        Ok(SqliteDatabase { pool })
    }
}

/// Makes the database's file, where it is missing, readable to its owner alone: it holds private keys. SQLite gives the
/// files beside it the same permissions.
fn private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    const OTHERS: u32 = 0o077;
    let mut options = std::fs::OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(path);
    match made {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let is_open = |path: &Path| {
                let found = std::fs::metadata(path);
                found.is_ok_and(|found| found.permissions().mode() & OTHERS != 0)
            };
            if is_open(path) && path.parent().is_none_or(is_open) {
                tracing::warn!(
                    file = %path.display(),
                    "others on this machine can read the database, which holds private keys: chmod 600 it, chmod 700 its folder"
                );
            }
            Ok(())
        }
        made => made.map(drop),
    }
}

/// Connects, and waits for others that open the same new file: the switch to write-ahead logging needs the file alone,
/// and SQLite does not wait for that by itself, whatever the busy time-out.
async fn connect(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let mut waited = Duration::ZERO;
    loop {
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options.clone())
            .await;
        match pool {
            Err(error) if waited < BUSY && error.to_string().contains("locked") => {
                tokio::time::sleep(RETRY).await;
                waited += RETRY;
            }
            other => return other,
        }
    }
}

impl Database for SqliteDatabase {
    type Transaction = SqliteTransaction;

    const MIGRATIONS: &'static [&'static str] = &[
        include_str!("../../migrations/sqlite/0001_objects.sql"),
        include_str!("../../migrations/sqlite/0002_history.sql"),
        include_str!("../../migrations/sqlite/0003_tokens.sql"),
        include_str!("../../migrations/sqlite/0004_transactions.sql"),
    ];

    async fn begin_migration(&self) -> Outcome<SqliteTransaction> {
        self.begin().await
    }

    /// It holds the write lock from its beginning: one that begins by reading may find, when it comes to write, that
    /// another has written in between, and then fails instead of waiting.
    async fn begin(&self) -> Outcome<SqliteTransaction> {
        let begun = self.pool.begin_with("BEGIN IMMEDIATE").await;
        begun.map(SqliteTransaction).map_err(failure)
    }

    async fn begin_view(&self) -> Outcome<SqliteTransaction> {
        let begun = self.pool.begin_with("BEGIN DEFERRED").await;
        begun.map(SqliteTransaction).map_err(failure)
    }

    async fn rows(&self, sql: &'static str, values: &[Value<'_>]) -> Outcome<Vec<SqliteRow>> {
        let query = bound(sql, values);
        query.fetch_all(&self.pool).await.map_err(failure)
    }

    /// It plans by its unique indexes, whatever they hold.
    async fn survey(&self) {}

    /// Other processes that write the same file are found by polling.
    fn notices(&self) -> Option<broadcast::Receiver<Notice>> {
        None
    }
}

pub(super) struct SqliteTransaction(sqlx::Transaction<'static, Sqlite>);

impl Transaction for SqliteTransaction {
    type Row = SqliteRow;

    async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Outcome<u64> {
        let done = bound(sql, values).execute(&mut *self.0).await;
        done.map(|done| done.rows_affected()).map_err(failure)
    }

    async fn rows(&mut self, sql: &'static str, values: &[Value<'_>]) -> Outcome<Vec<SqliteRow>> {
        let query = bound(sql, values);
        query.fetch_all(&mut *self.0).await.map_err(failure)
    }

    async fn script(&mut self, sql: &'static str) -> Outcome<()> {
        let done = sqlx::raw_sql(sql).execute(&mut *self.0).await;
        done.map(drop).map_err(failure)
    }

    async fn notify(&mut self, _: &Notice) -> Outcome<()> {
        Ok(())
    }

    async fn commit(self) -> Outcome<()> {
        self.0.commit().await.map_err(failure)
    }
}

impl Columns for SqliteRow {
    fn text(&self, column: &str) -> Outcome<String> {
        self.try_get(column).map_err(failure)
    }

    fn maybe_text(&self, column: &str) -> Outcome<Option<String>> {
        self.try_get(column).map_err(failure)
    }

    fn number(&self, column: &str) -> Outcome<i64> {
        self.try_get(column).map_err(failure)
    }

    fn maybe_number(&self, column: &str) -> Outcome<Option<i64>> {
        self.try_get(column).map_err(failure)
    }
}

fn bound<'q>(sql: &'static str, values: &[Value<'q>]) -> Query<'q, Sqlite, SqliteArguments> {
    values
        .iter()
        .fold(sqlx::query(sql), |query, value| match *value {
            Value::Text(text) => query.bind(text),
            Value::MaybeText(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
}

fn failure(error: sqlx::Error) -> Failure {
    Failure::Final(StoreError::Unavailable(error.to_string()))
}
