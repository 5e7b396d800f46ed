//! Request bodies: one JSON object whose fields are taken one by one; every fault is told under its field.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use super::super::json_body::{self, Limit};
use super::error::Refusal;
use super::resource::Resource;
use crate::app::App;
use crate::oauth::name::{Name, NameFault, mapping_value};

/// How an object is changed by a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// POST and PUT: the body says everything.
    Whole,
    /// PATCH: what the body does not say, or says as `null`, stays.
    Part,
}

/// The fields of a body, and what is wrong with them so far.
#[derive(Clone)]
pub(super) struct Fields {
    fields: Map<String, Value>,
    faults: Map<String, Value>,
}

impl FromRequest<Arc<App>> for Fields {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refusal> {
        let limit = Limit::Setting(app.config.body_bytes);
        Ok(Fields {
            fields: json_body::object(request, limit).await?,
            faults: Map::new(),
        })
    }
}

impl Fields {
    pub(super) fn fault(&mut self, field: &str, why: impl Into<String>) {
        let why = Value::from(why.into());
        match self.faults.get_mut(field) {
            Some(Value::Array(faults)) => faults.push(why),
            _ => {
                self.faults.insert(field.to_owned(), vec![why].into());
            }
        }
    }

    /// A field that is there and not `null`.
    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.fields
            .shift_remove(field)
            .filter(|value| !value.is_null())
    }

    /// A name: `before` where a partial change does not say it; empty after a fault.
    pub(super) fn name(&mut self, field: &str, change: Change, before: Name) -> Name {
        self.parsed(field, change, before, Name::parse)
    }

    /// Another text, which may be what a mapping can look for.
    pub(super) fn text(&mut self, field: &str, change: Change, before: String) -> String {
        self.parsed(field, change, before, mapping_value)
    }

    fn parsed<T: Default>(
        &mut self,
        field: &str,
        change: Change,
        before: T,
        parse: impl Fn(&str) -> Result<T, NameFault>,
    ) -> T {
        let wrong = match self.take(field) {
            Some(Value::String(text)) => match parse(&text) {
                Ok(parsed) => return parsed,
                Err(fault) => format!("This field {fault}"),
            },
            Some(_) => "A text is needed".to_owned(),
            None if change == Change::Part => return before,
            None => "This field is required".to_owned(),
        };
        self.fault(field, wrong);
        T::default()
    }

    /// What a reference leads to: the address of an object, or the object itself with its address.
    pub(super) fn reference<T>(
        &mut self,
        field: &str,
        value: &Value,
        find: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let uri = value
            .as_str()
            .or_else(|| value.get("resource_uri").and_then(Value::as_str));
        let Some(uri) = uri else {
            self.fault(field, "The resource_uri of an object is needed");
            return None;
        };
        let found = find(uri);
        if found.is_none() {
            self.fault(field, format!("{uri:?} leads to nothing that is known"));
        }
        found
    }

    /// A list of references: `before` where a partial change does not say it.
    pub(super) fn references<T>(
        &mut self,
        field: &str,
        change: Change,
        before: Vec<T>,
        find: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        match self.take(field) {
            Some(Value::Array(items)) => {
                let mut found = Vec::with_capacity(items.len());
                for item in &items {
                    found.extend(self.reference(field, item, &find));
                }
                found
            }
            Some(_) => {
                self.fault(field, "A list is needed");
                Vec::new()
            }
            None if change == Change::Part => before,
            None => {
                self.fault(field, "This field is required");
                Vec::new()
            }
        }
    }

    /// # Errors
    /// 400 with all faults.
    pub(super) fn close(self, resource: Resource) -> Result<(), Refusal> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Refusal::fields(resource, Value::Object(self.faults)))
        }
    }
}
