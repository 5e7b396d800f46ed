//! The benchmark workload: policies, the users and 10 000 requests drawn for them, and the answer to each.
//!
//! Everything follows from the number of policies; the same number gives the same bytes on every machine
//! (`tests::the_workload_never_changes` holds the checksums). Two hundred groups and three claims over a thousand users, URL
//! patterns on fifty hosts, nine in ten policies a plain prefix that allows, one in ten an overlay that denies. Of the
//! requests about 70 % match one policy, 10 % two and 20 % none.

use std::collections::{BTreeSet, HashMap};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::mersenne::Mersenne;

/// Requests in every workload.
pub const REQUESTS: usize = 10_000;
/// The first seed; the number of policies is mixed in.
pub const SEED: u32 = 20_260_101;

const HOSTS: u32 = 50;
const GROUPS: u32 = 200;
const CLAIM_VALUES: u32 = 97;
const USERS: u32 = 1000;
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

fn users() -> Vec<User> {
    let mut random = Mersenne::seeded(SEED);
    (0..USERS)
        .map(|k| {
            let mut groups = BTreeSet::from([format!("grp{}", k % GROUPS)]);
            let more = random.between(3, 7);
            groups.extend((0..more).map(|_| format!("grp{}", random.below(GROUPS))));
            let claim = |i: u32| format!("v{}", (k * (i + 1) + i) % CLAIM_VALUES);
            User {
                user: format!("u{k}"),
                groups: groups.into_iter().collect(),
                claims: Claims {
                    dept: claim(0),
                    role: claim(1),
                    tenant: claim(2),
                },
            }
        })
        .collect()
}

fn host(i: u32) -> String {
    format!("https://app{}.example.com:443", i % HOSTS)
}

/// The policies, and for each overlay the base policy that it lies over.
fn policies(count: u32) -> (Vec<Policy>, Vec<u32>) {
    let mut random = Mersenne::seeded(SEED + count);
    let base_count = count - count / 10;
    let mut out: Vec<Policy> = (0..base_count)
        .map(|i| base_policy(i, &mut random))
        .collect();
    let bases = random.sample(base_count, count - base_count);
    for (k, &base) in bases.iter().enumerate() {
        let resource = match k {
            k if k % 10 == 0 => format!("{}/*/secret{base}/*", host(base)),
            k if k % 2 == 1 => format!("{}/svc{base}/private/*", host(base)),
            _ => format!("{}/svc{base}/*/export", host(base)),
        };
        let condition = if random.random() < 0.5 {
            out[base as usize].condition.clone()
        } else if random.random() < 0.5 {
            Some(Condition::AuthLevel { min: 1 })
        } else {
            None
        };
        out.push(Policy {
            id: format!("o{k}"),
            resource,
            actions: Actions(vec![("GET", false), ("POST", false)]),
            subject: out[base as usize].subject.clone(),
            condition,
        });
    }
    (out, bases)
}

fn base_policy(i: u32, random: &mut Mersenne) -> Policy {
    let kind = random.random();
    let condition = if kind < 1.0 / 3.0 {
        Some(Condition::Ip {
            cidr: format!("10.{}.0.0/16", i % 200),
        })
    } else if kind < 0.5 {
        Some(Condition::Time {
            start: 60 * random.between(6, 9),
            end: 60 * random.between(17, 20),
        })
    } else if kind < 2.0 / 3.0 {
        Some(Condition::AuthLevel {
            min: random.between(1, 4),
        })
    } else {
        None
    };
    let subject = if random.random() < 0.7 {
        Subject::Group {
            group: format!("grp{}", i % GROUPS),
        }
    } else {
        Subject::Claim {
            name: CLAIMS[(i % 3) as usize],
            value: format!("v{}", i % CLAIM_VALUES),
        }
    };
    let kind = random.random();
    let actions = if kind < 0.6 {
        vec![("GET", true)]
    } else if kind < 0.85 {
        vec![("GET", true), ("POST", true)]
    } else {
        vec![("GET", true), ("POST", false)]
    };
    Policy {
        id: format!("p{i}"),
        resource: format!("{}/svc{i}/*", host(i)),
        actions: Actions(actions),
        subject,
        condition,
    }
}

/// What requests are drawn from, with the tables that keep a draw cheap.
struct Draw<'a> {
    random: Mersenne,
    policies: &'a [Policy],
    bases: &'a [u32],
    users: &'a [User],
    base_count: u32,
    by_service: HashMap<(&'a str, &'a str), Vec<&'a Policy>>,
    by_host: HashMap<&'a str, Vec<&'a Policy>>,
    satisfying: HashMap<(&'a str, &'a str), Vec<&'a User>>,
}

