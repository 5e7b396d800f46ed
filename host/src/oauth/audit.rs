//! The audit record: every issue, refusal and revocation as one event of the target `audit`, whatever the log level.
//!
//! INVARIANT: no event holds a secret, a token or an assertion. Tokens are named by their `jti`, which opens nothing.

use std::net::IpAddr;

/// Who and what an event is about; what does not apply is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About<'a> {
    /// The client or user that was authenticated, or that was claimed where it failed.
    pub(crate) client: &'a str,
    /// Whom the token stands for.
    pub(crate) subject: &'a str,
    pub(crate) grant: &'a str,
    pub(crate) scope: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) jti: &'a str,
    pub(crate) address: Option<IpAddr>,
}

/// A token was issued.
pub(crate) fn issued(about: About<'_>) {
    let address = address(&about);
    tracing::info!(
        target: "audit", event = "token.issued", client = about.client, subject = about.subject, grant = about.grant,
        scope = about.scope, audience = about.audience, jti = about.jti, address, "token issued"
    );
}

/// A request was refused; `reason` says more than the client was told.
pub(crate) fn refused(about: About<'_>, reason: &str) {
    let address = address(&about);
    tracing::info!(
        target: "audit", event = "token.refused", client = about.client, subject = about.subject, grant = about.grant,
        scope = about.scope, jti = about.jti, address, reason, "refused"
    );
}

/// Tokens were revoked: `count` of those that were good until now; `which` says which.
pub(crate) fn revoked(about: About<'_>, which: &str, count: u64) {
    let address = address(&about);
    tracing::info!(
        target: "audit", event = "token.revoked", client = about.client, subject = about.subject, jti = about.jti,
        address, which, count, "tokens revoked"
    );
}

/// A client, role or key was changed: `what` is `client.created`, `keys.rotated` and so on, `name` its id.
pub(crate) fn administered(what: &str, author: &str, name: &str) {
    tracing::info!(target: "audit", event = what, author, name, "administered");
}

fn address(about: &About<'_>) -> String {
    about
        .address
        .map_or_else(String::new, |address| address.to_string())
}
