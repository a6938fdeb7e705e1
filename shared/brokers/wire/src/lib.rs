//! What the adapters of brokers' HTTP APIs share, whichever broker it is.
//!
//! [`fields`] reads JSON by key, with errors that name the field. [`ErrorBody`] reads an answer that is an
//! error, without the secrets it may echo. [`KnownLegs`] says what an order that does not read may touch.
//! [`Login`] keeps an access token live, and [`Client`] sends with it: reads are tried again and survive one
//! refused token, an order is sent once ([`OrderRequest`]). What an order's success proves is each broker's
//! own, and stays in its adapter.

mod client;
mod error_body;
pub mod fields;
mod known_legs;
mod login;
mod orders;
mod roots;
mod throttle;

pub use client::{Client, Unanswered, http_fault, json, read_fault};
pub use error_body::{ErrorBody, Origin, Words, before_passing_on};
pub use known_legs::KnownLegs;
pub use login::{Login, TokenDocument, TokenEndpoint};
pub use orders::{OrderRequest, ReadErrorBody, unaccepted};
pub use roots::is_of_root;
pub use throttle::WriteThrottle;
