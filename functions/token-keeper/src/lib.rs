//! Keeps the brokers' tokens refreshed, and says when a login runs out.
//!
//! Pure but for the binary: what is asked ([`event`]), which logins there are ([`config`]), how long one
//! still lives ([`runway`]), and what a round over all of them came to ([`round`]).

pub mod config;
pub mod event;
pub mod round;
pub mod runway;
