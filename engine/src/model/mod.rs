//! Policies, policy sets and resource types as people write them, already valid.
//!
//! Each is read from AM's JSON by one `parse`, which reports everything that is wrong, each with
//! the path of the member. What is nonsense is refused here, so that evaluation never meets it.

mod attribute;
mod condition;
mod fault;
pub(crate) mod json;
mod kinds;
mod policy;
mod policy_set;
mod resource_type;
mod subject;
#[cfg(test)]
mod tests;

pub use attribute::{Attribute, Source, is_credential};
pub use condition::{Condition, Idle};
pub use fault::{Fault, FaultCode};
pub use kinds::{CONDITION_TYPES, SUBJECT_TYPES};
pub use policy::Policy;
pub use policy_set::PolicySet;
pub use resource_type::ResourceType;
pub use subject::Subject;
