//! Logins and the accounts they show. Every login has tokens of its own, every account books of its own.

use std::sync::{Arc, MutexGuard};

use axum::http::HeaderMap;
use gamma_sim_core::exchange::{Exchange, SharedExchange};
use jiff::Timestamp;
use rust_decimal::Decimal;
use secrecy::SecretString;

use super::Face;
use super::errors::TraderError;

/// A login beside the one of [`SchwabConfig`](super::SchwabConfig), at the same app. Everything is made up.
#[derive(Debug, Clone)]
pub struct LoginConfig {
    /// Its refresh token, good for seven days from the simulation's start.
    pub refresh_token: SecretString,
    /// An access token that is good for half an hour from the start, where there is one.
    pub access_token: Option<SecretString>,
    /// What it shows, in this order.
    pub accounts: Vec<AccountConfig>,
}

/// An account of such a login. It begins flat.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// Eight digits or so, unlike any other's.
    pub number: String,
    /// Dollars in it.
    pub cash: Decimal,
}

/// One account as the face keeps it.
#[derive(Debug)]
pub struct Holder {
    pub(super) login: LoginId,
    pub(super) number: String,
    pub(super) hash: String,
    pub(super) exchange: Arc<SharedExchange>,
}

/// Whose token a request carried, as an extension of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LoginId(pub(super) usize);

impl Holder {
    /// An account of the login that counts from 1, or of the first, which is 0.
    #[must_use]
    pub fn new(login: usize, number: String, exchange: Arc<SharedExchange>) -> Self {
        let hash = super::account_hash(&number);
        Self { login: LoginId(login), number, hash, exchange }
    }

    /// Its exchange, brought to `now`.
    pub fn at(&self, now: Timestamp) -> MutexGuard<'_, Exchange> {
        self.exchange.at(now)
    }
}

impl Face {
    /// Paths name the account by its hash; the plain number is refused too, and so is another login's
    /// account.
    pub(super) fn holder(&self, login: LoginId, hash: &str) -> Result<&Holder, TraderError> {
        let unknown = || {
            TraderError::not_found(
                "accountNumber: got an unknown hash, expected a hashValue of accountNumbers".into(),
            )
        };
        self.of_login(login).find(|holder| holder.hash == hash).ok_or_else(unknown)
    }

    /// The accounts a login shows.
    pub(super) fn of_login(&self, login: LoginId) -> impl Iterator<Item = &Holder> {
        self.holders.iter().filter(move |holder| holder.login == login)
    }

    /// The account's exchange at the clock's time. The clock is read before the exchange is locked: the clock
    /// locks the exchange to move it.
    pub(super) fn exchange_of<'a>(&self, holder: &'a Holder) -> MutexGuard<'a, Exchange> {
        let now = self.clock.now();
        holder.at(now)
    }

    /// The account a path names, whoever asks.
    pub(super) fn holder_on(&self, path: &str) -> Option<&Holder> {
        path.split('/').find_map(|part| self.holders.iter().find(|holder| holder.hash == part))
    }

    /// Whose tokens a request is about: of a call the login it carries the token of; of any other, such as a
    /// refresh, every login.
    pub(super) fn logins_of(&self, headers: &HeaderMap) -> Vec<usize> {
        let state = self.state();
        let named = state.logins.iter().position(|tokens| tokens.knows(headers));
        named.map_or_else(|| (0..state.logins.len()).collect(), |login| vec![login])
    }
}
