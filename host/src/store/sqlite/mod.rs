//! The embedded store: SQLite in write-ahead mode, synced in full at every commit.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{Row, Sqlite, Transaction};

use super::{Applied, Draft, Expect, Kind, Object, Result, SessionRow, Stamp, Store, StoreError, Write};
use crate::clock::Millis;

/// In order; the schema version is how many of them were run. Never change one that was released: add another.
const MIGRATIONS: [&str; 1] = [include_str!("../../migrations/sqlite/0001_objects.sql")];
/// How long a statement waits for another process's transaction (`assize import` beside a server).
const BUSY: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 4;

pub(super) struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    pub(super) async fn open(url: &str) -> Result<Self> {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(unavailable)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // INVARIANT: an acknowledged write survives a power cut; NORMAL would lose the last ones in WAL mode.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let file = options.get_filename().to_owned();
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await;
        let pool = pool.map_err(|e| StoreError::Unavailable(format!("{}: {e}", file.display())))?;
        let store = SqliteStore { pool };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
        let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM schema_version")
            .fetch_one(&mut *tx)
            .await
            .map_err(unavailable)?;
        let (found, known) = (found.unwrap_or(0), MIGRATIONS.len() as i64);
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            sqlx::raw_sql(*migration).execute(&mut *tx).await.map_err(unavailable)?;
        }
        if found < known {
            sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
                .bind(known)
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
        }
        tx.commit().await.map_err(unavailable)
    }

    /// A transaction that holds the write lock from its beginning: one that begins by reading may find, when it comes
    /// to write, that another has written in between, and then fails instead of waiting.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn revision(&self) -> Result<u64> {
        let latest: Option<i64> =
            sqlx::query_scalar("SELECT max(number) FROM revisions").fetch_one(&self.pool).await.map_err(unavailable)?;
        Ok(number(latest.unwrap_or(0)))
    }

    async fn apply(&self, author: &str, at: Millis, summary: &str, writes: &[Write]) -> Result<Applied> {
        let mut tx = self.begin().await?;
        let latest: Option<i64> =
            sqlx::query_scalar("SELECT max(number) FROM revisions").fetch_one(&mut *tx).await.map_err(unavailable)?;
        let previous = latest.unwrap_or(0);
        let revision = (previous + 1).max(at);
        sqlx::query("INSERT INTO revisions (number, at, author, summary) VALUES ($1, $2, $3, $4)")
            .bind(revision)
            .bind(at)
            .bind(author)
            .bind(summary)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
        for write in writes {
            match write {
                Write::Put(expect, draft) => put(&mut tx, *expect, draft, author, at, revision).await?,
                Write::Delete { kind, realm, key } => delete(&mut tx, *kind, realm, key).await?,
                Write::DeleteRealm { realm } => delete_realm(&mut tx, realm).await?,
            }
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(Applied { previous: number(previous), revision: number(revision) })
    }

    async fn object(&self, kind: Kind, realm: &str, key: &str) -> Result<Option<Object>> {
        let row = sqlx::query("SELECT * FROM objects WHERE realm = $1 AND kind = $2 AND key = $3")
            .bind(realm)
            .bind(kind.name())
            .bind(key)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.as_ref().map(object).transpose()
    }

    async fn objects(&self, kind: Kind, realm: &str) -> Result<Vec<Object>> {
        let rows = sqlx::query("SELECT * FROM objects WHERE realm = $1 AND kind = $2 ORDER BY created_at, key")
            .bind(realm)
            .bind(kind.name())
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        rows.iter().map(object).collect()
    }

    async fn revisions_of(&self, kind: Kind, realm: &str) -> Result<Vec<(String, u64)>> {
        let rows: Vec<(String, i64)> = sqlx::query_as("SELECT key, revision FROM objects WHERE realm = $1 AND kind = $2")
            .bind(realm)
            .bind(kind.name())
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(rows.into_iter().map(|(key, revision)| (key, number(revision))).collect())
    }

    async fn groups_of(&self, realm: &str, user_key: &str) -> Result<Vec<String>> {
        sqlx::query_scalar(
            "SELECT o.name FROM members m JOIN objects o ON o.realm = m.realm AND o.key = m.group_key \
             WHERE m.realm = $1 AND m.member = $2 AND o.kind = $3 ORDER BY o.key",
        )
        .bind(realm)
        .bind(user_key)
        .bind(Kind::Group.name())
        .fetch_all(&self.pool)
        .await
        .map_err(unavailable)
    }

    async fn add_session(&self, row: &SessionRow) -> Result<()> {
        sqlx::query(
            "INSERT INTO sessions (hash, realm, user_key, created, last_used, body) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&row.hash)
        .bind(&row.realm)
        .bind(&row.user_key)
        .bind(row.created)
        .bind(row.last_used)
        .bind(&row.body)
        .execute(&self.pool)
        .await
        .map_err(unavailable)?;
        Ok(())
    }

    async fn update_session(&self, hash: &str, body: &str) -> Result<bool> {
        let done = sqlx::query("UPDATE sessions SET body = $2 WHERE hash = $1")
            .bind(hash)
            .bind(body)
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(done.rows_affected() > 0)
    }

    async fn session(&self, hash: &str) -> Result<Option<SessionRow>> {
        let row = sqlx::query("SELECT * FROM sessions WHERE hash = $1")
            .bind(hash)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)?;
        row.as_ref().map(session).transpose()
    }

    async fn sessions_of(&self, realm: &str, user_key: &str) -> Result<Vec<SessionRow>> {
        let rows = sqlx::query("SELECT * FROM sessions WHERE realm = $1 AND user_key = $2 ORDER BY last_used")
            .bind(realm)
            .bind(user_key)
            .fetch_all(&self.pool)
            .await
            .map_err(unavailable)?;
        rows.iter().map(session).collect()
    }

    async fn touch_sessions(&self, used: &[(String, Millis)]) -> Result<()> {
        let mut tx = self.begin().await?;
        for (hash, at) in used {
            sqlx::query("UPDATE sessions SET last_used = $2 WHERE hash = $1 AND last_used < $2")
                .bind(hash)
                .bind(at)
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
        }
        tx.commit().await.map_err(unavailable)
    }

    async fn delete_session(&self, hash: &str) -> Result<bool> {
        let done =
            sqlx::query("DELETE FROM sessions WHERE hash = $1").bind(hash).execute(&self.pool).await.map_err(unavailable)?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_expired_sessions(&self, idle: Millis, created: Millis) -> Result<u64> {
        let done = sqlx::query("DELETE FROM sessions WHERE last_used < $1 OR created < $2")
            .bind(idle)
            .bind(created)
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(done.rows_affected())
    }

    async fn setting(&self, name: &str) -> Result<Option<String>> {
        sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pool)
            .await
            .map_err(unavailable)
    }

    async fn put_setting(&self, name: &str, value: &str) -> Result<()> {
        sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
            .bind(name)
            .bind(value)
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        Ok(())
    }

    async fn setting_or(&self, name: &str, value: &str) -> Result<String> {
        sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(name)
            .bind(value)
            .execute(&self.pool)
            .await
            .map_err(unavailable)?;
        let kept = self.setting(name).await?;
        kept.ok_or_else(|| StoreError::Unavailable(format!("setting {name} vanished while it was written")))
    }
}

