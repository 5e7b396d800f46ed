//! The fuzz target `policy`: see `assize_fuzz::policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| assize_fuzz::policy::check(data));
