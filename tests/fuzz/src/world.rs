//! The policies that requests are asked of: every kind of subject, condition and attribute, once, compiled once.

use assize_engine::document::Document;
use assize_engine::model::Policy;
use assize_engine::{Bundle, compile_policy, link};
use assize_tests::reference::Reference;
use serde_json::Value;

/// The policy set that every policy is in.
pub(crate) const POLICY_SET: &str = "iPlanetAMWebAgentService";

/// The policies in each of their forms.
pub(crate) struct World {
    /// As they are written.
    pub(crate) policies: Vec<Value>,
    /// Compiled and loaded.
    pub(crate) bundle: Bundle,
    /// As the reference evaluator holds them.
    pub(crate) reference: Reference,
}

/// The one that there is, made once in each thread: the reference counts what it has seen and is not to be shared.
pub(crate) fn world() -> &'static World {
    thread_local! {
        static WORLD: &'static World = Box::leak(Box::new(World::new()));
    }
    WORLD.with(|world| *world)
}

impl World {
    fn new() -> World {
        let text = include_bytes!("world.json");
        let policies = match Document::parse(text) {
            Ok((document, _)) => document.policies,
            Err(_) => Vec::new(),
        };
        assert_eq!(policies.len(), 6, "the world is a document of six policies");
        let parsed: Vec<Policy> = policies
            .iter()
            .filter_map(|policy| Policy::parse(policy).ok())
            .collect();
        assert_eq!(
            parsed.len(),
            policies.len(),
            "every policy of the world is valid"
        );
        let Ok(bundle) = Bundle::load(bundle_of(&parsed)) else {
            unreachable!("the world's own bundle loads")
        };
        let reference = Reference::new(&serde_json::json!({ "policies": policies }));
        World {
            policies,
            bundle,
            reference,
        }
    }
}

/// A bundle of these policies, in [`POLICY_SET`].
pub(crate) fn bundle_of(policies: &[Policy]) -> Vec<u8> {
    let compiled: Vec<_> = policies.iter().map(compile_policy).collect();
    link("/", [POLICY_SET], &compiled)
}
