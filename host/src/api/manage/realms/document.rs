//! A realm's one document, which two endpoints change a part of each: whether it is active and its aliases here, how
//! decisions are made at `realm-config/services/policyconfiguration`.
//!
//! INVARIANT: what an endpoint does not change stays as the store has it at the moment of writing, whoever wrote it and on
//! whichever node: what is live here may be older.

use crate::api::error::ApiError;
use crate::app::App;
use crate::documents::realm;
use crate::limits::REWRITE_ATTEMPTS;
use crate::publish::{CommitError, RealmBody, realm_of};
use crate::realm::RealmPath;
use crate::store::{Expect, Kind, StoreError, Write};

/// A realm's document as it is in the store.
pub(in crate::api::manage) struct Stored {
    path: RealmPath,
    pub(in crate::api::manage) body: RealmBody,
    /// None for the root realm, which is there before anybody writes its document.
    revision: Option<u64>,
}

impl Stored {
    /// # Errors
    /// 404 for a realm that is gone; 503 where the store did not answer.
    pub(in crate::api::manage) async fn read(
        app: &App,
        path: &RealmPath,
    ) -> Result<Self, ApiError> {
        match app.store.object(Kind::Realm, "", &path.key()).await? {
            Some(object) => {
                let (path, body) = realm_of(&object)?;
                Ok(Stored {
                    path,
                    body,
                    revision: Some(object.revision),
                })
            }
            None if path.is_root() => Ok(Stored {
                path: path.clone(),
                body: RealmBody::default(),
                revision: None,
            }),
            None => Err(ApiError::not_found(format!("Realm cannot be read: {path}"))),
        }
    }

    /// The document's revision, as `_rev` shows it.
    pub(in crate::api::manage) fn revision(&self) -> String {
        self.revision
            .map_or("initial".to_owned(), |revision| revision.to_string())
    }

    /// What writes another body, unless somebody else has written one meanwhile.
    fn replaced_by(&self, body: &RealmBody) -> Vec<Write> {
        let draft = realm::draft(&self.path, body);
        match self.revision {
            Some(revision) => vec![
                Write::Require {
                    kind: Kind::Realm,
                    realm: String::new(),
                    key: draft.key.clone(),
                    revision,
                },
                Write::Put(Expect::Present, draft),
            ],
            None => vec![Write::Put(Expect::Absent, draft)],
        }
    }
}

/// Changes a realm's document to what `change` makes of it. Where somebody else changes it meanwhile it is read again, so
/// `change` is where a client's precondition is checked.
///
/// # Errors
/// Those of `change`; 404 for a realm that is gone; 409 where others do not stop changing it.
pub(in crate::api::manage) async fn rewrite(
    app: &App,
    (author, summary): (&str, &str),
    path: &RealmPath,
    change: impl Fn(&Stored) -> Result<RealmBody, ApiError>,
) -> Result<(), ApiError> {
    for _ in 0..REWRITE_ATTEMPTS {
        let there = Stored::read(app, path).await?;
        let writes = there.replaced_by(&change(&there)?);
        match app.publisher.commit(author, summary, writes).await {
            // A root realm whose document appeared in between exists already.
            Err(CommitError::Store(StoreError::Changed { .. } | StoreError::Exists { .. })) => {}
            other => return Ok(other.map(drop)?),
        }
    }
    Err(ApiError::contended())
}
