//! The store on a relational database: reading, sessions and settings. Changes of documents are in `change`, what was
//! before in `history`.

use async_trait::async_trait;
use tokio::sync::broadcast;

use super::database::{self, Columns, Database, Outcome, Transaction, Value};
use super::{
    Applied, BodyChange, Difference, Kind, Notice, Object, PAGE, Result, Revision, SessionRow,
    Stamp, Store, StoreError, View, Write, change, history,
};
use crate::clock::Millis;

/// How often a transaction is tried that the database undoes in favour of another one.
pub(super) const ATTEMPTS: u32 = 5;
/// More ended sessions than this are told as "any of them".
const SESSIONS_TOLD: usize = 64;

/// Runs a transaction again where the database undid it in favour of another.
macro_rules! attempt {
    ($once:expr) => {{
        let mut attempts = 1;
        loop {
            match $once.await {
                Err($crate::store::database::Failure::Undone(_))
                    if attempts < $crate::store::relational::ATTEMPTS =>
                {
                    attempts += 1
                }
                ended => break ended.map_err($crate::store::StoreError::from),
            }
        }
    }};
}
pub(super) use attempt;

pub(super) struct RelationalStore<D> {
    pub(super) database: D,
}

impl<D: Database> RelationalStore<D> {
    pub(super) async fn open(database: D) -> Result<Self> {
        database::migrate(&database).await?;
        Ok(RelationalStore { database })
    }

