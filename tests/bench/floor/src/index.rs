//! Host and first path segment to the policies that can match.

use rustc_hash::FxHashMap;

use crate::{Actions, Answer, Condition, Policy, PolicyFile, Request, Subject};

/// Every policy of a workload, found by host and first segment.
#[derive(Default)]
pub struct Index {
    policies: Vec<Compiled>,
    hosts: FxHashMap<Box<str>, Host>,
}

#[derive(Default)]
struct Host {
    /// By the path's first segment.
    first: FxHashMap<Box<str>, Vec<u32>>,
    /// By a segment that must occur somewhere between the first and the last.
    inner: FxHashMap<Box<str>, Vec<u32>>,
}

struct Compiled {
    id: Box<str>,
    path: Path,
    actions: Actions,
    subject: Wanted,
    condition: Option<When>,
}

/// What is left of a pattern once a segment of it has been found.
enum Path {
    /// Nothing: the segment was the pattern.
    Any,
    /// How the path starts and ends.
    Ends(Box<str>, Box<str>),
}

enum Wanted {
    Group(Box<str>),
    Claim(Claim, Box<str>),
}

enum Claim {
    Dept,
    Role,
    Tenant,
}

enum When {
    Network { address: u32, mask: u32 },
    Minutes { start: u16, end: u16 },
    AuthLevel(u8),
}

impl Index {
    /// Builds the index from a policy file; `None` if it is not one of the workload's.
    pub fn build(file: &[u8]) -> Option<Index> {
        let file: PolicyFile<'_> = serde_json::from_slice(file).ok()?;
        let mut index = Index::default();
        for policy in &file.policies {
            index.add(policy)?;
        }
        Some(index)
    }

    /// Evaluates a request that has been parsed.
    pub fn evaluate(&self, request: &Request<'_>) -> Answer<'_> {
        let mut answer = Answer {
            decision: "deny",
            matched: Vec::new(),
            actions: Actions::default(),
        };
        let Some((host, path)) = split(request.resource) else {
            return answer;
        };
        let Some(host) = self.hosts.get(host) else {
            return answer;
        };
        let (folders, _) = path.rsplit_once('/').unwrap_or((path, ""));
        let mut segments = folders.split('/');
        let near = segments.next().and_then(|first| host.first.get(first));
        let inner = segments.filter_map(|segment| host.inner.get(segment));
        for &number in near.into_iter().chain(inner).flatten() {
            let Some(policy) = self.policies.get(number as usize) else {
                continue;
            };
            if policy.path.covers(path)
                && policy.subject.holds(request)
                && policy.holds_now(request)
            {
                if policy.actions.of(request.action).is_some() {
                    answer.matched.push(&policy.id);
                }
                answer.actions.override_with(policy.actions);
            }
        }
        if answer.actions.of(request.action) == Some(true) {
            answer.decision = "allow";
        }
        answer
    }

    fn add(&mut self, policy: &Policy<'_>) -> Option<()> {
        let (host, path) = split(policy.resource)?;
        let number = u32::try_from(self.policies.len()).ok()?;
        let found = self.hosts.entry(host.into()).or_default();
        let (by, segment, path) = match *path.split('/').collect::<Vec<_>>() {
            ["*", inner, "*"] => (&mut found.inner, inner, Path::Any),
            [first, "*"] => (&mut found.first, first, Path::Any),
            [first, ..] => {
                let (start, end) = path.split_once('*')?;
                (
                    &mut found.first,
                    first,
                    Path::Ends(start.into(), end.into()),
                )
            }
            [] => return None,
        };
        by.entry(segment.into()).or_default().push(number);
        let compiled = Compiled {
            id: policy.id.into(),
            path,
            actions: policy.actions,
            subject: match policy.subject {
                Subject::Group { group } => Wanted::Group(group.into()),
                Subject::Claim { name, value } => Wanted::Claim(Claim::named(name)?, value.into()),
            },
            condition: match &policy.condition {
                None => None,
                Some(Condition::Ip { cidr }) => Some(network(cidr)?),
                Some(Condition::Time { start, end }) => Some(When::Minutes {
                    start: *start,
                    end: *end,
                }),
                Some(Condition::AuthLevel { min }) => Some(When::AuthLevel(*min)),
            },
        };
        self.policies.push(compiled);
        Some(())
    }
}

impl Compiled {
    fn holds_now(&self, request: &Request<'_>) -> bool {
        match self.condition {
            None => true,
            Some(When::Network { address, mask }) => {
                ipv4(request.env.ip).is_some_and(|ip| ip & mask == address)
            }
            Some(When::Minutes { start, end }) => (start..end).contains(&request.env.minute),
            Some(When::AuthLevel(least)) => request.env.auth_level >= least,
        }
    }
}

impl Path {
    fn covers(&self, path: &str) -> bool {
        match self {
            Path::Any => true,
            Path::Ends(start, end) => path
                .strip_prefix(&**start)
                .is_some_and(|rest| rest.ends_with(&**end)),
        }
    }
}

impl Wanted {
    fn holds(&self, request: &Request<'_>) -> bool {
        let claims = &request.subject.claims;
        match self {
            Wanted::Group(group) => request.subject.groups.contains(&&**group),
            Wanted::Claim(Claim::Dept, value) => claims.dept == &**value,
            Wanted::Claim(Claim::Role, value) => claims.role == &**value,
            Wanted::Claim(Claim::Tenant, value) => claims.tenant == &**value,
        }
    }
}

impl Claim {
    fn named(name: &str) -> Option<Claim> {
        match name {
            "dept" => Some(Claim::Dept),
            "role" => Some(Claim::Role),
            "tenant" => Some(Claim::Tenant),
            _ => None,
        }
    }
}

impl Actions {
    fn of(self, action: &str) -> Option<bool> {
        match action {
            "GET" => self.get,
            "POST" => self.post,
            _ => None,
        }
    }

    fn override_with(&mut self, other: Actions) {
        let both = |mine: Option<bool>, theirs: Option<bool>| match (mine, theirs) {
            (Some(mine), Some(theirs)) => Some(mine && theirs),
            (one, other) => one.or(other),
        };
        self.get = both(self.get, other.get);
        self.post = both(self.post, other.post);
    }
}

fn split(resource: &str) -> Option<(&str, &str)> {
    resource.strip_prefix("https://")?.split_once('/')
}

fn network(cidr: &str) -> Option<When> {
    let (address, bits) = cidr.split_once('/')?;
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some(When::Network {
        address: ipv4(address)? & mask,
        mask,
    })
}

fn ipv4(text: &str) -> Option<u32> {
    let mut address = 0;
    let mut part = 0;
    for byte in text.bytes() {
        if byte == b'.' {
            address = address << 8 | part;
            part = 0;
        } else {
            part = part * 10 + u32::from(byte.checked_sub(b'0')?);
        }
    }
    Some(address << 8 | part)
}