async fn put(
    tx: &mut Transaction<'static, Sqlite>,
    expect: Expect,
    draft: &Draft,
    author: &str,
    at: Millis,
    revision: i64,
) -> Result<()> {
    let taken: Vec<(String,)> =
        sqlx::query_as("SELECT key FROM objects WHERE realm = $1 AND kind = $2 AND (key = $3 OR name_key = $4)")
            .bind(&draft.realm)
            .bind(draft.kind.name())
            .bind(&draft.key)
            .bind(&draft.name_key)
            .fetch_all(&mut **tx)
            .await
            .map_err(unavailable)?;
    let same = taken.iter().any(|(key,)| *key == draft.key);
    match expect {
        // The second name is taken by another document, whatever is expected of this one.
        _ if taken.iter().any(|(key,)| *key != draft.key) => return Err(StoreError::Exists { key: draft.name.clone() }),
        Expect::Absent if same => return Err(StoreError::Exists { key: draft.key.clone() }),
        Expect::Present if !same => return Err(StoreError::Missing { key: draft.key.clone() }),
        _ => {}
    }
    let own = Stamp { created_by: author.into(), created_at: at, modified_by: author.into(), modified_at: at };
    let stamp = draft.stamp.as_ref().unwrap_or(&own);
    sqlx::query(
        "INSERT INTO objects (realm, kind, key, name_key, name, owner, body, secret, created_by, created_at, \
         modified_by, modified_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (realm, kind, key) DO UPDATE SET name_key = excluded.name_key, name = excluded.name, \
         owner = excluded.owner, body = excluded.body, secret = excluded.secret, modified_by = excluded.modified_by, \
         modified_at = excluded.modified_at, revision = excluded.revision",
    )
    .bind(&draft.realm)
    .bind(draft.kind.name())
    .bind(&draft.key)
    .bind(&draft.name_key)
    .bind(&draft.name)
    .bind(&draft.owner)
    .bind(&draft.body)
    .bind(&draft.secret)
    .bind(&stamp.created_by)
    .bind(stamp.created_at)
    .bind(&stamp.modified_by)
    .bind(stamp.modified_at)
    .bind(revision)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    if draft.kind == Kind::Group {
        replace_members(tx, draft).await?;
    }
    Ok(())
}

