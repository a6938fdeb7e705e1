//! Keeps the brokers' tokens refreshed.
