//! `GET …/bundles/NAME/notice`: the latest revision, at once or as soon as it is higher than the one that is held.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use tokio::time::Instant;

use super::watch::{Watch, Woken};
use super::{access, seal};
use crate::api::Call;
use crate::api::error::ApiError;
use crate::app::App;
use crate::limits::NOTICE_WAIT_SECONDS;

/// A signed notice. With `after=REVISION&wait=SECONDS` it comes when the revision is higher, or when the time is over.
///
/// # Errors
/// 400 for parameters that are no numbers or too large; as [`access::reader`].
pub(super) async fn answer(
    app: &Arc<App>,
    call: &Call,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let after = number(call, "after")?;
    let wait = number(call, "wait")?;
    let bundle = match (after, wait) {
        (_, Some(seconds)) if seconds > NOTICE_WAIT_SECONDS => {
            return Err(ApiError::bad_request(format!(
                "wait is at most {NOTICE_WAIT_SECONDS} seconds, not {seconds}"
            )));
        }
        (None, Some(_)) => {
            return Err(ApiError::bad_request(
                "wait needs after: the revision that the holder has",
            ));
        }
        (Some(after), Some(seconds)) if seconds > 0 => {
            let until = Instant::now() + Duration::from_secs(seconds);
            let (mut watch, mut bundle) = Watch::begin(app, call, name).await?;
            while bundle.revision <= after {
                let (latest, woken) = watch.next(bundle.revision, until).await?;
                bundle = latest;
                if woken != Woken::Changed {
                    break;
                }
            }
            bundle
        }
        _ => {
            access::reader(app, &call.headers, &call.realm, name, call.now)
                .await?
                .bundle
        }
    };
    let mut response = Response::new(Body::from(seal::of_notice(app, &bundle)?));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jose"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn number(call: &Call, name: &'static str) -> Result<Option<u64>, ApiError> {
    let Some(text) = call.parameters.single(name)? else {
        return Ok(None);
    };
    text.parse().map(Some).map_err(|_| {
        ApiError::bad_request(format!(
            "The value '{text}' for parameter '{name}' could not be parsed as a whole number"
        ))
    })
}
