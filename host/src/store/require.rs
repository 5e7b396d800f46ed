//! What must be so for a change to be written: what it says itself, and what is always so of realms.
//!
//! INVARIANT: all of this is looked at in the transaction that writes, behind the lock that every change takes first. What
//! holds here holds until the commit, on whichever node others write.

use std::collections::BTreeSet;

use super::change::Change;
use super::database::{Columns, Outcome, Transaction};
use super::history::stored;
use super::relational::{read_past, revision};
use super::{Kind, StoreError, Unreferred, Write};

impl<T: Transaction> Change<'_, T> {
    /// A document is at this revision still.
    pub(super) async fn require(
        &mut self,
        kind: Kind,
        realm: &str,
        key: &str,
        wanted: u64,
    ) -> Outcome<()> {
        let sql = "SELECT revision FROM objects WHERE realm = $1 AND kind = $2 AND key = $3";
        let values = [realm.into(), kind.name().into(), key.into()];
        let rows = self.tx.rows(sql, &values).await?;
        let found = rows.first().map(|row| row.number("revision"));
        if found.transpose()?.map(revision) == Some(wanted) {
            Ok(())
        } else {
            Err(changed(key))
        }
    }

    /// No document of a kind has this owner.
    pub(super) async fn require_empty(
        &mut self,
        kind: Kind,
        realm: &str,
        owner: &str,
    ) -> Outcome<()> {
        let sql = "SELECT key FROM objects WHERE realm = $1 AND kind = $2 AND owner = $3 LIMIT 1";
        let values = [realm.into(), kind.name().into(), owner.into()];
        match self.tx.rows(sql, &values).await?.first() {
            None => Ok(()),
            Some(row) => Err(changed(&row.text("key")?)),
        }
    }

    /// No document refers to something, of those that whoever looked before cannot have seen.
    pub(super) async fn require_unreferred(&mut self, look: &Unreferred) -> Outcome<()> {
        // Nothing at all was written since, as nearly always.
        if revision(self.previous) <= look.since {
            return Ok(());
        }
        let sql = "SELECT * FROM objects WHERE realm = $1 AND kind = $2 AND revision > $3";
        let since = stored(look.since).into();
        let values = [(&look.realm).into(), look.kind.name().into(), since];
        for row in &self.tx.rows(sql, &values).await? {
            let object = read_past(row)?;
            if (look.refers)(&object, &look.to) {
                return Err(changed(&object.key));
            }
        }
        Ok(())
    }

    /// The realms that these writes put documents into are there, and those above the realms that they make.
    pub(super) async fn require_realms(&mut self, writes: &[Write]) -> Outcome<()> {
        let mut realms = BTreeSet::new();
        for write in writes {
            if let Write::Put(_, draft) = write {
                realms.insert(match draft.kind {
                    Kind::Realm => above(&draft.key),
                    _ => draft.realm.as_str(),
                });
            }
        }
        for realm in realms {
            // The root realm is always there, with or without a document; some kinds live in no realm.
            if matches!(realm, "" | "/") {
                continue;
            }
            let sql = "SELECT key FROM objects WHERE realm = '' AND kind = 'realm' AND key = $1";
            if self.tx.rows(sql, &[realm.into()]).await?.is_empty() {
                let realm = realm.to_owned();
                return Err(StoreError::NoRealm { realm }.into());
            }
        }
        Ok(())
    }

    /// There is no realm beneath this one.
    pub(super) async fn require_no_realm_beneath(&mut self, realm: &str) -> Outcome<()> {
        // Keys are ordered by their bytes, and "0" comes after "/": these are the keys that begin with the realm and "/".
        let (from, to) = (format!("{realm}/"), format!("{realm}0"));
        let sql = "SELECT key FROM objects WHERE realm = '' AND kind = 'realm' AND key >= $1 AND key < $2 LIMIT 1";
        match self
            .tx
            .rows(sql, &[(&from).into(), (&to).into()])
            .await?
            .first()
        {
            None => Ok(()),
            Some(row) => Err(changed(&row.text("key")?)),
        }
    }
}

/// The key of the realm above one.
fn above(realm: &str) -> &str {
    realm.rsplit_once('/').map_or("", |(above, _)| above)
}

fn changed(key: &str) -> super::database::Failure {
    StoreError::Changed {
        key: key.to_owned(),
    }
    .into()
}
