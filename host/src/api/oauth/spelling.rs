//! How users are called. AM finds them whatever the case of the letters; the names of Pexip's and Elasticsearch's users are
//! case-sensitive (seed 003).

use crate::app::App;
use crate::auth::session::ADMINISTRATOR;
use crate::realm::RealmPath;
use crate::store::{Kind, StoreError};

/// Whether a user of the root realm is called exactly this.
///
/// # Errors
/// The store did not answer.
pub(crate) async fn is_spelled(app: &App, name: &str) -> Result<bool, StoreError> {
    Ok(spelling(app, name)
        .await?
        .is_some_and(|known| known == name))
}

/// Whether a user of the root realm is called this but for the case of the letters. Of one who is gone nobody knows the
/// spelling.
///
/// # Errors
/// The store did not answer.
pub(crate) async fn is_misspelled(app: &App, name: &str) -> Result<bool, StoreError> {
    Ok(spelling(app, name)
        .await?
        .is_some_and(|known| known != name))
}

async fn spelling(app: &App, name: &str) -> Result<Option<String>, StoreError> {
    let key = name.to_lowercase();
    if key == ADMINISTRATOR {
        return Ok(Some(key));
    }
    let realm = RealmPath::root().key();
    let found = app.store.object(Kind::User, &realm, &key).await?;
    Ok(found.map(|user| user.name))
}
