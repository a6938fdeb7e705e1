//! Whole runs against a broker, a ledger and a signal in memory. One program, so that it is linked once.

mod aftermath;
mod announced;
mod answers;
mod gaps;
mod identity;
mod lease;
mod moved_signal;
mod roll;
mod run;
mod signal;
mod support;
mod trouble;
