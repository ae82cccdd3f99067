//! libFuzzer's entrance to [`keepsake_fuzz::index_file`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _accepted = keepsake_fuzz::index_file(input);
});
