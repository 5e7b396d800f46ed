//! The token service's part of a relational store.
//!
//! INVARIANT: a revocation takes its number from the one row of `token_state`, which locks it until the commit, so
//! numbers become visible in their order and whoever has seen number N has seen all below it.

use async_trait::async_trait;

use super::database::{Columns, Database, Outcome, Transaction, Value};
use super::relational::{RelationalStore, attempt};
use super::tokens::{
    AccessRow, RefreshRow, Revoke, Revoked, RevokedAccess, SpentRefresh, TokenStore,
};
use super::{Notice, Result, StoreError};
use crate::clock::Millis;

const ACCESS: &str = "SELECT * FROM access_tokens WHERE jti = $1";
const REFRESH: &str = "SELECT * FROM refresh_tokens WHERE hash = $1";

#[async_trait]
impl<D: Database> TokenStore for RelationalStore<D> {
    async fn add_token(&self, access: &AccessRow, refresh: Option<&RefreshRow>) -> Result<()> {
        attempt!(add_token(&self.database, access, refresh))
    }

    async fn redeem_refresh_token(
        &self,
        spent: SpentRefresh<'_>,
        access: &AccessRow,
        refresh: &RefreshRow,
    ) -> Result<bool> {
        attempt!(redeem(&self.database, spent, access, refresh))
    }

    async fn access_token(&self, jti: &str) -> Result<Option<AccessRow>> {
        self.one(ACCESS, &[jti.into()], read_access).await
    }

    async fn refresh_token(&self, hash: &str) -> Result<Option<RefreshRow>> {
        self.one(REFRESH, &[hash.into()], read_refresh).await
    }

    async fn active_tokens(&self, now: Millis, after: &str, limit: u32) -> Result<Vec<AccessRow>> {
        let sql = "SELECT t.* FROM access_tokens t LEFT JOIN access_tokens a ON a.jti = $2 \
                   WHERE t.revoked IS NULL AND t.expires > $1 \
                   AND (a.jti IS NULL OR t.issued > a.issued OR t.issued = a.issued AND t.jti > a.jti) \
                   ORDER BY t.issued, t.jti LIMIT $3";
        let values = [now.into(), after.into(), i64::from(limit).into()];
        self.all(sql, &values, read_access).await
    }

    async fn revoke_tokens(&self, which: Revoke<'_>, now: Millis) -> Result<Revoked> {
        attempt!(revoke(&self.database, which, now))
    }

    async fn revocations(&self, after: i64) -> Result<Vec<RevokedAccess>> {
        let sql =
            "SELECT jti, expires, revoked FROM access_tokens WHERE revoked > $1 ORDER BY revoked";
        self.all(sql, &[after.into()], |row| {
            Ok(RevokedAccess {
                jti: row.text("jti")?,
                expires: row.number("expires")?,
                number: row.number("revoked")?,
            })
        })
        .await
    }

    async fn spend_assertion(&self, client: &str, jti: &str, expires: Millis) -> Result<bool> {
        let sql = "INSERT INTO spent_assertions (client, jti, expires) VALUES ($1, $2, $3) \
                   ON CONFLICT (client, jti) DO NOTHING";
        let values = [client.into(), jti.into(), expires.into()];
        let altered = attempt!(self.execute(sql, &values, None))?;
        Ok(altered > 0)
    }

    async fn delete_expired_tokens(&self, access: Millis, refresh: Millis) -> Result<u64> {
        attempt!(delete_expired(&self.database, access, refresh))
    }
}

async fn add_token<D: Database>(
    database: &D,
    access: &AccessRow,
    refresh: Option<&RefreshRow>,
) -> Outcome<()> {
    let mut tx = database.begin().await?;
    insert_access(&mut tx, access).await?;
    if let Some(refresh) = refresh {
        insert_refresh(&mut tx, refresh).await?;
    }
    tx.commit().await
}

async fn redeem<D: Database>(
    database: &D,
    spent: SpentRefresh<'_>,
    access: &AccessRow,
    refresh: &RefreshRow,
) -> Outcome<bool> {
    let mut tx = database.begin().await?;
    // INVARIANT: no revocation passes while a token is exchanged; it could not see what the exchange is about to add to
    // the family that it revokes.
    tx.execute("UPDATE token_state SET revocations = revocations", &[])
        .await?;
    let sql = "UPDATE refresh_tokens SET used = $2, successor = $3 \
               WHERE hash = $1 AND used IS NULL AND revoked IS NULL";
    let values = [spent.hash.into(), spent.at.into(), spent.successor.into()];
    if tx.execute(sql, &values).await? == 0 {
        return Ok(false);
    }
    insert_access(&mut tx, access).await?;
    insert_refresh(&mut tx, refresh).await?;
    tx.commit().await?;
    Ok(true)
}

async fn insert_access<T: Transaction>(tx: &mut T, row: &AccessRow) -> Outcome<()> {
    let sql = "INSERT INTO access_tokens (jti, client, realm, user_key, family, issued, expires, body) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        (&row.jti).into(),
        (&row.client).into(),
        (&row.realm).into(),
        (&row.user_key).into(),
        (&row.family).into(),
        row.issued.into(),
        row.expires.into(),
        (&row.body).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

async fn insert_refresh<T: Transaction>(tx: &mut T, row: &RefreshRow) -> Outcome<()> {
    let sql = "INSERT INTO refresh_tokens (hash, client, realm, user_key, family, issued, expires, body) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = [
        (&row.hash).into(),
        (&row.client).into(),
        (&row.realm).into(),
        (&row.user_key).into(),
        (&row.family).into(),
        row.issued.into(),
        row.expires.into(),
        (&row.body).into(),
    ];
    tx.execute(sql, &values).await.map(drop)
}

