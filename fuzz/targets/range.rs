#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| rustus_fuzz::checks::range(input));
