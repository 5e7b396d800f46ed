//! The errors that arise before a bundle can answer, written as the engine writes its own.

use assize_engine::{BundleError, Error, ErrorCode, error_answer};

/// The bytes are not a bundle that this engine can use.
pub(crate) fn bad_bundle(error: &BundleError) -> Vec<u8> {
    error_answer(&Error::new(ErrorCode::BadBundle, error.to_string()))
}

/// The handle names nothing that is loaded. Callers deny.
pub(crate) fn no_bundle(handle: u32) -> Vec<u8> {
    let message = format!("no bundle is loaded under handle {handle}");
    error_answer(&Error::new(ErrorCode::NoBundle, message))
}

/// The caller named a call that the module does not have.
pub(crate) fn bad_call(call: u32) -> Vec<u8> {
    let message = format!("call {call} is neither 0 (evaluate) nor 1 (evaluateTree)");
    error_answer(&Error::new(ErrorCode::BadRequest, message))
}

/// The lengths given lie outside the input buffer.
pub(crate) fn bad_length() -> Vec<u8> {
    let message = "the input is longer than the buffer that was asked for";
    error_answer(&Error::new(ErrorCode::BadRequest, message))
}
