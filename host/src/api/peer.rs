//! Where a request comes from.

use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::Extensions;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use crate::serve::Peer;

/// The address at the other end of the connection.
pub(crate) struct PeerAddress(pub(crate) IpAddr);

/// The connection has no address: the server was put together without [`Peer`].
#[derive(Debug)]
pub(crate) struct NoPeer;

impl PeerAddress {
    /// For extractors, which refuse in their own shape.
    ///
    /// # Errors
    /// [`NoPeer`]
    pub(crate) fn of(extensions: &Extensions) -> Result<IpAddr, NoPeer> {
        let found = extensions.get::<ConnectInfo<Peer>>();
        found.map(|ConnectInfo(Peer(peer))| peer.ip()).ok_or(NoPeer)
    }
}

impl<S: Sync> FromRequestParts<S> for PeerAddress {
    type Rejection = NoPeer;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoPeer> {
        Self::of(&parts.extensions).map(PeerAddress)
    }
}

impl std::fmt::Display for NoPeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a connection without an address")
    }
}

impl IntoResponse for NoPeer {
    fn into_response(self) -> Response {
        ApiError::internal(self).into_response()
    }
}
