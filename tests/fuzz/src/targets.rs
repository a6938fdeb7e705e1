//! The readers.

mod account;
mod event;
mod market;
mod orders;
mod place;
mod profile;
mod quotes;
mod signal;
mod stream;
mod tastytrade;
mod token;
mod transactions;

use crate::promise::within_memory;

/// One reader of foreign text.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    body: fn(&[u8]) -> Verdict,
}

/// What the reader said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It read the text.
    Reads,
    /// It refused it.
    Refused,
}

impl Target {
    const fn new(name: &'static str, body: fn(&[u8]) -> Verdict) -> Self {
        Self { name, body }
    }

    /// Feeds it `data`.
    ///
    /// # Panics
    /// When the promise is broken.
    pub fn run(&self, data: &[u8]) -> Verdict {
        within_memory(data.len(), || (self.body)(data))
    }
}

/// Every target, in the order of the flow.
pub const TARGETS: [Target; 32] = [
    Target::new("event", event::event),
    Target::new("profile", profile::profile),
    Target::new("sizing", profile::sizing),
    Target::new("token_document", token::document),
    Target::new("token_refresh", token::refresh),
    Target::new("signal_login", signal::login),
    Target::new("signal", signal::signal),
    Target::new("option_symbol", market::option_symbol),
    Target::new("price", market::price),
    Target::new("account_numbers", account::numbers),
    Target::new("account", account::account),
    Target::new("order_list", orders::list),
    Target::new("order", orders::order),
    Target::new("quotes", quotes::quotes),
    Target::new("stream", stream::stream),
    Target::new("place_reply", place::reply),
    Target::new("error_body", place::error_body),
    Target::new("preview", orders::preview),
    Target::new("transactions", transactions::transactions),
    Target::new("tastytrade_token_document", tastytrade::token::document),
    Target::new("tastytrade_token_refresh", tastytrade::token::refresh),
    Target::new("tastytrade_balances", tastytrade::account::balances),
    Target::new("tastytrade_positions", tastytrade::account::positions),
    Target::new("tastytrade_chain", tastytrade::market::chain),
    Target::new("tastytrade_order_list", tastytrade::orders::list),
    Target::new("tastytrade_order", tastytrade::orders::order),
    Target::new("tastytrade_quotes", tastytrade::market::quotes),
    Target::new("tastytrade_quote_token", tastytrade::market::quote_token),
    Target::new("tastytrade_place_reply", tastytrade::place::reply),
    Target::new("tastytrade_error_body", tastytrade::place::error_body),
    Target::new("tastytrade_preview", tastytrade::orders::preview),
    Target::new("tastytrade_transactions", tastytrade::transactions::transactions),
];

/// Two lines of their own before the body, for readers of whole answers; a line that is not there is empty.
fn two_lines(data: &[u8]) -> [&[u8]; 3] {
    let mut parts = data.splitn(3, |byte| *byte == b'\n');
    [(); 3].map(|()| parts.next().unwrap_or_default())
}

/// The status of an answer: three digits, else 200.
fn status(line: &[u8]) -> u16 {
    let digits = std::str::from_utf8(line).ok().filter(|text| text.len() == 3);
    digits.and_then(|text| text.parse().ok()).filter(|status| (100..=599).contains(status)).unwrap_or(200)
}
