//! One change: a new revision, and all its writes in one transaction.
//!
//! INVARIANT: the first statement takes the next number from the one row of `counter`, which locks it until the commit.
//! So writers of all processes pass one after the other, what a write checks stays true until it is written, and
//! revisions become visible in their order.

use super::database::{Columns, Database, Outcome, Transaction};
use super::history::keep;
use super::relational::{revision, tell_ended};
use super::relational_tokens::revoke_in;
use super::tokens::Revoke;
use super::{Applied, Draft, Expect, Kind, Notice, StoreError, Write};
use crate::clock::Millis;

/// Makes all writes in order.
pub(super) async fn apply<D: Database>(
    database: &D,
    author: &str,
    at: Millis,
    summary: &str,
    writes: &[Write],
) -> Outcome<Applied> {
    let mut change = Change::begin(database, author, at, summary).await?;
    for write in writes {
        match write {
            Write::Put(expect, draft) => change.put(*expect, draft).await?,
            Write::Require {
                kind,
                realm,
                key,
                revision,
            } => change.require(*kind, realm, key, *revision).await?,
            Write::RequireEmpty { kind, realm, owner } => {
                change.require_empty(*kind, realm, owner).await?;
            }
            Write::RequireUnreferred(look) => change.require_unreferred(look).await?,
            Write::Delete { kind, realm, key } => change.delete(*kind, realm, key).await?,
            Write::DeleteRealm { realm } => change.delete_realm(realm).await?,
            Write::PutSetting { name, value } => change.put_setting(name, value).await?,
        }
    }
    change.require_realms(writes).await?;
    change.commit().await
}

/// A setting under its name, whatever was there.
pub(super) const PUT_SETTING: &str = "INSERT INTO settings (name, value) VALUES ($1, $2) \
                                      ON CONFLICT (name) DO UPDATE SET value = excluded.value";

macro_rules! insert {
    ($conflict:literal) => {
        concat!(
            "INSERT INTO objects (realm, kind, key, name_key, name, owner, body, secret, created_by, created_at, \
             modified_by, modified_at, revision) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT ",
            $conflict
        )
    };
}

macro_rules! replace {
    ($also:literal) => {
        concat!(
            insert!(
                "(realm, kind, key) DO UPDATE SET name_key = excluded.name_key, name = excluded.name, \
                 owner = excluded.owner, body = excluded.body, secret = excluded.secret, \
                 modified_by = excluded.modified_by, modified_at = excluded.modified_at, \
                 revision = excluded.revision"
            ),
            $also
        )
    };
}

/// Does nothing where the key or the second name is taken.
const ADD: &str = insert!("DO NOTHING");
/// Who made a document, and when, stays when it is written again.
const REPLACE: &str = replace!("");
/// A document that comes back brings that with it.
const RESTORE: &str =
    replace!(", created_by = excluded.created_by, created_at = excluded.created_at");

/// A change under way.
pub(super) struct Change<'a, T> {
    pub(super) tx: T,
    author: &'a str,
    at: Millis,
    pub(super) previous: i64,
    pub(super) number: i64,
}

impl<'a, T: Transaction> Change<'a, T> {
    /// Takes the next revision: max(previous + 1, `at`).
    pub(super) async fn begin<D: Database<Transaction = T>>(
        database: &D,
        author: &'a str,
        at: Millis,
        summary: &str,
    ) -> Outcome<Self> {
        let mut tx = database.begin().await?;
        let sql = "UPDATE counter SET previous = number, \
                   number = CASE WHEN number + 1 > $1 THEN number + 1 ELSE $1 END \
                   RETURNING previous, number";
        let rows = tx.rows(sql, &[at.into()]).await?;
        let row = rows.first().ok_or_else(|| {
            StoreError::Unavailable("the store has lost its revision counter".into())
        })?;
        let (previous, number) = (row.number("previous")?, row.number("number")?);
        let sql = "INSERT INTO revisions (number, at, author, summary) VALUES ($1, $2, $3, $4)";
        let values = [number.into(), at.into(), author.into(), summary.into()];
        tx.execute(sql, &values).await?;
        Ok(Change {
            tx,
            author,
            at,
            previous,
            number,
        })
    }

    pub(super) async fn commit(mut self) -> Outcome<Applied> {
        self.tx.notify(&Notice::Changed).await?;
        self.tx.commit().await?;
        Ok(Applied {
            previous: revision(self.previous),
            revision: revision(self.number),
        })
    }

    async fn put(&mut self, expect: Expect, draft: &Draft) -> Outcome<()> {
        let by = draft.stamp.as_ref();
        let (created_by, modified_by) = match by {
            Some(stamp) => (stamp.created_by.as_str(), stamp.modified_by.as_str()),
            None => (self.author, self.author),
        };
        let (created_at, modified_at) = by.map_or((self.at, self.at), |stamp| {
            (stamp.created_at, stamp.modified_at)
        });
        let values = [
            (&draft.realm).into(),
            draft.kind.name().into(),
            (&draft.key).into(),
            (&draft.name_key).into(),
            (&draft.name).into(),
            (&draft.owner).into(),
            (&draft.body).into(),
            (&draft.secret).into(),
            created_by.into(),
            created_at.into(),
            modified_by.into(),
            modified_at.into(),
            self.number.into(),
        ];
        // The unique indexes alone say whether it is new. PostgreSQL plans a question as if a table that this very
        // change fills were still empty, and then reads it whole for each.
        let is_new = expect != Expect::Present && self.tx.execute(ADD, &values).await? == 1;
        if !is_new {
            self.check_taken(expect, draft).await?;
            let [realm, kind, key, ..] = values;
            keep(&mut self.tx, [realm, kind, key], self.number).await?;
            let sql = if by.is_some() { RESTORE } else { REPLACE };
            self.tx.execute(sql, &values).await?;
        }
        if draft.kind == Kind::Group {
            self.replace_members(draft).await?;
        }
        Ok(())
    }

