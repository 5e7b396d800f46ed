//! Corpus, reference evaluator, generators and subjects under test.

pub mod case;
pub mod differential;
pub mod generate;
pub mod native;
pub mod reference;
pub mod run;
pub mod subject;