    pub(super) async fn one<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: fn(&database::Row<D>) -> Outcome<T>,
    ) -> Result<Option<T>> {
        let rows = self.database.rows(sql, values).await?;
        Ok(rows.first().map(read).transpose()?)
    }

    pub(super) async fn all<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        read: fn(&database::Row<D>) -> Outcome<T>,
    ) -> Result<Vec<T>> {
        let rows = self.database.rows(sql, values).await?;
        Ok(rows.iter().map(read).collect::<Outcome<_>>()?)
    }

    /// A statement in a transaction of its own, and a notice with it where it altered something.
    pub(super) async fn execute(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        notice: Option<&Notice>,
    ) -> Outcome<u64> {
        let mut tx = self.database.begin().await?;
        let altered = tx.execute(sql, values).await?;
        if let Some(notice) = notice.filter(|_| altered > 0) {
            tx.notify(notice).await?;
        }
        tx.commit().await?;
        Ok(altered)
    }

    async fn try_put_setting_at(&self, revision: u64, name: &str, value: &str) -> Outcome<bool> {
        let mut tx = self.database.begin().await?;
        // The counter's row stays locked until the commit, so that no change comes in between.
        let sql = "UPDATE counter SET number = number WHERE number = $1";
        if tx.execute(sql, &[history::stored(revision).into()]).await? == 0 {
            return Ok(false);
        }
        tx.execute(change::PUT_SETTING, &[name.into(), value.into()])
            .await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn try_touch(&self, used: &[&(String, Millis)]) -> Outcome<()> {
        let mut tx = self.database.begin().await?;
        for (hash, at) in used {
            let sql = "UPDATE sessions SET last_used = $2 WHERE hash = $1 AND last_used < $2";
            tx.execute(sql, &[hash.into(), (*at).into()]).await?;
        }
        tx.commit().await
    }

    async fn try_change_session(
        &self,
        hash: &str,
        change: &BodyChange<'_>,
    ) -> Outcome<Option<String>> {
        let mut tx = self.database.begin().await?;
        // The row stays locked until the commit, so that what is changed is what is there.
        let sql = "UPDATE sessions SET body = body WHERE hash = $1 RETURNING body";
        let rows = tx.rows(sql, &[hash.into()]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let before = row.text("body")?;
        let after = change(&before);
        if after != before {
            let sql = "UPDATE sessions SET body = $2 WHERE hash = $1";
            tx.execute(sql, &[hash.into(), (&after).into()]).await?;
            tx.notify(&Notice::SessionChanged(hash.to_owned())).await?;
        }
        tx.commit().await?;
        Ok(Some(after))
    }
}

const OBJECT: &str = "SELECT * FROM objects WHERE realm = $1 AND kind = $2 AND key = $3";
const OBJECTS: &str =
    "SELECT * FROM objects WHERE realm = $1 AND kind = $2 ORDER BY created_at, key";
const REVISIONS: &str = "SELECT key, revision FROM objects WHERE realm = $1 AND kind = $2";
const COUNTER: &str = "SELECT number FROM counter";
const SETTING: &str = "SELECT value FROM settings WHERE name = $1";

#[async_trait]
impl<D: Database> Store for RelationalStore<D> {
    async fn revision(&self) -> Result<u64> {
        let number = self.one(COUNTER, &[], |row| row.number("number")).await?;
        Ok(revision(number.unwrap_or(0)))
    }

    async fn view(&self) -> Result<Box<dyn View>> {
        let mut tx = self.database.begin_view().await?;
        let rows = tx.rows(COUNTER, &[]).await?;
        let number = rows.first().map(|row| row.number("number")).transpose()?;
        let revision = revision(number.unwrap_or(0));
        Ok(Box::new(RelationalView { tx, revision }))
    }

    async fn apply(
        &self,
        author: &str,
        at: Millis,
        summary: &str,
        writes: &[Write],
    ) -> Result<Applied> {
        attempt!(change::apply(&self.database, author, at, summary, writes))
    }

    async fn survey(&self) {
        self.database.survey().await;
    }

    async fn object(&self, kind: Kind, realm: &str, key: &str) -> Result<Option<Object>> {
        let values = [realm.into(), kind.name().into(), key.into()];
        self.one(OBJECT, &values, read_object).await
    }

    async fn objects(&self, kind: Kind, realm: &str) -> Result<Vec<Object>> {
        let values = [realm.into(), kind.name().into()];
        self.all(OBJECTS, &values, read_object).await
    }

    async fn groups_of(&self, realm: &str, user_key: &str) -> Result<Vec<String>> {
        let sql = "SELECT o.name FROM members m JOIN objects o ON o.realm = m.realm AND o.key = m.group_key \
                   WHERE m.realm = $1 AND m.member = $2 AND o.kind = $3 ORDER BY o.key";
        let values = [realm.into(), user_key.into(), Kind::Group.name().into()];
        self.all(sql, &values, |row| row.text("name")).await
    }

    async fn revisions(&self, before: Option<u64>, limit: u32) -> Result<Vec<Revision>> {
        let before = before.map_or(i64::MAX, history::stored);
        let sql = "SELECT * FROM revisions WHERE number < $1 ORDER BY number DESC LIMIT $2";
        let values = [before.into(), i64::from(limit).into()];
        self.all(sql, &values, history::read_revision).await
    }

    async fn diff(&self, from: u64, to: u64) -> Result<Vec<Difference>> {
        attempt!(history::diff(&self.database, from, to))
    }

    async fn roll_back(&self, author: &str, at: Millis, to: u64) -> Result<Applied> {
        attempt!(history::roll_back(&self.database, author, at, to))
    }

    async fn add_session(&self, row: &SessionRow) -> Result<()> {
        let sql = "INSERT INTO sessions (hash, realm, user_key, created, last_used, body) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let values = [
            (&row.hash).into(),
            (&row.realm).into(),
            (&row.user_key).into(),
            row.created.into(),
            row.last_used.into(),
            (&row.body).into(),
        ];
        attempt!(self.execute(sql, &values, None)).map(drop)
    }

    async fn change_session(&self, hash: &str, change: &BodyChange<'_>) -> Result<Option<String>> {
        attempt!(self.try_change_session(hash, change))
    }

    async fn session(&self, hash: &str) -> Result<Option<SessionRow>> {
        let sql = "SELECT * FROM sessions WHERE hash = $1";
        self.one(sql, &[hash.into()], read_session).await
    }

    async fn sessions_of(&self, realm: &str, user_key: &str) -> Result<Vec<SessionRow>> {
        let sql =
            "SELECT * FROM sessions WHERE realm = $1 AND user_key = $2 ORDER BY last_used, hash";
        self.all(sql, &[realm.into(), user_key.into()], read_session)
            .await
    }

    async fn sessions_in(&self, realm: &str, most: u32) -> Result<Vec<SessionRow>> {
        let sql = "SELECT * FROM sessions WHERE realm = $1 ORDER BY last_used DESC, hash LIMIT $2";
        let values = [realm.into(), i64::from(most).into()];
        self.all(sql, &values, read_session).await
    }

    async fn touch_sessions(&self, used: &[(String, Millis)]) -> Result<()> {
        // One order for all writers, so that two of them do not wait for each other.
        let mut used: Vec<&(String, Millis)> = used.iter().collect();
        used.sort_unstable();
        attempt!(self.try_touch(&used))
    }

    async fn delete_session(&self, hash: &str) -> Result<bool> {
        let sql = "DELETE FROM sessions WHERE hash = $1";
        let notice = Notice::SessionEnded(hash.to_owned());
        let altered = attempt!(self.execute(sql, &[hash.into()], Some(&notice)))?;
        Ok(altered > 0)
    }

    async fn delete_expired_sessions(&self, idle: Millis, created: Millis) -> Result<u64> {
        let sql = "DELETE FROM sessions WHERE last_used < $1 OR created < $2";
        let values = [idle.into(), created.into()];
        attempt!(self.execute(sql, &values, None))
    }

    async fn sessions_changed(&self) -> Result<bool> {
        Ok(self.database.sessions_changed().await?)
    }

    async fn setting(&self, name: &str) -> Result<Option<String>> {
        self.one(SETTING, &[name.into()], |row| row.text("value"))
            .await
    }

    async fn put_setting(&self, name: &str, value: &str) -> Result<()> {
        let values = [name.into(), value.into()];
        attempt!(self.execute(change::PUT_SETTING, &values, None)).map(drop)
    }

    async fn setting_or(&self, name: &str, value: &str) -> Result<String> {
        let sql =
            "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        let values = [name.into(), value.into()];
        attempt!(self.execute(sql, &values, None))?;
        let kept = self.setting(name).await?;
        kept.ok_or_else(|| {
            StoreError::Unavailable(format!("setting {name} vanished while it was written"))
        })
    }

    async fn put_setting_at(&self, revision: u64, name: &str, value: &str) -> Result<bool> {
        attempt!(self.try_put_setting_at(revision, name, value))
    }

    async fn tell(&self, word: &str) -> Result<()> {
        let told = async {
            let mut tx = self.database.begin().await?;
            tx.notify(&Notice::Told(word.to_owned())).await?;
            tx.commit().await
        };
        told.await
            .map_err(|failure: database::Failure| failure.into())
    }

    fn notices(&self) -> Option<broadcast::Receiver<Notice>> {
        self.database.notices()
    }
}

