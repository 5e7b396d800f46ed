//! Requests, drawn so that about 70 % match one policy, 10 % two and 20 % none.

use std::collections::HashMap;

use super::covering::Covering;
use super::population::host;
use super::{CLAIMS, Condition, Environment, Expected, Policy, Request, SEED, Subject, User};
use crate::mersenne::Mersenne;

/// What requests are drawn from, with the tables that keep a draw cheap.
pub(super) struct Draw<'a> {
    random: Mersenne,
    policies: &'a [Policy],
    bases: &'a [u32],
    users: &'a [User],
    base_count: u32,
    covering: Covering<'a>,
    satisfying: HashMap<(&'a str, &'a str), Vec<&'a User>>,
}

impl<'a> Draw<'a> {
    pub(super) fn over(
        policies: &'a [Policy],
        bases: &'a [u32],
        users: &'a [User],
        count: u32,
    ) -> Draw<'a> {
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
            covering: Covering::of(policies),
            satisfying,
        }
    }

    /// A request and its answer; `None` where it does not match as many policies as it set out to.
    pub(super) fn next(&mut self, number: usize) -> Option<(Request, Expected)> {
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
        let answer = self.covering.answer(&request);
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
}
