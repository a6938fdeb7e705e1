//! What this adapter says to AWS, held against moto and against answers that are written down. One program,
//! so that it is linked once.

mod answers;
mod ledger;
mod moto;
mod records;
mod scheduler;
mod secrets_manager;
mod sns;
mod ssm;
mod wire;
