//! The client against a loopback Google.

mod accounts;
mod changes;
mod google;
mod reads;
mod tokens;