struct RelationalView<T> {
    tx: T,
    revision: u64,
}

#[async_trait]
impl<T: Transaction> View for RelationalView<T> {
    fn revision(&self) -> u64 {
        self.revision
    }

    async fn object(&mut self, kind: Kind, realm: &str, key: &str) -> Result<Option<Object>> {
        let values = [realm.into(), kind.name().into(), key.into()];
        let rows = self.tx.rows(OBJECT, &values).await?;
        Ok(rows.first().map(read_object).transpose()?)
    }

    async fn objects(&mut self, kind: Kind, realm: &str) -> Result<Vec<Object>> {
        let values = [realm.into(), kind.name().into()];
        let rows = self.tx.rows(OBJECTS, &values).await?;
        Ok(rows.iter().map(read_object).collect::<Outcome<_>>()?)
    }

    async fn page(&mut self, kind: Kind, realm: &str, after: &str) -> Result<Vec<Object>> {
        let sql = "SELECT * FROM objects WHERE realm = $1 AND kind = $2 AND key > $3 ORDER BY key LIMIT $4";
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let values = [realm.into(), kind.name().into(), after.into(), limit.into()];
        let rows = self.tx.rows(sql, &values).await?;
        Ok(rows.iter().map(read_object).collect::<Outcome<_>>()?)
    }

    async fn settings(&mut self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT name, value FROM settings";
        let rows = self.tx.rows(sql, &[]).await?;
        let read = |row: &T::Row| Ok((row.text("name")?, row.text("value")?));
        let mut settings = rows.iter().map(read).collect::<Outcome<Vec<_>>>()?;
        // Here and not by the database, whose order depends on its language.
        settings.sort();
        Ok(settings)
    }

    async fn revisions_of(&mut self, kind: Kind, realm: &str) -> Result<Vec<(String, u64)>> {
        let values = [realm.into(), kind.name().into()];
        let rows = self.tx.rows(REVISIONS, &values).await?;
        let read = |row: &T::Row| Ok((row.text("key")?, revision(row.number("revision")?)));
        Ok(rows.iter().map(read).collect::<Outcome<_>>()?)
    }

    async fn setting(&mut self, name: &str) -> Result<Option<String>> {
        let rows = self.tx.rows(SETTING, &[name.into()]).await?;
        Ok(rows.first().map(|row| row.text("value")).transpose()?)
    }
}

/// Tells that sessions ended, by name as long as they are few.
pub(super) async fn tell_ended<T: Transaction>(tx: &mut T, hashes: Vec<String>) -> Outcome<()> {
    if hashes.len() > SESSIONS_TOLD {
        return tx.notify(&Notice::Sessions).await;
    }
    for hash in hashes {
        tx.notify(&Notice::SessionEnded(hash)).await?;
    }
    Ok(())
}

fn read_object<R: Columns>(row: &R) -> Outcome<Object> {
    Ok(Object {
        secret: row.maybe_text("secret")?,
        ..read_past(row)?
    })
}

/// An object of the history, where secrets are not kept.
pub(super) fn read_past<R: Columns>(row: &R) -> Outcome<Object> {
    Ok(Object {
        key: row.text("key")?,
        name_key: row.text("name_key")?,
        name: row.text("name")?,
        owner: row.text("owner")?,
        body: row.text("body")?,
        secret: None,
        stamp: Stamp {
            created_by: row.text("created_by")?,
            created_at: row.number("created_at")?,
            modified_by: row.text("modified_by")?,
            modified_at: row.number("modified_at")?,
        },
        revision: revision(row.number("revision")?),
    })
}

fn read_session<R: Columns>(row: &R) -> Outcome<SessionRow> {
    Ok(SessionRow {
        hash: row.text("hash")?,
        realm: row.text("realm")?,
        user_key: row.text("user_key")?,
        created: row.number("created")?,
        last_used: row.number("last_used")?,
        body: row.text("body")?,
    })
}

/// Revisions are never negative; a store that says otherwise is read as one that was never written.
pub(super) fn revision(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
