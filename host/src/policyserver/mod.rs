//! PolicyServer's own model (seed 000): policies that hold roles and permissions, one beneath the other, and who has
//! which role. It decides what an application's user may do in general; the engine decides about resources.
//!
//! ```text
//! entry      what is administered: policies, roles, permissions, assignments
//! hierarchy  all of it at one revision of the store, and what a change of it writes
//! grants     claims in, roles and permissions out
//! ```

pub(crate) mod entry;
pub(crate) mod grants;
pub(crate) mod hierarchy;
