//! libFuzzer's entrance to [`keepsake_fuzz::dsn`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _accepted = keepsake_fuzz::dsn(input);
});
