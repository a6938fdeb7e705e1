//! Pure: signal, snapshot and profile in; a plan out, every side an intent or a skip with its reason.
