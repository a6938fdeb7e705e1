#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    gamma_fuzz::run("tastytrade_place_reply", data);
});
