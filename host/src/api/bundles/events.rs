//! `GET …/bundles/NAME/events`: notices as server-sent events; one at once, one at each change, and one in between so
//! that a holder knows that the server is there and has nothing newer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue, Response};
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use futures_util::stream;
use tokio::time::Instant;

use super::seal;
use super::watch::{Watch, Woken};
use crate::api::Call;
use crate::api::error::ApiError;
use crate::app::App;
use crate::publish::PublishedBundle;

/// A stream of notices. It ends when the reader may not have the bundle any more, when there is none, and when the
/// server stops; the client's next connection is told which.
///
/// # Errors
/// As [`super::access::reader`]; 429 and 503 where too many wait already.
pub(super) async fn answer(
    app: &Arc<App>,
    call: &Call,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let (watch, bundle) = Watch::begin(app, call, name).await?;
    let first = notice(&watch, &bundle)?;
    let interval = Duration::from_secs(app.config.notice_seconds);
    let following = stream::unfold(Some((watch, bundle.revision)), move |state| async move {
        let (mut watch, seen) = state?;
        let until = Instant::now() + interval;
        let (bundle, woken) = watch.next(seen, until).await.ok()?;
        let event = notice(&watch, &bundle).ok()?;
        // The last word of a server that stops is a fresh one.
        let next = (woken != Woken::Stopping).then_some((watch, bundle.revision));
        Some((event, next))
    });
    let all = stream::StreamExt::chain(stream::iter([first]), following);
    let events = stream::StreamExt::map(all, Ok::<_, Infallible>);
    let mut response = Sse::new(events).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the nginx kind would otherwise collect events before they pass them on.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    headers.insert(unbuffered, HeaderValue::from_static("no"));
    Ok(response)
}

fn notice(watch: &Watch, bundle: &PublishedBundle) -> Result<Event, ApiError> {
    let jws = seal::of_notice(watch.app(), bundle)?;
    Ok(Event::default().event("notice").data(jws))
}
