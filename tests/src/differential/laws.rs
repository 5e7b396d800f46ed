//! Laws that hold whatever the policies: order and repetition mean nothing, strangers change nothing, a tree combines to evaluate.

use super::compare::{Case, canonical, engine_answer, resolved};
use crate::generate::{self, Rng};
use crate::native::{bundle_bytes, faults};
use crate::reference::{Name, Pattern};
use assize_engine::resource::TreeRows;
use assize_engine::{AmCall, Bundle, answer_am};
use serde_json::{Map, Value, json};

/// Laws about the bundle of a document, and a few requests on bundles that must answer alike.
#[must_use]
pub fn broken_by_document(document: &Value, bundle: &Bundle, rng: &mut Rng) -> Vec<String> {
    let mut broken = Vec::new();
    let shuffled = with_policies(document, |policies| rng.shuffle(policies));
    match bundle_bytes(&shuffled).map(Bundle::load) {
        Ok(Ok(other)) if other.digest() == bundle.digest() => {}
        _ => broken.push(format!(
            "the order of policies changes the digest\n{document}"
        )),
    }
    let doubled = with_policies(document, |policies| {
        let mut copies = policies.clone();
        for copy in &mut copies {
            let name = format!(
                "copy of {}",
                copy.get("name").and_then(Value::as_str).unwrap_or("")
            );
            copy["name"] = json!(name);
        }
        policies.extend(copies);
    });
    let joined = with_policies(document, |policies| {
        let sets = ["iPlanetAMWebAgentService", "other"];
        for n in 0..5 {
            let mut stranger = generate::policy(rng, &format!("stranger {n}"), &sets);
            stranger["resources"] = json!([
                format!("https://stranger{n}.test:444/*"),
                format!("http://stranger.test/{n}/-*-?a=*")
            ]);
            if faults(document, &stranger).is_empty() {
                policies.push(stranger);
            }
        }
    });
    for (law, changed) in [
        ("repeating every policy", doubled),
        ("policies on hosts that nobody asks for", joined),
    ] {
        let Ok(Ok(other)) = bundle_bytes(&changed).map(Bundle::load) else {
            broken.push(format!("{law}: the document no longer compiles\n{changed}"));
            continue;
        };
        for _ in 0..4 {
            let mut case = Case {
                request: generate::request(rng, document),
                outside: rng.bits(),
            };
            // A tree of every host would show the strangers.
            if case.request.get("tree").is_some() && law.starts_with("policies on") {
                case.request =
                    json!({"resources": [case.request["tree"]], "now": case.request["now"]});
            }
            let (before, after) = (engine_answer(bundle, &case), engine_answer(&other, &case));
            if before != after {
                broken.push(format!("{law} changes an answer\nbefore {before}\nafter {after}\nrequest {}\n{document}", case.request));
            }
        }
    }
    broken
}

fn with_policies(document: &Value, change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let mut out = document.clone();
    if let Some(policies) = out.get_mut("policies").and_then(Value::as_array_mut) {
        change(policies);
    }
    out
}

/// The first law that an answered request breaks.
#[must_use]
pub fn broken_by_request(
    bundle: &Bundle,
    case: &Case,
    answered: &Value,
    rng: &mut Rng,
) -> Option<String> {
    if rng.chance(10) {
        let turned = Case {
            request: turned(&case.request, rng),
            outside: case.outside,
        };
        let again = engine_answer(bundle, &turned);
        if Some(&again) != answered.get("answer") {
            return Some(format!(
                "the order of values changes the answer: {again}\nturned {}",
                turned.request
            ));
        }
    }
    if rng.chance(10)
        && let Some(law) = am_body_law(bundle, case)
    {
        return Some(law);
    }
    let root = case.request.get("tree")?.as_str()?;
    let entries = answered.pointer("/answer/decisions")?.as_array()?;
    if answered
        .get("asked")?
        .as_array()
        .is_some_and(|a| !a.is_empty())
    {
        return None;
    }
    for _ in 0..3 {
        let name = beneath(root, entries, rng);
        if let Some(law) = tree_law(bundle, case, root, entries, &name) {
            return Some(law);
        }
    }
    None
}

/// AM's own body beside the resolved context gives the decisions that the engine request gives, with the same effects.
fn am_body_law(bundle: &Bundle, case: &Case) -> Option<String> {
    let plain = engine_answer(bundle, case);
    let mut context = resolved(bundle, case);
    let members = context.as_object_mut()?;
    let mut body = Map::new();
    let mut call = AmCall::Evaluate;
    for (from, to) in [
        ("policySet", "application"),
        ("resources", "resources"),
        ("tree", "resource"),
        ("environment", "environment"),
    ] {
        if let Some(value) = members.remove(from) {
            body.insert(to.to_owned(), value);
        }
        if from == "tree" && body.contains_key("resource") {
            call = AmCall::EvaluateTree;
        }
    }
    let bytes = answer_am(
        bundle,
        context.to_string().as_bytes(),
        Value::Object(body.clone()).to_string().as_bytes(),
        call,
    );
    let given: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let comparable = if given.is_array() {
        canonical(&json!({"decisions": given, "effects": []}))
    } else {
        canonical(&given)
    };
    // Errors name members of different bodies.
    let same = comparable == plain
        || (comparable.get("error").is_some() && comparable.get("error") == plain.get("error"));
    (!same).then(|| {
        format!(
            "AM's body {} gives {comparable}, the engine request gives {plain}",
            Value::Object(body)
        )
    })
}

