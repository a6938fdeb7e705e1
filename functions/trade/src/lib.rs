//! What an invocation is told: its event, and the profile of the account it trades. The binary beside this library is the function. How the
//! account's adapters are put together ([`assembly`]) also serves the functions that come after a trade.

#[cfg(feature = "function")]
pub mod assembly;
#[cfg(feature = "function")]
pub mod deployment;
pub mod event;
#[cfg(feature = "function")]
pub mod login;
pub mod profiles;

pub use gamma_lambda::failure;