    /// Whether a document that is there already may be replaced by this one.
    async fn check_taken(&mut self, expect: Expect, draft: &Draft) -> Outcome<()> {
        let values = [
            (&draft.realm).into(),
            draft.kind.name().into(),
            (&draft.key).into(),
            (&draft.name_key).into(),
        ];
        // Two looks, one for each unique index.
        let sql = "SELECT key FROM objects WHERE realm = $1 AND kind = $2 AND key = $3 \
                   UNION SELECT key FROM objects WHERE realm = $1 AND kind = $2 AND name_key = $4";
        let rows = self.tx.rows(sql, &values).await?;
        let taken = rows
            .iter()
            .map(|row| row.text("key"))
            .collect::<Outcome<Vec<String>>>()?;
        let same = taken.contains(&draft.key);
        let exists = |name: &String| StoreError::Exists { key: name.clone() };
        match expect {
            // The second name is taken by another document, whatever is expected of this one.
            _ if taken.iter().any(|key| *key != draft.key) => Err(exists(&draft.name).into()),
            Expect::Absent if same => Err(exists(&draft.key).into()),
            Expect::Present if !same => Err(StoreError::Missing {
                key: draft.key.clone(),
            }
            .into()),
            _ => Ok(()),
        }
    }

    async fn put_setting(&mut self, name: &str, value: &str) -> Outcome<()> {
        let values = [name.into(), value.into()];
        self.tx.execute(PUT_SETTING, &values).await.map(drop)
    }

    async fn replace_members(&mut self, draft: &Draft) -> Outcome<()> {
        let (realm, group) = ((&draft.realm).into(), (&draft.key).into());
        let sql = "DELETE FROM members WHERE realm = $1 AND group_key = $2";
        self.tx.execute(sql, &[realm, group]).await?;
        let sql = "INSERT INTO members (realm, group_key, member) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        for member in &draft.members {
            self.tx.execute(sql, &[realm, group, member.into()]).await?;
        }
        Ok(())
    }

    async fn delete(&mut self, kind: Kind, realm: &str, key: &str) -> Outcome<()> {
        let id = [realm.into(), kind.name().into(), key.into()];
        keep(&mut self.tx, id, self.number).await?;
        let sql = "DELETE FROM objects WHERE realm = $1 AND kind = $2 AND key = $3";
        if self.tx.execute(sql, &id).await? == 0 {
            return Err(StoreError::Missing {
                key: key.to_owned(),
            }
            .into());
        }
        let of = [realm.into(), key.into()];
        match kind {
            Kind::Group => {
                let sql = "DELETE FROM members WHERE realm = $1 AND group_key = $2";
                self.tx.execute(sql, &of).await?;
            }
            Kind::User => {
                let sql = "DELETE FROM members WHERE realm = $1 AND member = $2";
                self.tx.execute(sql, &of).await?;
                let sql = "DELETE FROM sessions WHERE realm = $1 AND user_key = $2 RETURNING hash";
                let ended = self.tx.rows(sql, &of).await?;
                self.tell_ended(ended).await?;
                self.revoke(Revoke::User(realm, key)).await?;
            }
            Kind::Client => self.revoke(Revoke::Client(key)).await?,
            _ => {}
        }
        Ok(())
    }

    async fn delete_realm(&mut self, realm: &str) -> Outcome<()> {
        self.require_no_realm_beneath(realm).await?;
        self.delete(Kind::Realm, "", realm).await?;
        let sql = "INSERT INTO past (realm, kind, key, name_key, name, owner, body, created_by, created_at, \
                   modified_by, modified_at, revision, until) \
                   SELECT realm, kind, key, name_key, name, owner, body, created_by, created_at, \
                   modified_by, modified_at, revision, $2 FROM objects WHERE realm = $1 AND revision < $2";
        self.tx
            .execute(sql, &[realm.into(), self.number.into()])
            .await?;
        for sql in [
            "DELETE FROM objects WHERE realm = $1",
            "DELETE FROM members WHERE realm = $1",
        ] {
            self.tx.execute(sql, &[realm.into()]).await?;
        }
        let sql = "DELETE FROM sessions WHERE realm = $1 RETURNING hash";
        let ended = self.tx.rows(sql, &[realm.into()]).await?;
        self.tell_ended(ended).await?;
        self.revoke(Revoke::Realm(realm)).await
    }

    /// Tokens end with whom they stand for.
    async fn revoke(&mut self, which: Revoke<'_>) -> Outcome<()> {
        revoke_in(&mut self.tx, which, self.at).await.map(drop)
    }

    async fn tell_ended(&mut self, rows: Vec<T::Row>) -> Outcome<()> {
        let hashes = rows
            .iter()
            .map(|row| row.text("hash"))
            .collect::<Outcome<_>>()?;
        tell_ended(&mut self.tx, hashes).await
    }
}
