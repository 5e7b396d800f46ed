//! A stored script as what can be run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use assize_script::{Inputs, Level, Run, Runtime, Sandbox};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Found;
use crate::documents::Members;
use crate::limits::SCRIPT_STEPS_AT_ONCE;

/// Context of the scripts that conditions run.
const CONTEXT: &str = "POLICY_CONDITION";
const LANGUAGE: &str = "JAVASCRIPT";

/// A policy-condition script in JavaScript.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Whether its last run was long or lost its sandbox: it is likely to be so again.
    was_slow: AtomicBool,
}

/// The scripts of a bundle as its last part has them: `[[id, name, source], …]`, by id; empty where there are none.
pub(crate) fn in_bundle<'a>(scripts: impl IntoIterator<Item = (&'a str, &'a Source)>) -> String {
    let all: BTreeMap<String, &Source> = scripts
        .into_iter()
        .map(|(id, source)| (id.to_lowercase(), source))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    let rows = all
        .iter()
        .map(|(id, source)| json!([id, source.name, source.text]));
    Value::Array(rows.collect()).to_string()
}

impl Source {
    pub(crate) fn new(name: String, text: String) -> Self {
        Source {
            name,
            text,
            was_slow: AtomicBool::new(false),
        }
    }

    /// Reads a script as it is stored.
    ///
    /// # Errors
    /// In words: it is in another language, or for something else than policy conditions.
    pub(crate) fn of(members: &Members) -> Result<Self, String> {
        let member = |name: &str| {
            members
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let name = member("name").to_owned();
        let (language, context) = (member("language"), member("context"));
        if !language.eq_ignore_ascii_case(LANGUAGE) {
            return Err(format!(
                "script `{name}` is in {language}; only JavaScript is run here"
            ));
        }
        if !context.eq_ignore_ascii_case(CONTEXT) {
            return Err(format!(
                "script `{name}` has the context {context}; policy conditions run scripts of {CONTEXT}"
            ));
        }
        let text = STANDARD.decode(member("script")).ok();
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| format!("the source of script `{name}` cannot be read"))?;
        Ok(Source::new(name, text))
    }

    /// Runs it, and writes what it logs to the server's own log; gives how many steps it took, too.
    pub(crate) fn run(&self, runtime: &Runtime, inputs: &Inputs) -> (Found, u32) {
        let run = runtime.run(&self.text, inputs);
        // It may have been the request that was large, and not the script.
        let was_slow = run.steps > SCRIPT_STEPS_AT_ONCE || run.sandbox == Sandbox::Lost;
        self.was_slow.store(was_slow, Ordering::Relaxed);
        self.told(run, inputs)
    }

    /// The same, unless it takes more than so many steps, or was slow the last time: then nothing has happened. Trying is
    /// not free either, and whoever means harm would have it tried again and again.
    pub(crate) fn run_within(
        &self,
        steps: u32,
        runtime: &Runtime,
        inputs: &Inputs,
    ) -> Option<(Found, u32)> {
        if self.was_slow() {
            return None;
        }
        let run = runtime.run_within(steps, &self.text, inputs);
        let was_slow = match &run {
            // With fewer steps than others are given, nothing is known of it.
            None => steps >= SCRIPT_STEPS_AT_ONCE,
            Some(run) => run.sandbox == Sandbox::Lost,
        };
        if was_slow {
            self.was_slow.store(true, Ordering::Relaxed);
        }
        run.map(|run| self.told(run, inputs))
    }

    pub(crate) fn was_slow(&self) -> bool {
        self.was_slow.load(Ordering::Relaxed)
    }

    fn told(&self, run: Run, inputs: &Inputs) -> (Found, u32) {
        let (script, resource) = (self.name.as_str(), inputs.resource.as_str());
        for (level, line) in &run.log {
            match level {
                Level::Error => tracing::error!(script, resource, line, "script"),
                Level::Warning => tracing::warn!(script, resource, line, "script"),
                Level::Message => tracing::info!(script, resource, line, "script"),
            }
        }
        if let Err(error) = &run.result {
            tracing::warn!(script, resource, %error, "script failed");
        }
        (run.result, run.steps)
    }
}
