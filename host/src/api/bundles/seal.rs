//! What is signed: the seal around a bundle, and the cheap notice that there is nothing newer.
//!
//! A holder counts its age from the latest instant that it has a signature for. That instant is never later than the
//! moment at which this node last knew the store's latest revision: a node that is cut off from the store keeps nobody
//! fresh.

use serde_json::{Value, json};

use crate::api::error::ApiError;
use crate::app::App;
use crate::keys::{self, Purpose};
use crate::publish::PublishedBundle;
use crate::seal::{self, Seal};

/// The line before a bundle's bytes: whose, which, how old it may get, and what its bytes must be.
///
/// # Errors
/// The keys cannot be used.
pub(super) fn of_bundle(app: &App, bundle: &PublishedBundle) -> Result<String, ApiError> {
    let seal = Seal {
        issuer: app.oauth.issuer(),
        realm: bundle.realm.as_str(),
        name: &bundle.definition.name,
        revision: bundle.revision,
        digest: &bundle.digest,
        bytes_sha256: &bundle.bytes_sha256,
        issued_at: app.publisher.confirmed(),
        max_age: bundle.definition.max_age,
    };
    sign(app, seal::BUNDLE, &seal.payload())
}

/// The word that a revision is the latest one.
///
/// # Errors
/// The keys cannot be used.
pub(super) fn of_notice(app: &App, bundle: &PublishedBundle) -> Result<String, ApiError> {
    let payload = json!({
        "iss": app.oauth.issuer(),
        "realm": bundle.realm.as_str(),
        "name": bundle.definition.name,
        "revision": bundle.revision,
        "instant": app.publisher.confirmed(),
    });
    sign(app, seal::NOTICE, &payload)
}

fn sign(app: &App, typ: &str, payload: &Value) -> Result<String, ApiError> {
    let signed = app
        .keys
        .ring(Purpose::Bundles)
        .and_then(|ring| keys::sign(&ring, typ, payload));
    signed.map_err(ApiError::internal)
}
