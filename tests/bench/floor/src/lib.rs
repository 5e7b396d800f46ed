//! The floor of the decision benchmark: an index made by hand for one workload and nothing else.
//!
//! It knows two kinds of subject, three kinds of condition and two shapes of pattern; it checks nothing that it does not need,
//! explains nothing and has no limits. What a general engine costs is told by how far it stays above this, in the same runtime.

mod index;
pub mod module;

use serde::{Deserialize, Serialize};

pub use index::Index;

/// A policy file of the workload.
#[derive(Deserialize)]
pub struct PolicyFile<'a> {
    /// In the order in which matches are reported.
    #[serde(borrow)]
    pub policies: Vec<Policy<'a>>,
}

/// One policy as the file has it.
#[derive(Deserialize)]
pub struct Policy<'a> {
    id: &'a str,
    resource: &'a str,
    actions: Actions,
    #[serde(borrow)]
    subject: Subject<'a>,
    #[serde(borrow)]
    condition: Option<Condition<'a>>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Subject<'a> {
    Group { group: &'a str },
    Claim { name: &'a str, value: &'a str },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Condition<'a> {
    Ip { cidr: &'a str },
    Time { start: u16, end: u16 },
    AuthLevel { min: u8 },
}

/// The two actions that policies of the workload name.
#[derive(Clone, Copy, Default, Deserialize, Serialize)]
struct Actions {
    #[serde(rename = "GET", default, skip_serializing_if = "Option::is_none")]
    get: Option<bool>,
    #[serde(rename = "POST", default, skip_serializing_if = "Option::is_none")]
    post: Option<bool>,
}

/// A request, parsed: borrowed from the text that it came in.
#[derive(Deserialize)]
pub struct Request<'a> {
    #[serde(borrow)]
    subject: Asker<'a>,
    resource: &'a str,
    action: &'a str,
    #[serde(borrow)]
    env: Environment<'a>,
}

#[derive(Deserialize)]
struct Asker<'a> {
    #[serde(borrow)]
    groups: Vec<&'a str>,
    #[serde(borrow)]
    claims: Claims<'a>,
}

#[derive(Deserialize)]
struct Claims<'a> {
    dept: &'a str,
    role: &'a str,
    tenant: &'a str,
}

#[derive(Deserialize)]
struct Environment<'a> {
    ip: &'a str,
    minute: u16,
    #[serde(rename = "authLevel")]
    auth_level: u8,
}

/// The answer to one request, borrowed from the index.
#[derive(Serialize)]
pub struct Answer<'a> {
    decision: &'static str,
    matched: Vec<&'a str>,
    actions: Actions,
}

/// Decides one request: JSON in, JSON appended to `answer`. An unreadable request adds nothing.
pub fn decide(index: &Index, request: &[u8], answer: &mut Vec<u8>) {
    let Ok(request) = serde_json::from_slice::<Request<'_>>(request) else {
        return;
    };
    let start = answer.len();
    if serde_json::to_writer(&mut *answer, &index.evaluate(&request)).is_err() {
        answer.truncate(start);
    }
}
