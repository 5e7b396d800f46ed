//! Assize: a policy decision point that speaks the REST of ForgeRock/Ping AM.
//!
//! The crate is the server and its command line. Policies are compiled by `assize-engine` and decided by the one
//! WebAssembly module; here is what surrounds that: HTTP, the store, sessions, publishing.
//!
//! ```text
//! request → api (realm, version, operation) → auth (who, may they) → decide (the module) → answer
//! change  → api → store (one transaction, one revision) → publish (compile, load, swap) → answer
//! ```

mod api;
mod app;
mod auth;
pub mod cli;
mod clock;
pub mod config;
mod decide;
mod demo;
mod documents;
mod freshness;
mod keys;
mod limits;
mod naming;
mod notifications;
mod oauth;
mod outside;
mod policyserver;
mod publish;
mod realm;
mod seal;
pub mod serve;
mod store;
mod subject;

/// The paths of every route of a server with these deployment paths (`/am`), with their parameters in braces: what
/// `openapi.json` describes. Of the forms in which a realm can be named, `realms/{realm}` stands for all.
pub fn routes(deployments: &[String]) -> Vec<String> {
    api::paths(deployments)
}
