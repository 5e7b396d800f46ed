//! Who there is, and what may be done.

use std::collections::BTreeSet;

use super::{Actions, CLAIMS, Claims, Condition, Policy, SEED, Subject, User};
use crate::mersenne::Mersenne;

const HOSTS: u32 = 50;
const GROUPS: u32 = 200;
const CLAIM_VALUES: u32 = 97;
const USERS: u32 = 1000;

/// The users.
pub(super) fn users() -> Vec<User> {
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

pub(super) fn host(i: u32) -> String {
    format!("https://app{}.example.com:443", i % HOSTS)
}

/// The policies, and for each overlay the base policy that it lies over.
pub(super) fn policies(count: u32) -> (Vec<Policy>, Vec<u32>) {
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