async fn replace_members(tx: &mut Transaction<'static, Sqlite>, draft: &Draft) -> Result<()> {
    sqlx::query("DELETE FROM members WHERE realm = $1 AND group_key = $2")
        .bind(&draft.realm)
        .bind(&draft.key)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    for member in &draft.members {
        sqlx::query("INSERT INTO members (realm, group_key, member) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
            .bind(&draft.realm)
            .bind(&draft.key)
            .bind(member)
            .execute(&mut **tx)
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}

async fn delete(tx: &mut Transaction<'static, Sqlite>, kind: Kind, realm: &str, key: &str) -> Result<()> {
    let done = sqlx::query("DELETE FROM objects WHERE realm = $1 AND kind = $2 AND key = $3")
        .bind(realm)
        .bind(kind.name())
        .bind(key)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Missing { key: key.to_owned() });
    }
    let statements: &[&'static str] = match kind {
        Kind::Group => &["DELETE FROM members WHERE realm = $1 AND group_key = $2"],
        Kind::User => &[
            "DELETE FROM members WHERE realm = $1 AND member = $2",
            "DELETE FROM sessions WHERE realm = $1 AND user_key = $2",
        ],
        _ => &[],
    };
    for statement in statements {
        sqlx::query(*statement).bind(realm).bind(key).execute(&mut **tx).await.map_err(unavailable)?;
    }
    Ok(())
}

async fn delete_realm(tx: &mut Transaction<'static, Sqlite>, realm: &str) -> Result<()> {
    delete(tx, Kind::Realm, "", realm).await?;
    for statement in [
        "DELETE FROM objects WHERE realm = $1",
        "DELETE FROM members WHERE realm = $1",
        "DELETE FROM sessions WHERE realm = $1",
    ] {
        sqlx::query(statement).bind(realm).execute(&mut **tx).await.map_err(unavailable)?;
    }
    Ok(())
}

fn object(row: &SqliteRow) -> Result<Object> {
    let read = || -> std::result::Result<Object, sqlx::Error> {
        Ok(Object {
            key: row.try_get("key")?,
            name: row.try_get("name")?,
            owner: row.try_get("owner")?,
            body: row.try_get("body")?,
            secret: row.try_get("secret")?,
            stamp: Stamp {
                created_by: row.try_get("created_by")?,
                created_at: row.try_get("created_at")?,
                modified_by: row.try_get("modified_by")?,
                modified_at: row.try_get("modified_at")?,
            },
            revision: number(row.try_get("revision")?),
        })
    };
    read().map_err(unavailable)
}

fn session(row: &SqliteRow) -> Result<SessionRow> {
    let read = || -> std::result::Result<SessionRow, sqlx::Error> {
        Ok(SessionRow {
            hash: row.try_get("hash")?,
            realm: row.try_get("realm")?,
            user_key: row.try_get("user_key")?,
            created: row.try_get("created")?,
            last_used: row.try_get("last_used")?,
            body: row.try_get("body")?,
        })
    };
    read().map_err(unavailable)
}

/// Revisions are never negative; a store that says otherwise is read as one that was never written.
fn number(revision: i64) -> u64 {
    u64::try_from(revision).unwrap_or(0)
}

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
