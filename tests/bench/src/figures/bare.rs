//! The handler that the server is compared with: axum, a body in, a body out, and nothing between.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::routing::post;

use crate::Outcome;

/// Serves on a port of its own choice, which it prints, until it is killed. `sizes` is `BODY,HEADERS`: the bytes of the answer's
/// body, and how many its headers should have beside axum's own.
pub(crate) fn serve(sizes: &str) -> Outcome<()> {
    let (body, headers) = sizes.split_once(',').ok_or("bare BODY,HEADERS")?;
    let body = Bytes::from(vec![b'x'; body.parse()?]);
    let filler = "f".repeat(headers.parse()?);
    let answer = move |request: Bytes| async move {
        // The request is read to its end, as the server has to.
        std::hint::black_box(request.len());
        (
            [
                (CONTENT_TYPE, "application/json".to_owned()),
                (HeaderName::from_static("x-fill"), filler),
            ],
            body,
        )
    };
    let app = Router::new().route("/am/json/policies", post(answer));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        axum::serve(listener, app.into_make_service()).await?;
        Ok(())
    })
}
