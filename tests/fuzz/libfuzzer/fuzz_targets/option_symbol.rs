#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    gamma_fuzz::run("option_symbol", data);
});
