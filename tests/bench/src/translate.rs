//! The workload in AM's words: an import document of policies, and engine requests.
//!
//! A group is an Identity subject and a claim a JwtClaim; networks become IPv4, minutes of the day SimpleTime, levels AuthLevel.
//! SimpleTime's end is inclusive and the workload's is not: requests fall on whole minutes, so the window ends a minute earlier.

use serde_json::{Map, Value, json};

use crate::workload::{Condition, Policy, Request, Subject, Workload};

/// How users and groups are called in policies and requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// As the workload has them (`grp3`): the same strings that the floor reads.
    Plain,
    /// As universal identifiers of AM (`id=grp3,ou=group,dc=openam,dc=example,dc=org`): what a server hands over.
    Universal,
}

/// The policy set that the translated policies belong to: the one that every realm has.
pub const POLICY_SET: &str = "iPlanetAMWebAgentService";

/// The built-in resource type `URL`.
const URL_TYPE: &str = "76656a38-5f8e-401b-83aa-4ccb74ce88d2";

/// Midnight of an ordinary day (2026-03-18, UTC), epoch milliseconds; the workload's minutes are counted from it.
const MIDNIGHT: u64 = 1_773_792_000_000;

/// The import document (contract §2) of a whole workload.
pub fn document(workload: &Workload, naming: Naming) -> Value {
    let policies: Vec<Value> = workload
        .policies
        .iter()
        .map(|policy| self::policy(policy, naming))
        .collect();
    json!({ "realm": "/", "policies": policies })
}

/// One policy as AM's REST takes it.
pub fn policy(policy: &Policy, naming: Naming) -> Value {
    let actions: Map<String, Value> = policy
        .actions
        .0
        .iter()
        .map(|(name, allowed)| ((*name).to_owned(), Value::Bool(*allowed)))
        .collect();
    let subject = match &policy.subject {
        Subject::Group { group } => {
            json!({ "type": "Identity", "subjectValues": [naming.group(group)] })
        }
        Subject::Claim { name, value } => {
            json!({ "type": "JwtClaim", "claimName": name, "claimValue": value })
        }
    };
    let mut out = json!({
        "name": policy.id,
        "active": true,
        "applicationName": POLICY_SET,
        "resourceTypeUuid": URL_TYPE,
        "resources": [policy.resource],
        "actionValues": actions,
        "subject": subject,
    });
    if let (Some(condition), Some(members)) = (&policy.condition, out.as_object_mut()) {
        members.insert("condition".to_owned(), self::condition(condition));
    }
    out
}

fn condition(condition: &Condition) -> Value {
    match condition {
        Condition::Ip { cidr } => {
            let network = cidr.strip_suffix(".0.0/16").unwrap_or(cidr);
            json!({ "type": "IPv4", "startIp": format!("{network}.0.0"), "endIp": format!("{network}.255.255") })
        }
        Condition::Time { start, end } => json!({
            "type": "SimpleTime",
            "startTime": clock(*start),
            "endTime": clock(end - 1),
            "enforcementTimeZone": "UTC",
        }),
        Condition::AuthLevel { min } => json!({ "type": "AuthLevel", "authLevel": min }),
    }
}

fn clock(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// One request as the engine takes it (contract §3).
pub fn request(request: &Request, naming: Naming) -> String {
    let groups: Vec<String> = request
        .subject
        .groups
        .iter()
        .map(|group| naming.group(group))
        .collect();
    json!({
        "policySet": POLICY_SET,
        "resources": [request.resource],
        "subject": {
            "principals": [naming.user(&request.subject.user)],
            "groups": groups,
            "session": { "AuthLevel": request.env.auth_level.to_string() },
            "claims": request.subject.claims,
        },
        "environment": { "requestIp": [request.env.ip] },
        "now": MIDNIGHT + u64::from(request.env.minute) * 60_000,
    })
    .to_string()
}

impl Naming {
    fn user(self, name: &str) -> String {
        match self {
            Naming::Plain => name.to_owned(),
            Naming::Universal => format!("id={name},ou=user,dc=openam,dc=example,dc=org"),
        }
    }

    fn group(self, name: &str) -> String {
        match self {
            Naming::Plain => name.to_owned(),
            Naming::Universal => format!("id={name},ou=group,dc=openam,dc=example,dc=org"),
        }
    }
}
