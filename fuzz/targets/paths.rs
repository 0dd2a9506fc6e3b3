#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| rustus_fuzz::checks::paths(input));
