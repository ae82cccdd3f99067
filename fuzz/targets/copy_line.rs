//! libFuzzer's entrance to [`keepsake_fuzz::copy_line`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _accepted = keepsake_fuzz::copy_line(input);
});
