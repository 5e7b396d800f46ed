//! PostgreSQL: one store for several nodes.
//!
//! Writers of documents wait for each other at the counter's row, readers never wait. Each node tells the others of its
//! changes with NOTIFY, and hears them on a connection of its own.

mod listen;
mod reach;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection as _, Executor as _, Postgres, Row as _};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;

use super::database::{Columns, Database, Failure, Outcome, Transaction, Value};
use super::{Notice, StoreError};
use reach::Reach;

const CONNECTIONS: u32 = 16;
/// How long a connection is waited for: a database that is gone is told soon, so that requests do not pile up.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a connection that was idle may take to show that it lives.
const LIFE: Duration = Duration::from_millis(500);
/// How long a reading statement may take. A network that was cut swallows packets without a word.
const READ: Duration = Duration::from_secs(10);
/// How long a statement of a transaction may take: it may wait for another node's import.
const WRITE: Duration = Duration::from_secs(60);
/// Notices that a slow receiver may leave unread before it has missed some.
const NOTICES: usize = 1024;
/// Held while the schema is altered; "assize" in ASCII.
const MIGRATION_LOCK: i64 = 0x6173_7369_7a65;

/// A database on a server.
pub(super) struct PostgresDatabase {
    pool: PgPool,
    notices: broadcast::Sender<Notice>,
    /// What this process signs its notices with, so that it does not listen to itself.
    sender: String,
    reach: Reach,
    listener: AbortHandle,
}

impl PostgresDatabase {
    /// Connects to the database that a URL names, which must exist.
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|e| StoreError::Unavailable(e.to_string()))?
            .application_name("assize");
        let place = format!("{}:{}", options.get_host(), options.get_port());
        let unavailable = |e: sqlx::Error| StoreError::Unavailable(format!("{place}: {e}"));
        let reach = Reach::new();
        let known = reach.clone();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            // What follows tries them, too, and more quickly.
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                let is_from_before = known.is_from_before(&about);
                Box::pin(async move {
                    if is_from_before {
                        return Err(sqlx::Error::PoolTimedOut);
                    }
                    let life = tokio::time::timeout(LIFE, connection.ping()).await;
                    life.map_err(|_| sqlx::Error::PoolTimedOut)?.map(|()| true)
                })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // INVARIANT: an acknowledged write is durable, whatever the server does for others.
                    let sql = "SELECT set_config('synchronous_commit', 'on', false) \
                               WHERE current_setting('synchronous_commit') = 'off'";
                    connection.execute(sql).await.map(drop)
                })
            })
            .connect_with(options.clone())
            .await
            .map_err(unavailable)?;
        let mut node = [0; 8];
        getrandom::fill(&mut node).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let sender = format!("{:016x}", u64::from_be_bytes(node));
        let notices = broadcast::Sender::new(NOTICES);
        let listening =
            listen::Listening::begin(options, sender.clone(), notices.clone(), reach.clone());
        let listening = listening.await.map_err(unavailable)?;
        let listener = tokio::spawn(listening.run()).abort_handle();
        Ok(PostgresDatabase {
            pool,
            notices,
            sender,
            reach,
            listener,
        })
    }

    async fn begin_with(&self, statement: &'static str) -> Outcome<PostgresTransaction> {
        let begun = self.pool.begin_with(statement);
        Ok(PostgresTransaction {
            tx: self.reach.within(READ, begun).await?,
            sender: self.sender.clone(),
            reach: self.reach.clone(),
        })
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Database for PostgresDatabase {
    type Transaction = PostgresTransaction;

    const MIGRATIONS: &'static [&'static str] = &[
        include_str!("../../../migrations/postgres/0001_objects.sql"),
        include_str!("../../../migrations/postgres/0002_history.sql"),
        include_str!("../../../migrations/postgres/0003_tokens.sql"),
        include_str!("../../../migrations/postgres/0004_transactions.sql"),
    ];

    async fn begin_migration(&self) -> Outcome<PostgresTransaction> {
        let mut tx = self.begin().await?;
        let sql = "SELECT pg_advisory_xact_lock($1)";
        tx.execute(sql, &[MIGRATION_LOCK.into()]).await?;
        Ok(tx)
    }

    async fn begin(&self) -> Outcome<PostgresTransaction> {
        // Each statement sees what was committed before it: what is read after the wait at the counter is current.
        self.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
            .await
    }

    async fn begin_view(&self) -> Outcome<PostgresTransaction> {
        self.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
    }

    async fn rows(&self, sql: &'static str, values: &[Value<'_>]) -> Outcome<Vec<PgRow>> {
        if unknowable(values) {
            return Ok(Vec::new());
        }
        let rows = bound(sql, values).fetch_all(&self.pool);
        self.reach.within(READ, rows).await
    }

    /// Its own survey comes a minute later at the earliest: until then it would plan as if the tables were empty. One that
    /// is under way already is not waited for.
    async fn survey(&self) {
        let sql = "ANALYZE (SKIP_LOCKED) objects, past";
        let done = sqlx::raw_sql(sql).execute(&self.pool);
        if let Err(error) = self.reach.within(READ, done).await {
            let error = StoreError::from(error);
            tracing::warn!(%error, "the tables of a large change were not surveyed");
        }
    }

    /// It is told.
    async fn sessions_changed(&self) -> Outcome<bool> {
        Ok(false)
    }

    fn notices(&self) -> Option<broadcast::Receiver<Notice>> {
        Some(self.notices.subscribe())
    }
}

