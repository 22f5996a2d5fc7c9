#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| imstrail_fuzz::columns::run(data));
