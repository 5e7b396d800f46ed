//! The fuzz target `pattern`: see `assize_fuzz::pattern`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| assize_fuzz::pattern::check(data));
