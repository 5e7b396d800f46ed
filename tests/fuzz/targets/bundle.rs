//! The fuzz target `bundle`: see `assize_fuzz::bundle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| assize_fuzz::bundle::check(data));
