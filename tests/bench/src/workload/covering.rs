//! The right answers: deny override over every policy that matches, found by service and host.

use std::collections::HashMap;

use super::{Actions, Condition, Expected, Policy, Request, Subject};

/// The policies, by what they are about.
pub(super) struct Covering<'a> {
    by_service: HashMap<(&'a str, &'a str), Vec<&'a Policy>>,
    by_host: HashMap<&'a str, Vec<&'a Policy>>,
}

impl<'a> Covering<'a> {
    pub(super) fn of(policies: &'a [Policy]) -> Self {
        let mut by_service: HashMap<_, Vec<&Policy>> = HashMap::new();
        let mut by_host: HashMap<_, Vec<&Policy>> = HashMap::new();
        for policy in policies {
            match host_and_segment(&policy.resource) {
                (host, "*") => by_host.entry(host).or_default().push(policy),
                key => by_service.entry(key).or_default().push(policy),
            }
        }
        Covering {
            by_service,
            by_host,
        }
    }

    pub(super) fn answer(&self, request: &Request) -> Expected {
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

/// `("app1.example.com:443", "svc1")` of `https://app1.example.com:443/svc1/…`.
fn host_and_segment(resource: &str) -> (&str, &str) {
    let rest = resource.strip_prefix("https://").unwrap_or(resource);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host, path.split('/').next().unwrap_or(""))
}

/// `*` covers any run of characters, the empty one included.
pub(super) fn covers(pattern: &str, resource: &str) -> bool {
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
