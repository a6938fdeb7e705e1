//! The composition root: how each account trades ([`profiles`]), what its deployment says ([`deployment`]), and its adapters put together
//! for one invocation ([`assembly`]), or only its login at the broker ([`login`]).
//!
//! Every function that works with an account begins here, and the command `gamma` too.

pub mod assembly;
pub mod deployment;
pub mod login;
pub mod profiles;
