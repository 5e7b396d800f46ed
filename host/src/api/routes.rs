//! Routes, and the list of their paths beside them: a router keeps none that could be read, and `openapi.json` must
//! describe every one.

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;

use crate::app::App;

/// The routes of one API, or of several.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<Arc<App>>,
    paths: Vec<String>,
}

impl Routes {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a route; paths are written as axum has them.
    pub(crate) fn route(mut self, path: &str, methods: MethodRouter<Arc<App>>) -> Self {
        self.paths.push(path.to_owned());
        self.router = self.router.route(path, methods);
        self
    }

    /// Adds a route that is the same with and without a slash at its end: clients are told addresses of token endpoints in
    /// both spellings, and none of them means something else.
    pub(crate) fn route_either_way(
        mut self,
        path: &str,
        methods: impl Fn() -> MethodRouter<Arc<App>>,
    ) -> Self {
        let other = match path.strip_suffix('/') {
            Some(bare) => bare.to_owned(),
            None => format!("{path}/"),
        };
        self.router = self.router.route(&other, methods());
        self.route(path, methods())
    }

    /// Adds the routes of another API.
    pub(crate) fn merge(mut self, other: Routes) -> Self {
        self.paths.extend(other.paths);
        self.router = self.router.merge(other.router);
        self
    }

    /// Puts something around all routes that there are.
    pub(crate) fn wrapped(
        mut self,
        wrap: impl FnOnce(Router<Arc<App>>) -> Router<Arc<App>>,
    ) -> Self {
        self.router = wrap(self.router);
        self
    }

    pub(crate) fn into_router(self) -> Router<Arc<App>> {
        self.router
    }

    pub(crate) fn into_paths(self) -> Vec<String> {
        self.paths
    }
}
