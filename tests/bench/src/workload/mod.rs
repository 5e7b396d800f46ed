//! The benchmark workload: policies, the users and 10 000 requests drawn for them, and the answer to each.
//!
//! Everything follows from the number of policies; the same number gives the same bytes on every machine
//! (`tests::the_workload_never_changes` holds the checksums). Two hundred groups and three claims over a thousand users, URL
//! patterns on fifty hosts, nine in ten policies a plain prefix that allows, one in ten an overlay that denies. Of the
//! requests about 70 % match one policy, 10 % two and 20 % none.

mod covering;
mod draw;
mod population;

use serde::{Serialize, Serializer, ser::SerializeMap};

use draw::Draw;
use population::{policies, users};

/// Requests in every workload.
pub const REQUESTS: usize = 10_000;
/// The first seed; the number of policies is mixed in.
pub const SEED: u32 = 20_260_101;

const CLAIMS: [&str; 3] = ["dept", "role", "tenant"];

/// One workload. `requests[i]` is answered by `expected[i]`.
pub struct Workload {
    /// Base policies first, then the overlays.
    pub policies: Vec<Policy>,
    /// The users that requests are drawn from.
    pub users: Vec<User>,
    /// Always [`REQUESTS`] of them.
    pub requests: Vec<Request>,
    /// By deny override over every policy that matches.
    pub expected: Vec<Expected>,
}

/// One policy of the workload, in the workload's own words.
#[derive(Clone, Serialize)]
pub struct Policy {
    /// `p…` for a base policy, `o…` for an overlay.
    pub id: String,
    /// `*` covers any run of characters, `/` included.
    pub resource: String,
    /// In the order in which they are written.
    pub actions: Actions,
    /// Who the policy is for.
    pub subject: Subject,
    /// When it applies; `None` is always.
    pub condition: Option<Condition>,
}

/// Action names and whether each is allowed, in insertion order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions(pub Vec<(&'static str, bool)>);

/// Who a policy is for.
#[derive(Clone, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Subject {
    /// Members of a group.
    Group {
        /// The group's name.
        group: String,
    },
    /// Bearers of a claim with exactly this value.
    Claim {
        /// One of three.
        name: &'static str,
        /// The value wanted.
        value: String,
    },
}

/// When a policy applies.
#[derive(Clone, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Condition {
    /// The client's address lies in a /16.
    Ip {
        /// `10.x.0.0/16`.
        cidr: String,
    },
    /// The minute of the day lies in `start..end`.
    Time {
        /// First minute within.
        start: u32,
        /// First minute after.
        end: u32,
    },
    /// The session's level is at least this.
    AuthLevel {
        /// 1 to 4.
        min: u32,
    },
}

/// Somebody who asks.
#[derive(Clone, Serialize)]
pub struct User {
    /// `u0` to `u999`.
    pub user: String,
    /// Four to eight, sorted.
    pub groups: Vec<String>,
    /// One value for each claim.
    pub claims: Claims,
}

/// The three claims of a user.
#[derive(Clone, Serialize)]
pub struct Claims {
    /// Department.
    pub dept: String,
    /// Role.
    pub role: String,
    /// Tenant.
    pub tenant: String,
}

/// One question: may this user do this there and then?
#[derive(Clone, Serialize)]
pub struct Request {
    /// `r0` to `r9999`.
    pub id: String,
    /// Who asks.
    pub subject: User,
    /// A URL with its port.
    pub resource: String,
    /// The action asked about.
    pub action: &'static str,
    /// The circumstances.
    pub env: Environment,
}

/// The circumstances of a request.
#[derive(Clone, Serialize)]
pub struct Environment {
    /// IPv4, dotted.
    pub ip: String,
    /// Minute of the day, 0 to 1439.
    pub minute: u32,
    /// 0 to 4.
    #[serde(rename = "authLevel")]
    pub auth_level: u32,
}

/// The right answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// `allow` or `deny`, for the action asked about.
    pub decision: &'static str,
    /// The policies that say something about that action.
    pub matched: Vec<String>,
    /// The answer for the whole resource.
    pub actions: Actions,
}

impl Workload {
    /// The workload of `count` policies; at least 10.
    pub fn generate(count: u32) -> Workload {
        let (policies, bases) = policies(count);
        let users = users();
        let mut requests = Vec::with_capacity(REQUESTS);
        let mut expected = Vec::with_capacity(REQUESTS);
        let mut draw = Draw::over(&policies, &bases, &users, count);
        while requests.len() < REQUESTS {
            // A draw that does not match as many policies as it set out to is thrown away, so that the mix stays exact.
            if let Some((request, answer)) = draw.next(requests.len()) {
                requests.push(request);
                expected.push(answer);
            }
        }
        Workload {
            policies,
            users,
            requests,
            expected,
        }
    }
}

impl Actions {
    /// Whether the action is mentioned, and how.
    pub fn get(&self, action: &str) -> Option<bool> {
        self.0
            .iter()
            .find(|(name, _)| *name == action)
            .map(|(_, allowed)| *allowed)
    }

    fn override_with(&mut self, other: &Actions) {
        for &(name, allowed) in &other.0 {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, so_far)) => *so_far &= allowed,
                None => self.0.push((name, allowed)),
            }
        }
    }
}

impl Claims {
    /// The value of one of the three claims; empty for any other name.
    pub fn get(&self, name: &str) -> &str {
        match name {
            "dept" => &self.dept,
            "role" => &self.role,
            "tenant" => &self.tenant,
            _ => "",
        }
    }
}

impl Serialize for Actions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, allowed) in &self.0 {
            map.serialize_entry(name, allowed)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests;