/// The same request with the values of arrays that are sets in another order.
fn turned(request: &Value, rng: &mut Rng) -> Value {
    let mut out = request.clone();
    for (member, inner) in [
        ("/environment", true),
        ("/subject/profile", true),
        ("/subject/memberships", true),
        ("/subject/groups", false),
        ("/subject/principals", false),
        ("/subject/claims", false),
    ] {
        let Some(found) = out.pointer_mut(member) else {
            continue;
        };
        match found {
            Value::Object(members) if inner => {
                for value in members.values_mut() {
                    if let Some(list) = value.as_array_mut() {
                        rng.shuffle(list);
                    }
                }
            }
            Value::Array(list) => rng.shuffle(list),
            _ => {}
        }
    }
    out
}

/// A name at or beneath the root, near one of the tree's entries.
fn beneath(root: &str, entries: &[Value], rng: &mut Rng) -> String {
    let entry = entries
        .get(rng.below(entries.len()))
        .and_then(|e| e.get("resource")?.as_str());
    match (entry, rng.below(4)) {
        (_, 0) => root.to_owned(),
        (_, 1) => format!(
            "{root}{}{}",
            if root.ends_with('/') { "" } else { "/" },
            rng.pick(&["a", "b/a", "x.html", "a?x=1"])
        ),
        (Some(pattern), _) => generate::fill(rng, pattern),
        (None, _) => root.to_owned(),
    }
}

/// Combining the entries that cover a name at or beneath the root gives what evaluate says about it.
fn tree_law(
    bundle: &Bundle,
    case: &Case,
    root: &str,
    entries: &[Value],
    text: &str,
) -> Option<String> {
    let (root_name, name) = (Name::new(root).ok()?, Name::new(text).ok()?);
    if !name.is_at_or_beneath(&root_name) {
        return None;
    }
    let mut combined = Combined::default();
    let mut covering = Vec::new();
    for (n, entry) in entries.iter().enumerate() {
        let shown = entry.get("resource")?.as_str()?;
        // The root's entry holds the policies whose pattern is the root itself, wildcards and all.
        let covers = Pattern::new(if n == 0 { &root_name.text } else { shown })
            .is_ok_and(|p| p.covers(&name));
        if covers {
            combined.take(entry);
            covering.push(n as u32);
        }
    }
    let found = rows_covering(root, entries, text);
    if found.as_ref() != Ok(&Some(covering.clone())) {
        return Some(format!(
            "of the tree of {root:?} the rows {covering:?} cover {text:?}, the engine says {found:?}"
        ));
    }
    let mut request = case.request.clone();
    let members = request.as_object_mut()?;
    members.remove("tree");
    members.insert("resources".to_owned(), json!([text]));
    let evaluated = engine_answer(
        bundle,
        &Case {
            request: request.clone(),
            outside: case.outside,
        },
    );
    let decision = evaluated.pointer("/decisions/0")?;
    let wanted = combined.shown(text);
    (*decision != wanted).then(|| {
        format!("the tree of {root:?} combines to {wanted} for {text:?}, evaluate says {decision}")
    })
}

/// The rows that cover a name, as whoever keeps an answer asks the engine.
fn rows_covering(root: &str, entries: &[Value], name: &str) -> Result<Option<Vec<u32>>, String> {
    let mut rows = TreeRows::new(root).map_err(|e| e.to_string())?;
    for entry in entries.iter().skip(1) {
        let shown = entry.get("resource").and_then(Value::as_str);
        rows.add(shown.unwrap_or_default())
            .map_err(|e| e.to_string())?;
    }
    rows.covering(name).map_err(|e| e.to_string())
}

struct Combined {
    actions: Map<String, Value>,
    attributes: Map<String, Value>,
    advices: Map<String, Value>,
    ttl: i64,
}

impl Default for Combined {
    fn default() -> Combined {
        Combined {
            actions: Map::new(),
            attributes: Map::new(),
            advices: Map::new(),
            ttl: i64::MAX,
        }
    }
}

impl Combined {
    fn take(&mut self, entry: &Value) {
        for (action, allowed) in entry
            .get("actions")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let denied = self.actions.get(action) == Some(&Value::Bool(false));
            self.actions.insert(
                action.clone(),
                json!(!denied && *allowed == Value::Bool(true)),
            );
        }
        for (into, member) in [
            (&mut self.attributes, "attributes"),
            (&mut self.advices, "advices"),
        ] {
            for (name, values) in entry
                .get(member)
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let united = into.entry(name.clone()).or_insert_with(|| json!([]));
                if let (Some(united), Some(values)) = (united.as_array_mut(), values.as_array()) {
                    united.extend(values.iter().cloned());
                }
            }
        }
        self.ttl = self
            .ttl
            .min(entry.get("ttl").and_then(Value::as_i64).unwrap_or(i64::MAX));
    }

    fn shown(mut self, resource: &str) -> Value {
        for values in self
            .attributes
            .values_mut()
            .chain(self.advices.values_mut())
        {
            if let Some(list) = values.as_array_mut() {
                list.sort_by_key(|v| v.as_str().unwrap_or("").to_owned());
                list.dedup();
            }
        }
        if !self.advices.is_empty() {
            self.actions.clear();
        }
        json!({"resource": resource, "actions": self.actions, "attributes": self.attributes, "advices": self.advices, "ttl": self.ttl})
    }
}
