//! What was: every revision with its author, the difference of two, and the way back to one.
//!
//! A document that is replaced or removed moves to `past` with the interval of revisions in which it was valid. So the
//! store as it was at revision N is: objects with `revision` ≤ N, and past ones with `revision` ≤ N < `until`.

use std::collections::BTreeMap;

use super::change::Change;
use super::database::{Columns, Database, Outcome, Transaction, Value};
use super::relational::{read_past, revision};
use super::{Applied, Difference, Kind, Object, Revision, StoreError};
use crate::clock::Millis;

/// What differs between the store at two revisions, in the order of realm, kind and key.
pub(super) async fn diff<D: Database>(
    database: &D,
    from: u64,
    to: u64,
) -> Outcome<Vec<Difference>> {
    let (earlier, later) = (from.min(to), from.max(to));
    let values = [stored(earlier).into(), stored(later).into()];
    let mut tx = database.begin_view().await?;
    for number in [earlier, later] {
        check_known(&mut tx, number).await?;
    }
    let was = "SELECT * FROM past WHERE revision <= $1 AND until > $1 AND until <= $2";
    let was = tx.rows(was, &values).await?;
    let columns = "SELECT realm, kind, key, name_key, name, owner, body, created_by, created_at, modified_by, \
                   modified_at, revision FROM objects WHERE revision > $1 AND revision <= $2 \
                   UNION ALL \
                   SELECT realm, kind, key, name_key, name, owner, body, created_by, created_at, modified_by, \
                   modified_at, revision FROM past WHERE revision > $1 AND revision <= $2 AND until > $2";
    let is = tx.rows(columns, &values).await?;
    let mut pairs: BTreeMap<Id, (Option<Object>, Option<Object>)> = BTreeMap::new();
    for row in &was {
        pairs.entry(id(row)?).or_default().0 = Some(read_past(row)?);
    }
    for row in &is {
        pairs.entry(id(row)?).or_default().1 = Some(read_past(row)?);
    }
    let difference =
        |((realm, kind, key), (earlier, later)): (Id, (Option<Object>, Option<Object>))| {
            let kind = Kind::named(&kind).ok_or_else(|| {
                StoreError::Unavailable(format!(
                    "the store holds an unknown kind of document: {kind}"
                ))
            })?;
            let (before, after) = if from <= to {
                (earlier, later)
            } else {
                (later, earlier)
            };
            Ok(Difference {
                kind,
                realm,
                key,
                before,
                after,
            })
        };
    pairs.into_iter().map(difference).collect()
}

/// Makes policies, and what they are made of, as they were at a revision, under a new one.
pub(super) async fn roll_back<D: Database>(
    database: &D,
    author: &str,
    at: Millis,
    to: u64,
) -> Outcome<Applied> {
    let summary = format!("roll back to revision {to}");
    let mut change = Change::begin(database, author, at, &summary).await?;
    if to == 0 {
        return Err(StoreError::Missing {
            key: "revision 0".into(),
        }
        .into());
    }
    check_known(&mut change.tx, to).await?;
    let (to, number) = (stored(to), change.number);
    // What was written since, but for realms that did not exist then: there is nothing that they could return to.
    let sql = "INSERT INTO past (realm, kind, key, name_key, name, owner, body, created_by, created_at, modified_by, \
               modified_at, revision, until) \
               SELECT realm, kind, key, name_key, name, owner, body, created_by, created_at, modified_by, \
               modified_at, revision, $2 FROM objects WHERE revision > $1 AND revision < $2 AND ( \
               kind IN ('resourceType', 'policySet', 'policy', 'script') AND realm NOT IN ( \
               SELECT o.key FROM objects o WHERE o.kind = 'realm' AND o.key <> '/' AND o.revision > $1 \
               AND NOT EXISTS (SELECT 1 FROM past p WHERE p.kind = 'realm' AND p.key = o.key \
               AND p.revision <= $1 AND p.until > $1)) \
               OR kind = 'realm' AND EXISTS (SELECT 1 FROM past p WHERE p.kind = 'realm' \
               AND p.key = objects.key AND p.revision <= $1 AND p.until > $1))";
    change.tx.execute(sql, &[to.into(), number.into()]).await?;
    let sql = "DELETE FROM objects WHERE EXISTS (SELECT 1 FROM past p WHERE p.realm = objects.realm \
               AND p.kind = objects.kind AND p.key = objects.key AND p.until = $1)";
    change.tx.execute(sql, &[number.into()]).await?;
    let sql = "INSERT INTO objects (realm, kind, key, name_key, name, owner, body, created_by, created_at, \
               modified_by, modified_at, revision) \
               SELECT realm, kind, key, name_key, name, owner, body, created_by, created_at, $3, $4, $2 FROM past \
               WHERE revision <= $1 AND until > $1 \
               AND kind IN ('realm', 'resourceType', 'policySet', 'policy', 'script') \
               AND NOT EXISTS (SELECT 1 FROM objects o WHERE o.realm = past.realm AND o.kind = past.kind \
               AND o.key = past.key)";
    let values = [to.into(), number.into(), author.into(), at.into()];
    change.tx.execute(sql, &values).await?;
    change.commit().await
}

/// Moves a document into the past before it is replaced or removed by the change `until`; one that the same change
/// wrote was never visible and leaves no trace.
pub(super) async fn keep<T: Transaction>(
    tx: &mut T,
    [realm, kind, key]: [Value<'_>; 3],
    until: i64,
) -> Outcome<()> {
    let sql = "INSERT INTO past (realm, kind, key, name_key, name, owner, body, created_by, created_at, modified_by, \
               modified_at, revision, until) \
               SELECT realm, kind, key, name_key, name, owner, body, created_by, created_at, modified_by, \
               modified_at, revision, $4 FROM objects \
               WHERE realm = $1 AND kind = $2 AND key = $3 AND revision < $4";
    tx.execute(sql, &[realm, kind, key, until.into()])
        .await
        .map(drop)
}

/// A revision that never was has no content; 0 is the empty store.
async fn check_known<T: Transaction>(tx: &mut T, number: u64) -> Outcome<()> {
    let sql = "SELECT number FROM revisions WHERE number = $1";
    let known = tx.rows(sql, &[stored(number).into()]).await?;
    if known.is_empty() && number != 0 {
        return Err(StoreError::Missing {
            key: format!("revision {number}"),
        }
        .into());
    }
    Ok(())
}

pub(super) fn read_revision<R: Columns>(row: &R) -> Outcome<Revision> {
    Ok(Revision {
        number: revision(row.number("number")?),
        at: row.number("at")?,
        author: row.text("author")?,
        summary: row.text("summary")?,
    })
}

/// Realm, kind and key.
type Id = (String, String, String);

fn id<R: Columns>(row: &R) -> Outcome<Id> {
    Ok((row.text("realm")?, row.text("kind")?, row.text("key")?))
}

/// A revision as the store counts; one beyond what it can hold comes after all that it holds.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
