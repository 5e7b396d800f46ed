//! The fuzz target `request`: see `assize_fuzz::request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| assize_fuzz::request::check(data));
