//! The adapter against a scripted server on loopback: what goes over the wire, and what every class of answer
//! becomes.

mod fake;
mod orders;
mod reads;
mod tokens;
mod transactions;
