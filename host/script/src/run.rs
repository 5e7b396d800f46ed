//! A script's inputs and what came of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

use crate::Runtime;
use crate::instance::{Call, Called, End, Steps, Told};

/// What a script is told (`spec/conditions.md` §5.1 names the bindings that show it).
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The request's instant, epoch milliseconds: the script's only clock.
    pub now: i64,
    /// The resource that is decided.
    pub resource: String,
    /// The script's own name.
    pub script_name: String,
    /// The subject's first principal: a universal id for a session, `sub` for a token.
    pub username: Option<String>,
    /// The request's environment.
    pub environment: BTreeMap<String, Vec<String>>,
    /// What is known of the session; without one the script has neither `session` nor `identity`.
    pub session: Option<Session>,
}

/// A session as scripts are told: as text, which only those read that ask for something of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Session(Arc<str>);

impl Session {
    /// From its properties and the attributes of its user; where nothing is known of those, asking `identity` is an error.
    #[must_use]
    pub fn of(
        properties: &BTreeMap<String, String>,
        profile: Option<&BTreeMap<String, Vec<String>>>,
    ) -> Self {
        #[derive(Serialize)]
        struct Known<'a> {
            session: &'a BTreeMap<String, String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            profile: Option<&'a BTreeMap<String, Vec<String>>>,
        }
        let session = properties;
        // Maps of texts always serialise.
        let text = serde_json::to_string(&Known { session, profile });
        Session(text.unwrap_or_default().into())
    }
}

/// What a script found: the result of its condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Whether the condition holds.
    pub satisfied: bool,
    /// Of a condition that does not hold.
    pub advices: BTreeMap<String, Vec<String>>,
    /// Response attributes.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// Until when, epoch milliseconds.
    pub ttl: i64,
}

/// Why there is no result: then the condition is undetermined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It comes to the same at every attempt, on every machine: the script itself is at fault, or what it is told.
    Lasting(String),
    /// It may be over at the next attempt: the machine is at fault, or what else was asked at the same time. So nobody
    /// should keep what follows from it.
    Passing(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Lasting(why) | Failure::Passing(why)) = self;
        f.write_str(why)
    }
}

/// How much a line that a script logged matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `logger.error`
    Error,
    /// `logger.warning`
    Warning,
    /// `logger.message` and what newer scripts call `info`, `debug` and `trace`
    Message,
}

/// What came of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The result, or why there is none.
    pub result: Result<Resolved, Failure>,
    /// Steps that it took, failing or not.
    pub steps: u32,
    /// What it logged.
    pub log: Vec<(Level, String)>,
    /// What became of what it ran in.
    pub sandbox: Sandbox,
}

/// Whether a sandbox can run another script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// It is as if it had never run.
    Restored,
    /// It met a bound or its memory grew: the next run takes a new one, which costs more than most scripts.
    Lost,
}

impl Runtime {
    /// Runs a script in a fresh engine. Takes microseconds, or as long as the module's own bounds allow: not for a
    /// thread that others wait for.
    #[must_use]
    pub fn run(&self, script: &str, inputs: &Inputs) -> Run {
        self.run_for(Steps::All, script, inputs).0
    }

    /// Does the same, unless that takes more than so many steps (about 130 in a microsecond where little else is done):
    /// then nothing has happened, and there is no run.
    #[must_use]
    pub fn run_within(&self, steps: u32, script: &str, inputs: &Inputs) -> Option<Run> {
        match self.run_for(Steps::AtMost(steps), script, inputs) {
            (run, End::OfItself) => Some(run),
            (_, End::CutShort) => None,
        }
    }

    fn run_for(&self, steps: Steps, script: &str, inputs: &Inputs) -> (Run, End) {
        let environment = match &inputs.environment {
            none if none.is_empty() => String::new(),
            // A map of texts always serialises.
            some => serde_json::to_string(some).unwrap_or_default(),
        };
        let call = Call::Run(Told {
            now: inputs.now,
            script,
            resource: &inputs.resource,
            name: &inputs.script_name,
            username: inputs.username.as_deref(),
            environment: &environment,
            session: inputs.session.as_ref().map_or("", |Session(text)| text),
        });
        let Called {
            answer,
            steps,
            end,
            sandbox,
        } = self.call(call, steps);
        let (result, log) = match answer {
            Ok(answer) => read(&answer),
            Err(error) => (Err(error), Vec::new()),
        };
        let run = Run {
            result,
            steps,
            log,
            sandbox,
        };
        (run, end)
    }
}

/// Believes nothing: the answer was put together where the script ran.
fn read(answer: &[u8]) -> (Result<Resolved, Failure>, Vec<(Level, String)>) {
    type Lists = BTreeMap<String, Vec<String>>;
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer {
        result: Outcome,
        log: Vec<(Level, String)>,
    }
    /// The error alone, or all others.
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Outcome {
        #[serde(deserialize_with = "given")]
        error: Option<String>,
        #[serde(deserialize_with = "given")]
        satisfied: Option<bool>,
        #[serde(deserialize_with = "given")]
        advices: Option<Lists>,
        #[serde(deserialize_with = "given")]
        attributes: Option<Lists>,
        #[serde(deserialize_with = "given")]
        ttl: Option<i64>,
    }
    /// Null is no value here.
    fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        T::deserialize(deserializer).map(Some)
    }
    let spoilt = || {
        Err(Failure::Lasting(
            "the script spoilt its own answer".to_owned(),
        ))
    };
    let Ok(Answer { result, log }) = serde_json::from_slice(answer) else {
        return (spoilt(), Vec::new());
    };
    let Outcome {
        error,
        satisfied,
        advices,
        attributes,
        ttl,
    } = result;
    let result = match (error, satisfied, advices, attributes, ttl) {
        (Some(error), None, None, None, None) => Err(Failure::Lasting(error)),
        (None, Some(satisfied), Some(advices), Some(attributes), Some(ttl @ 0..)) => Ok(Resolved {
            satisfied,
            advices,
            attributes,
            ttl,
        }),
        _ => return (spoilt(), Vec::new()),
    };
    (result, log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_or_the_other() {
        let whole = r#""satisfied":true,"advices":{},"attributes":{},"ttl":5"#;
        let result =
            |members: &str| read(format!(r#"{{"result":{{{members}}},"log":[]}}"#).as_bytes()).0;
        assert!(result(whole).is_ok_and(|resolved| resolved.satisfied && resolved.ttl == 5));
        assert_eq!(
            result(r#""error":"x""#),
            Err(Failure::Lasting("x".to_owned()))
        );
        let spoilt = Err(Failure::Lasting(
            "the script spoilt its own answer".to_owned(),
        ));
        for members in [
            &format!(r#"{whole},"error":null"#),
            &format!(r#"{whole},"error":"x""#),
            &format!(r#"{whole},"ttl":6"#),
            &format!(r#"{whole},"more":1"#),
            r#""satisfied":true,"advices":{},"attributes":{}"#,
            r#""satisfied":true,"advices":{},"attributes":{},"ttl":null"#,
            r#""satisfied":true,"advices":{},"attributes":{},"ttl":-1"#,
            r#""satisfied":true,"advices":{},"attributes":{},"ttl":1.5"#,
            r#""satisfied":true,"advices":{},"attributes":{},"ttl":9223372036854775808"#,
            "",
        ] {
            assert_eq!(result(members), spoilt, "{members}");
        }
    }
}
