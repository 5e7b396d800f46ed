//! The fuzz target `filter`: see `assize_fuzz::filter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| assize_fuzz::filter::check(data));
