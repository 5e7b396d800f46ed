//! The policy decision engine of Assize.
//!
//! ```text
//! policy ──parse──▶ model ──compile──▶ lowered policy ──link──▶ bundle (bytes)
//!                                                                 │ load
//! request ──parse──▶ Request ─────────────▶ evaluate(&Bundle) ◀───┘ ──▶ Answer
//! ```
//!
//! INVARIANT: evaluation is a pure function. There is no I/O, clock, randomness, thread or log in
//! this crate, and no floating point in a decision; the instant, the subject, the environment and
//! outside results are arguments. Nothing depends on the order of policies or on hash order.
//!
//! The feature `compile` holds everything between policy JSON and bundle bytes; the decision
//! module is built without it.

pub mod lang;
pub mod limits;
pub mod resource;

mod answer;
mod bundle;
mod error;
mod evaluate;
pub mod explain;
mod index;
mod request;
mod zones;

#[cfg(feature = "compile")]
mod compile;
#[cfg(feature = "compile")]
pub mod document;
#[cfg(feature = "compile")]
pub mod model;

pub use answer::{answer, answer_am, error_answer};
#[cfg(feature = "compile")]
pub use bundle::digest_of;
pub use bundle::{Bundle, BundleError, RequiredFacts};
#[cfg(feature = "compile")]
pub use compile::{CompiledPolicy, compile_policy, link};
pub use error::{Error, ErrorCode};
pub use evaluate::{Answer, Decision, Effect, Need, Question, evaluate};
#[cfg(feature = "compile")]
pub use model::{Fault, FaultCode};
pub use request::{AmCall, Request, json};
