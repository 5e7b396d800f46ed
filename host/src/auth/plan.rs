//! What a log-in goes through: the modules that check the credentials, and the chain that lists them.

use std::sync::Arc;

use super::session::{Properties, Session};
use crate::clock::{self, Millis};
use crate::documents::authentication::{self, CHAIN, Criteria, MODULE};
use crate::documents::members;
use crate::store::{Kind, Object, Store, StoreError};

/// A module that checks credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) level: i64,
}

/// What a log-in goes through, and so what its session will say of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The chain, where the log-in asks for one; a log-in by module has none.
    pub(crate) service: Option<String>,
    pub(crate) modules: Vec<Module>,
}

/// The modules and chains of a realm.
pub(crate) struct Configured<'a> {
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) realm_key: &'a str,
}

impl Configured<'_> {
    /// The plan of a chain; `None` where the realm has none of that name, or its modules are gone.
    pub(crate) async fn chain(&self, name: &str) -> Result<Option<Plan>, StoreError> {
        if name.eq_ignore_ascii_case(CHAIN) {
            return Ok(Some(Plan {
                service: Some(CHAIN.to_owned()),
                modules: vec![built_in()],
            }));
        }
        let found = self.object(Kind::AuthChain, name).await?;
        let Some(found) = found else { return Ok(None) };
        let Ok((links, _)) = authentication::chain(&members(&found)) else {
            return Ok(None);
        };
        let mut modules = Vec::new();
        for link in links {
            let Some(module) = self.module(&link.module).await? else {
                return Ok(None);
            };
            modules.push(module);
            // All modules see the same name and password, so they succeed or fail together.
            if link.criteria == Criteria::Sufficient {
                break;
            }
        }
        Ok(Some(Plan {
            service: Some(found.name),
            modules,
        }))
    }

    /// A module by its name.
    pub(crate) async fn module(&self, name: &str) -> Result<Option<Module>, StoreError> {
        if name.eq_ignore_ascii_case(MODULE) {
            return Ok(Some(built_in()));
        }
        let found = self.object(Kind::AuthModule, name).await?;
        Ok(found.as_ref().map(module_of))
    }

    /// The module with the lowest level that is not below `level`.
    pub(crate) async fn module_of_level(&self, level: i64) -> Result<Option<Module>, StoreError> {
        let stored = self.store.objects(Kind::AuthModule, self.realm_key).await?;
        let modules = stored.iter().map(module_of).chain([built_in()]);
        Ok(modules
            .filter(|module| module.level >= level)
            .min_by(|a, b| (a.level, &a.name).cmp(&(b.level, &b.name))))
    }

    async fn object(&self, kind: Kind, name: &str) -> Result<Option<Object>, StoreError> {
        let key = name.to_lowercase();
        self.store.object(kind, self.realm_key, &key).await
    }
}

fn built_in() -> Module {
    Module {
        name: MODULE.to_owned(),
        level: 0,
    }
}

fn module_of(object: &Object) -> Module {
    Module {
        name: object.name.clone(),
        level: authentication::module(&members(object)).unwrap_or(0),
    }
}

impl Plan {
    /// Adds a module, once.
    pub(crate) fn add(&mut self, module: Module) {
        if !self.modules.iter().any(|known| known.name == module.name) {
            self.modules.push(module);
        }
    }

    /// The highest level that the plan gives.
    pub(crate) fn level(&self) -> i64 {
        self.modules
            .iter()
            .map(|module| module.level)
            .max()
            .unwrap_or(0)
    }

    /// Whether a session has been through all of this already.
    pub(crate) fn is_met_by(&self, session: &Session) -> bool {
        let properties = session.properties();
        let chain = self
            .service
            .as_ref()
            .is_none_or(|chain| names(&properties, "Service").any(|name| name == chain));
        let went_through =
            |module: &Module| names(&properties, "AuthType").any(|name| name == module.name);
        chain && self.modules.iter().all(went_through)
    }

