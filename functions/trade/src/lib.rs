//! What an invocation is told: its event, and the profile of the account it trades. The binary beside this library is the function.

pub mod event;
pub mod failure;
pub mod profiles;
