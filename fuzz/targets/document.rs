//! libFuzzer's entrance to [`keepsake_fuzz::document`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _accepted = keepsake_fuzz::document(input);
});
