//! Connections: HTTP/1.1, with bounds on how many there are and on how long a client may take to ask.
//!
//! What a client has asked for may take as long as it takes: answers are not timed, nor is what a connection has become
//! (WebSockets). `axum::serve` has no such bounds.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::ConnectInfo;
use axum::serve::Listener;
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{Semaphore, watch};
use tokio::time::Sleep;
use tower_service::Service;

use super::Peer;
use crate::api::json_body::TooSlow;
use crate::app::stopped;
use crate::config::Config;

/// What connections may take.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    connections: u32,
    header: Duration,
    body: Duration,
}

impl Bounds {
    pub(super) fn of(config: &Config) -> Self {
        Bounds {
            connections: config.connections,
            header: Duration::from_secs(config.header_seconds),
            body: Duration::from_secs(config.body_seconds),
        }
    }
}

/// Serves connections until the server stops, and then until those that are open have had their answers.
pub(super) async fn serve<L>(
    mut listener: L,
    router: Router,
    bounds: Bounds,
    mut stopping: watch::Receiver<bool>,
) where
    L: Listener<Addr = SocketAddr>,
{
    let places = Arc::new(Semaphore::new(bounds.connections as usize));
    let mut http = http1::Builder::new();
    // It runs from the opening, or from the answer before, so it ends idle connections, too.
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.header);
    let ending = stopping.clone();
    let mut stop = pin!(stopped(&mut stopping));
    loop {
        // INVARIANT: nobody is accepted without a place. Those who find none wait in the system's queue.
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = &mut stop => break,
        };
        let Ok(place) = place else { break };
        let (io, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(|body| Body::new(Timely::new(body, bounds.body)));
            request.extensions_mut().insert(ConnectInfo(Peer(address)));
            router.clone().call(request)
        });
        let connection = http
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let mut ending = ending.clone();
        tokio::spawn(async move {
            let _place = place;
            let mut connection = pin!(connection);
            let served = tokio::select! {
                served = connection.as_mut() => served,
                () = stopped(&mut ending) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, %address, "a connection ended");
            }
        });
    }
    drop(listener);
    // All places are free when all connections are closed. An error means that there are no places any more.
    let _ = places.acquire_many(bounds.connections).await;
}

/// The body of a request, all of which must come in time.
struct Timely {
    body: Incoming,
    limit: Duration,
    /// Set when something is waited for: most bodies come with their header, and need no clock.
    end: Option<Pin<Box<Sleep>>>,
}

impl Timely {
    fn new(body: Incoming, limit: Duration) -> Self {
        Timely {
            body,
            limit,
            end: None,
        }
    }
}

impl hyper::body::Body for Timely {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = this.limit;
        let end = this
            .end
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        match end.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(TooSlow.into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
