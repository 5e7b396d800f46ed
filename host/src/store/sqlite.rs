//! The embedded database: SQLite in write-ahead mode, synced in full at every commit.

use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::query::Query;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Row as _, Sqlite};
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
    changes: Arc<SessionChanges>,
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
        let database = SqliteDatabase {
            pool,
            changes: Arc::default(),
        };
        let number = database.rows(NUMBER, &[]).await?;
        database.changes.see(number_in(&number)?);
        Ok(database)
    }

    fn transaction(&self, tx: sqlx::Transaction<'static, Sqlite>) -> SqliteTransaction {
        SqliteTransaction {
            tx,
            changes: Arc::clone(&self.changes),
            number: None,
        }
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
        begun.map(|tx| self.transaction(tx)).map_err(failure)
    }

    async fn begin_view(&self) -> Outcome<SqliteTransaction> {
        let begun = self.pool.begin_with("BEGIN DEFERRED").await;
        begun.map(|tx| self.transaction(tx)).map_err(failure)
    }

    async fn rows(&self, sql: &'static str, values: &[Value<'_>]) -> Outcome<Vec<SqliteRow>> {
        let query = bound(sql, values);
        query.fetch_all(&self.pool).await.map_err(failure)
    }

    /// It plans by its unique indexes, whatever they hold.
    async fn survey(&self) {}

    async fn sessions_changed(&self) -> Outcome<bool> {
        let number = self.rows(NUMBER, &[]).await?;
        Ok(self.changes.see(number_in(&number)?))
    }

    /// Other processes that write the same file are found by polling.
    fn notices(&self) -> Option<broadcast::Receiver<Notice>> {
        None
    }
}

pub(super) struct SqliteTransaction {
    tx: sqlx::Transaction<'static, Sqlite>,
    changes: Arc<SessionChanges>,
    /// The number of the change of sessions that it makes.
    number: Option<i32>,
}

impl Transaction for SqliteTransaction {
    type Row = SqliteRow;

    async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Outcome<u64> {
        let done = bound(sql, values).execute(&mut *self.tx).await;
        done.map(|done| done.rows_affected()).map_err(failure)
    }

    async fn rows(&mut self, sql: &'static str, values: &[Value<'_>]) -> Outcome<Vec<SqliteRow>> {
        let query = bound(sql, values);
        query.fetch_all(&mut *self.tx).await.map_err(failure)
    }

    async fn script(&mut self, sql: &'static str) -> Outcome<()> {
        let done = sqlx::raw_sql(sql).execute(&mut *self.tx).await;
        done.map(drop).map_err(failure)
    }

    /// Others cannot be told, but they find out that sessions changed: the change gets a number in the same transaction.
    async fn notify(&mut self, notice: &Notice) -> Outcome<()> {
        let of_sessions = match notice {
            Notice::SessionEnded(_) | Notice::SessionChanged(_) | Notice::Sessions => true,
            Notice::Changed
            | Notice::Tokens
            | Notice::Told(_)
            | Notice::Everything
            | Notice::Heard(_) => false,
        };
        if of_sessions && self.number.is_none() {
            let number = self.rows(NUMBER, &[]).await?;
            let next = number_in(&number)?.wrapping_add(1);
            // A pragma takes no placeholders; what is written is a number.
            let sql = AssertSqlSafe(format!("PRAGMA user_version = {next}"));
            let done = sqlx::raw_sql(sql).execute(&mut *self.tx).await;
            done.map_err(failure)?;
            self.number = Some(next);
        }
        Ok(())
    }

    async fn commit(self) -> Outcome<()> {
        self.tx.commit().await.map_err(failure)?;
        if let Some(number) = self.number {
            self.changes.made(number);
        }
        Ok(())
    }
}

/// The number of the last change of sessions. SQLite keeps it in the file's header and gives it no meaning of its own.
const NUMBER: &str = "PRAGMA user_version";

fn number_in(rows: &[SqliteRow]) -> Outcome<i32> {
    let number = rows.first().map(|row| row.try_get(0)).transpose();
    number.map(Option::unwrap_or_default).map_err(failure)
}

/// Which changes of sessions this process knows of: those up to a number, and its own ones after it.
#[derive(Default)]
struct SessionChanges(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    number: i32,
    own: BTreeSet<i32>,
}

impl SessionChanges {
    /// Notes a change that this process has made.
    fn made(&self, number: i32) {
        let mut seen = self.seen();
        if number > seen.number {
            seen.own.insert(number);
        }
    }

    /// Takes note of all changes up to a number; whether one of them is another process's. An own one that is not noted yet
    /// counts as another's, which costs reading and loses nothing.
    fn see(&self, number: i32) -> bool {
        let mut seen = self.seen();
        // It goes back when it runs over, or where somebody replaced the file.
        let others = number < seen.number
            || (seen.number..number).any(|before| !seen.own.contains(&(before + 1)));
        seen.own.retain(|own| *own > number);
        seen.number = number;
        others
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
