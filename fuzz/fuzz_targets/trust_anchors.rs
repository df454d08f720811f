#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sogoc_fuzz::run("trust_anchors", data));