async fn revoke<D: Database>(database: &D, which: Revoke<'_>, now: Millis) -> Outcome<Revoked> {
    let mut tx = database.begin().await?;
    let revoked = revoke_in(&mut tx, which, now).await?;
    // Nothing was good: the number that was taken is given back.
    if revoked.now > 0 {
        tx.commit().await?;
    }
    Ok(revoked)
}

/// A revocation as a part of a larger change, such as that of a user who is deleted.
pub(super) async fn revoke_in<T: Transaction>(
    tx: &mut T,
    which: Revoke<'_>,
    now: Millis,
) -> Outcome<Revoked> {
    let sql = "UPDATE token_state SET revocations = revocations + 1 RETURNING revocations";
    let rows = tx.rows(sql, &[]).await?;
    let number = rows.first().ok_or_else(lost)?.number("revocations")?;
    let mut revoked = Revoked::default();
    for (count, update) in statements(which) {
        let (first, second) = named(which);
        let rows = tx.rows(count, &[first, second, now.into()]).await?;
        let before = rows.first().map_or(Ok(0), |row| row.number("revoked"))?;
        revoked.before += u64::try_from(before).unwrap_or(0);
        let values = [first, second, now.into(), number.into()];
        revoked.now += tx.execute(update, &values).await?;
    }
    if revoked.now > 0 {
        tx.notify(&Notice::Tokens).await?;
    }
    Ok(revoked)
}

/// The values that a revocation's statements name `$1` and `$2`; the second is often the first again, so that all
/// statements have the same placeholders.
fn named(which: Revoke<'_>) -> (Value<'_>, Value<'_>) {
    match which {
        Revoke::Access(name)
        | Revoke::Refresh(name)
        | Revoke::Family(name)
        | Revoke::Client(name)
        | Revoke::Realm(name) => (name.into(), name.into()),
        Revoke::User(realm, user) => (realm.into(), user.into()),
    }
}

/// For each table concerned: how to count what had been revoked before, and how to revoke the rest.
fn statements(which: Revoke<'_>) -> &'static [(&'static str, &'static str)] {
    macro_rules! pair {
        ($table:literal, $which:literal) => {
            (
                concat!(
                    "SELECT count(*) AS revoked FROM ",
                    $table,
                    " WHERE revoked IS NOT NULL AND expires > $3 AND ",
                    $which
                ),
                concat!(
                    "UPDATE ",
                    $table,
                    " SET revoked = $4 WHERE revoked IS NULL AND expires > $3 AND ",
                    $which
                ),
            )
        };
    }
    macro_rules! both {
        ($which:literal) => {
            &[
                pair!("access_tokens", $which),
                pair!("refresh_tokens", $which),
            ]
        };
    }
    match which {
        Revoke::Access(_) => &[pair!("access_tokens", "jti = $1 AND jti = $2")],
        Revoke::Refresh(_) => &[pair!("refresh_tokens", "hash = $1 AND hash = $2")],
        Revoke::Family(_) => both!("family = $1 AND family = $2"),
        Revoke::Client(_) => both!("client = $1 AND client = $2"),
        Revoke::User(..) => both!("realm = $1 AND user_key = $2"),
        Revoke::Realm(_) => both!("realm = $1 AND realm = $2 AND user_key <> ''"),
    }
}

async fn delete_expired<D: Database>(
    database: &D,
    access: Millis,
    refresh: Millis,
) -> Outcome<u64> {
    let mut tx = database.begin().await?;
    let mut deleted = 0;
    for (sql, before) in [
        ("DELETE FROM access_tokens WHERE expires < $1", access),
        ("DELETE FROM spent_assertions WHERE expires < $1", access),
        ("DELETE FROM refresh_tokens WHERE expires < $1", refresh),
    ] {
        deleted += tx.execute(sql, &[before.into()]).await?;
    }
    tx.commit().await?;
    Ok(deleted)
}

fn read_access<R: Columns>(row: &R) -> Outcome<AccessRow> {
    Ok(AccessRow {
        jti: row.text("jti")?,
        client: row.text("client")?,
        realm: row.text("realm")?,
        user_key: row.text("user_key")?,
        family: row.text("family")?,
        issued: row.number("issued")?,
        expires: row.number("expires")?,
        body: row.text("body")?,
        revoked: row.maybe_number("revoked")?,
    })
}

fn read_refresh<R: Columns>(row: &R) -> Outcome<RefreshRow> {
    Ok(RefreshRow {
        hash: row.text("hash")?,
        client: row.text("client")?,
        realm: row.text("realm")?,
        user_key: row.text("user_key")?,
        family: row.text("family")?,
        issued: row.number("issued")?,
        expires: row.number("expires")?,
        body: row.text("body")?,
        used: row.maybe_number("used")?,
        successor: row.maybe_text("successor")?,
        revoked: row.maybe_number("revoked")?,
    })
}

fn lost() -> StoreError {
    StoreError::Unavailable("the store has lost its token state".into())
}
