//! Post-trade: the equity of an account and the sequential test that decides whether its next run trades.