impl<'a> Draw<'a> {
    fn over(policies: &'a [Policy], bases: &'a [u32], users: &'a [User], count: u32) -> Draw<'a> {
        let mut by_service: HashMap<_, Vec<&Policy>> = HashMap::new();
        let mut by_host: HashMap<_, Vec<&Policy>> = HashMap::new();
        for policy in policies {
            match host_and_segment(&policy.resource) {
                (host, "*") => by_host.entry(host).or_default().push(policy),
                key => by_service.entry(key).or_default().push(policy),
            }
        }
        let mut satisfying: HashMap<_, Vec<&User>> = HashMap::new();
        for user in users {
            for group in &user.groups {
                satisfying
                    .entry(("", group.as_str()))
                    .or_default()
                    .push(user);
            }
            for name in CLAIMS {
                satisfying
                    .entry((name, user.claims.get(name)))
                    .or_default()
                    .push(user);
            }
        }
        let random = Mersenne::seeded(SEED * 31 + count);
        let base_count = count - count / 10;
        Draw {
            random,
            policies,
            bases,
            users,
            base_count,
            by_service,
            by_host,
            satisfying,
        }
    }

    fn next(&mut self, number: usize) -> Option<(Request, Expected)> {
        let kind = self.random.random();
        let base = self.random.below(self.base_count);
        let policies = self.policies;
        let policy = &policies[base as usize];
        let mut subject = self.satisfying_user(policy);
        let mut env = self.environment_for(&[policy]);
        let mut action = self.random.choice(&policy.actions.0).0;
        let tail = format!(
            "res{}/item{}",
            self.random.below(1000),
            self.random.below(100_000)
        );
        let mut resource = format!("{}/svc{base}/{tail}", host(base));
        let mut want = 1;
        if (0.7..0.8).contains(&kind) && !self.bases.is_empty() {
            want = 2;
            let overlay_number = self.random.below(self.bases.len() as u32) as usize;
            let overlay = &policies[self.base_count as usize + overlay_number];
            let base = self.bases[overlay_number];
            let policy = &policies[base as usize];
            subject = self.satisfying_user(policy);
            env = self.environment_for(&[policy, overlay]);
            action = self.random.choice(&policy.actions.0).0;
            let export = format!("/res{}/export", self.random.below(1000));
            resource = overlay
                .resource
                .replace("/*/secret", &format!("/svc{base}/secret"))
                .replace("/*/export", &export);
            if let Some(start) = resource.strip_suffix('*') {
                resource = format!("{start}item{}", self.random.below(100_000));
            }
        } else if kind >= 0.8 {
            want = 0;
            match self.random.below(5) {
                0 => {
                    resource = format!(
                        "https://other{}.example.net:443/svc{base}/{tail}",
                        base % 20
                    )
                }
                1 => resource = format!("{}/nosvc{base}/{tail}", host(base)),
                2 => subject = self.random.choice(self.users),
                3 => action = *self.random.choice::<&'static str>(&["DELETE", "PUT"]),
                _ => {
                    env = Environment {
                        ip: format!(
                            "192.168.{}.{}",
                            self.random.below(256),
                            1 + self.random.below(254)
                        ),
                        minute: self.random.below(300),
                        auth_level: 0,
                    }
                }
            }
        }
        let request = Request {
            id: format!("r{number}"),
            subject: subject.clone(),
            resource,
            action,
            env,
        };
        let answer = self.answer(&request);
        (answer.matched.len() == want).then_some((request, answer))
    }

    fn satisfying_user(&mut self, policy: &Policy) -> &'a User {
        let key = match &policy.subject {
            Subject::Group { group } => ("", group.as_str()),
            Subject::Claim { name, value } => (*name, value.as_str()),
        };
        self.random.choice::<&User>(&self.satisfying[&key])
    }

    fn environment_for(&mut self, policies: &[&Policy]) -> Environment {
        let mut env = Environment {
            ip: format!(
                "172.16.{}.{}",
                self.random.below(256),
                1 + self.random.below(254)
            ),
            minute: self.random.below(1440),
            auth_level: self.random.between(0, 4),
        };
        for policy in policies {
            match &policy.condition {
                None => {}
                Some(Condition::Ip { cidr }) => {
                    let last = format!("{}.{}", self.random.below(256), 1 + self.random.below(254));
                    env.ip = cidr.replace("0.0/16", &last);
                }
                Some(Condition::Time { start, end }) => {
                    env.minute = start + self.random.below(end - start)
                }
                Some(Condition::AuthLevel { min }) => {
                    env.auth_level = env.auth_level.max(*min).max(self.random.between(*min, 4));
                }
            }
        }
        env
    }

    fn answer(&self, request: &Request) -> Expected {
        let key = host_and_segment(&request.resource);
        let near = self
            .by_service
            .get(&key)
            .into_iter()
            .chain(self.by_host.get(key.0))
            .flatten();
        let mut actions = Actions::default();
        let mut matched = Vec::new();
        for policy in near.filter(|policy| policy.applies(request)) {
            if policy.actions.get(request.action).is_some() {
                matched.push(policy.id.clone());
            }
            actions.override_with(&policy.actions);
        }
        let allowed = actions.get(request.action) == Some(true);
        Expected {
            decision: if allowed { "allow" } else { "deny" },
            matched,
            actions,
        }
    }
}

impl Policy {
    fn applies(&self, request: &Request) -> bool {
        covers(&self.resource, &request.resource)
            && match &self.subject {
                Subject::Group { group } => request.subject.groups.contains(group),
                Subject::Claim { name, value } => request.subject.claims.get(name) == value,
            }
            && match &self.condition {
                None => true,
                // Every network of the workload is a /16 written out to its third part.
                Some(Condition::Ip { cidr }) => request
                    .env
                    .ip
                    .starts_with(cidr.strip_suffix("0.0/16").unwrap_or(cidr)),
                Some(Condition::Time { start, end }) => {
                    (*start..*end).contains(&request.env.minute)
                }
                Some(Condition::AuthLevel { min }) => request.env.auth_level >= *min,
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

/// `("app1.example.com:443", "svc1")` of `https://app1.example.com:443/svc1/…`.
fn host_and_segment(resource: &str) -> (&str, &str) {
    let rest = resource.strip_prefix("https://").unwrap_or(resource);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host, path.split('/').next().unwrap_or(""))
}

/// `*` covers any run of characters, the empty one included.
fn covers(pattern: &str, resource: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == resource;
    };
    let Some(mut left) = resource.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest
        .rsplit_once('*')
        .map_or((None, rest), |(middle, last)| (Some(middle), last));
    for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
        let Some(at) = left.find(part) else {
            return false;
        };
        left = &left[at + part.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests;