    /// What a session says of the plan that made it, over what it said before a step up.
    pub(crate) fn describe(
        &self,
        now: Millis,
        before: Option<&Properties>,
        properties: &mut Properties,
    ) {
        let list = |name: &str, new: Vec<&str>| {
            let mut all: Vec<String> = new.iter().map(|name| (*name).to_owned()).collect();
            for old in before.into_iter().flat_map(|before| names(before, name)) {
                if !all.iter().any(|known| known == old) {
                    all.push(old.to_owned());
                }
            }
            all.join("|")
        };
        let modules = self
            .modules
            .iter()
            .map(|module| module.name.as_str())
            .collect();
        let service = list("Service", self.service.as_deref().into_iter().collect());
        properties.insert("AuthType".into(), list("AuthType", modules));
        if !service.is_empty() {
            properties.insert("Service".into(), service);
        }
        let earlier = before.and_then(|before| before.get("AuthLevel")?.parse().ok());
        let level = self.level().max(earlier.unwrap_or(0));
        properties.insert("AuthLevel".into(), level.to_string());
        if let Some(before) = before {
            properties.insert("moduleAuthTime".into(), self.times(now, before));
        }
    }

    /// `module+instant|…`: when the session last went through each module.
    fn times(&self, now: Millis, before: &Properties) -> String {
        let fresh = |name: &str| self.modules.iter().any(|module| module.name == name);
        let now = clock::seconds_text(now);
        let mut times: Vec<String> = self
            .modules
            .iter()
            .map(|module| format!("{}+{now}", module.name))
            .collect();
        let recorded = before
            .get("moduleAuthTime")
            .map(String::as_str)
            .unwrap_or_default();
        let first = before
            .get("authInstant")
            .map(String::as_str)
            .unwrap_or_default();
        for name in names(before, "AuthType").filter(|name| !fresh(name)) {
            let at = recorded
                .split('|')
                .filter_map(|entry| entry.split_once('+'))
                .find(|(module, _)| *module == name)
                .map_or(first, |(_, at)| at);
            times.push(format!("{name}+{at}"));
        }
        times.join("|")
    }
}

/// The names in a property that lists some, each without the realm that may stand before it.
fn names<'a>(properties: &'a Properties, property: &str) -> impl Iterator<Item = &'a str> {
    let value = properties
        .get(property)
        .map(String::as_str)
        .unwrap_or_default();
    value
        .split('|')
        .filter(|name| !name.is_empty())
        .map(|part| part.split_once(':').map_or(part, |(_, name)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str, level: i64) -> Module {
        Module {
            name: name.to_owned(),
            level,
        }
    }

    fn properties(list: &[(&str, &str)]) -> Properties {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_first_log_in_describes_itself() {
        let plan = Plan {
            service: Some("Two".into()),
            modules: vec![module("A", 3), module("B", 5)],
        };
        let mut described = Properties::new();
        plan.describe(0, None, &mut described);
        let want = [("AuthLevel", "5"), ("AuthType", "A|B"), ("Service", "Two")];
        assert_eq!(described, properties(&want));
    }

    #[test]
    fn a_step_up_keeps_what_was_earned_and_when() {
        let before = properties(&[
            ("AuthLevel", "4"),
            ("AuthType", "DataStore|C"),
            ("Service", "/a:ldapService"),
            ("authInstant", "2026-01-01T00:00:00Z"),
            ("moduleAuthTime", "C+2025-01-01T00:00:00Z"),
        ]);
        let plan = Plan {
            service: None,
            modules: vec![module("High", 2)],
        };
        let mut after = Properties::new();
        plan.describe(1_000, Some(&before), &mut after);
        let times =
            "High+1970-01-01T00:00:01Z|DataStore+2026-01-01T00:00:00Z|C+2025-01-01T00:00:00Z";
        let want = [
            ("AuthLevel", "4"),
            ("AuthType", "High|DataStore|C"),
            ("Service", "ldapService"),
            ("moduleAuthTime", times),
        ];
        assert_eq!(after, properties(&want));
    }
}
