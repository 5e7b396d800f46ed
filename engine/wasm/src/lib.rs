//! The engine as one WebAssembly module with two sets of exports.
//!
//! * [`abi`]: plain exports over bytes in linear memory. They need no import, so that a host without
//!   JavaScript (the server's wasmtime) can use the module with every import left undefined.
//! * [`js`]: what wasm-bindgen makes of a class `Bundle`, for JavaScript; beside it [`rows`] and [`signature`], which
//!   the npm package needs.
//!
//! Both lead to the same two engine functions, `answer` and `answer_am`; nothing is decided here.

pub mod abi;
mod build_id;
mod error;
pub mod js;
pub mod rows;
pub mod signature;
