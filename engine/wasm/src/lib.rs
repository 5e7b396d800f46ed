//! The engine as one WebAssembly module with two sets of exports.
//!
//! * [`abi`]: plain exports over bytes in linear memory. They need no import, so that a host without
//!   JavaScript (the server's wasmtime) can use the module with every import left undefined.
//! * [`js`]: what wasm-bindgen makes of a class `Bundle`, for JavaScript; beside it [`rows`] and [`signature`], which
//!   the npm package needs. [`object`] is the way from JavaScript's objects to the engine's text and back.
//!
//! Both lead to the same two engine functions, `answer` and `answer_am`; nothing is decided here.

pub mod abi;
mod build_id;
mod error;
#[cfg(feature = "js")]
pub mod js;
#[cfg(feature = "js")]
mod object;
#[cfg(feature = "js")]
pub mod rows;
#[cfg(feature = "js")]
pub mod signature;
