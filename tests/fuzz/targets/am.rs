//! The fuzz target `am`: see `assize_fuzz::am`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| assize_fuzz::am::check(data));
