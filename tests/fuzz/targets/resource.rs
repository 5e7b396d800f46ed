//! The fuzz target `resource`: see `assize_fuzz::resource`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| assize_fuzz::resource::check(data));