pub(super) struct PostgresTransaction {
    tx: sqlx::Transaction<'static, Postgres>,
    sender: String,
    reach: Reach,
}

impl Transaction for PostgresTransaction {
    type Row = PgRow;

    async fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Outcome<u64> {
        if only_finds(sql) && unknowable(values) {
            return Ok(0);
        }
        let done = bound(sql, values).execute(&mut *self.tx);
        let done = self.reach.within(WRITE, done).await?;
        Ok(done.rows_affected())
    }

    async fn rows(&mut self, sql: &'static str, values: &[Value<'_>]) -> Outcome<Vec<PgRow>> {
        if only_finds(sql) && unknowable(values) {
            return Ok(Vec::new());
        }
        let rows = bound(sql, values).fetch_all(&mut *self.tx);
        self.reach.within(WRITE, rows).await
    }

    async fn script(&mut self, sql: &'static str) -> Outcome<()> {
        let done = sqlx::raw_sql(sql).execute(&mut *self.tx);
        self.reach.within(WRITE, done).await.map(drop)
    }

    async fn notify(&mut self, notice: &Notice) -> Outcome<()> {
        let payload = listen::payload(&self.sender, notice);
        let values = [listen::CHANNEL.into(), (&payload).into()];
        self.execute("SELECT pg_notify($1, $2)", &values)
            .await
            .map(drop)
    }

    async fn commit(self) -> Outcome<()> {
        self.reach.within(WRITE, self.tx.commit()).await
    }
}

impl Columns for PgRow {
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

/// Whether something is asked for that cannot be there: text in PostgreSQL has no NUL.
fn unknowable(values: &[Value<'_>]) -> bool {
    values
        .iter()
        .any(|value| matches!(value, Value::Text(text) if text.contains('\0')))
}

/// Whether a statement only looks for its texts. One that writes a text must fail where it cannot.
fn only_finds(sql: &str) -> bool {
    // What these set are numbers.
    let beginnings = [
        "SELECT",
        "DELETE",
        "UPDATE access_tokens SET revoked = $4",
        "UPDATE refresh_tokens SET revoked = $4",
        "UPDATE transactions SET confirmed = 1",
    ];
    beginnings
        .iter()
        .any(|beginning| sql.starts_with(beginning))
}

fn bound(sql: &'static str, values: &[Value<'_>]) -> Query<'static, Postgres, PgArguments> {
    values
        .iter()
        .fold(sqlx::query(sql), |query, value| match *value {
            Value::Text(text) => query.bind(text),
            Value::MaybeText(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
}

fn failure(error: sqlx::Error) -> Failure {
    const SERIALIZATION_FAILURE: &str = "40001";
    const DEADLOCK_DETECTED: &str = "40P01";
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some(SERIALIZATION_FAILURE | DEADLOCK_DETECTED) => Failure::Undone(error.to_string()),
        _ => Failure::Final(StoreError::Unavailable(error.to_string())),
    }
}
