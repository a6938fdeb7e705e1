//! Fault simulation of the whole order path: the real run, ladder, recovery, tokens and ledger over a
//! simulated broker and a simulated table, in virtual time, one step at a time, from one seed. What the
//! broker really did is held against an independent reference after every step.

mod chance;
mod delivery;
mod desk;
pub mod exchange;
pub mod fault;
mod hand;
mod invariants;
pub mod lies;
pub mod play;
pub mod reference;
pub mod scenario;
mod store;
pub mod trial;
pub mod world;
