//! Request bodies: one JSON object, read member by member, every fault told with the member that it is about.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use super::super::json_body::{self, Limit};
use super::error::Refusal;
use crate::app::App;
use crate::limits::{HIERARCHY_NAME_CHARACTERS, HIERARCHY_TEXT_CHARACTERS};
use crate::naming::is_invisible;
use crate::policyserver::entry::Label;

/// Members that answers carry beside what can be set: who sends back what was read is not refused for them.
const READ_ONLY: [&str; 6] = ["id", "path", "policy", "role", "parent", "links"];

/// A request's body, and what is wrong with it so far.
#[derive(Clone)]
pub(super) struct Document {
    members: Map<String, Value>,
    faults: Vec<String>,
}

impl FromRequest<Arc<App>> for Document {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let limit = Limit::Setting(app.config.body_bytes);
        Ok(Document {
            members: json_body::object(request, limit).await?,
            faults: Vec::new(),
        })
    }
}

impl Document {
    /// Notes that something is wrong.
    pub(super) fn fault(&mut self, member: &str, why: &str) {
        self.faults.push(format!("{member}: {why}"));
    }

    /// A member that must be there. Letter case of members' names does not count, as in PolicyServer's own examples.
    pub(super) fn take(&mut self, member: &str) -> Option<Value> {
        let wanted = |name: &&String| name.eq_ignore_ascii_case(member);
        let name = self.members.keys().find(wanted)?.clone();
        self.members
            .shift_remove(&name)
            .filter(|value| !value.is_null())
    }

    /// A text of at least one character that is not blank, and no longer than names may be.
    pub(super) fn text(&mut self, member: &str) -> String {
        match self.take(member) {
            Some(Value::String(text)) if text.trim().is_empty() => {
                self.fault(member, "must not be blank");
            }
            Some(Value::String(text)) if text.chars().count() > HIERARCHY_NAME_CHARACTERS => {
                let why = format!("is longer than {HIERARCHY_NAME_CHARACTERS} characters");
                self.fault(member, &why);
            }
            Some(Value::String(text)) => return text,
            Some(_) => self.fault(member, "must be a text"),
            None => self.fault(member, "is missing"),
        }
        String::new()
    }

    /// `name` and `description`.
    pub(super) fn label(&mut self) -> Label {
        let name = self.text("name");
        if name.contains('/') || name.chars().any(is_invisible) {
            self.fault("name", "must not contain / nor characters that nobody sees");
        }
        if name.trim() != name {
            self.fault("name", "must not begin or end with a blank");
        }
        let description = match self.take("description") {
            None => String::new(),
            Some(Value::String(text)) if text.chars().count() <= HIERARCHY_TEXT_CHARACTERS => text,
            Some(Value::String(_)) => {
                let why = format!("is longer than {HIERARCHY_TEXT_CHARACTERS} characters");
                self.fault("description", &why);
                String::new()
            }
            Some(_) => {
                self.fault("description", "must be a text");
                String::new()
            }
        };
        Label { name, description }
    }

    /// A list of texts; empty where the member is missing.
    pub(super) fn texts(&mut self, member: &str) -> Vec<String> {
        let items = match self.take(member) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.fault(member, "must be a list of texts");
                return Vec::new();
            }
        };
        let mut texts: Vec<String> = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) if texts.contains(&text) => {}
                Value::String(text) => texts.push(text),
                _ => self.fault(&format!("{member}[{at}]"), "must be a text"),
            }
        }
        texts
    }

    /// Nothing else may be there.
    ///
    /// # Errors
    /// 400 with all faults.
    pub(super) fn close(mut self) -> Result<(), Refusal> {
        let read_only = |name: &str| {
            READ_ONLY
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        };
        let unknown: Vec<String> = self
            .members
            .keys()
            .filter(|name| !read_only(name))
            .cloned()
            .collect();
        for name in unknown {
            self.fault(&name, "is no known member");
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Refusal::faults(self.faults))
        }
    }
}
