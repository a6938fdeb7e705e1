//! What an answer shows untruly.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use gamma_market::{LegQuote, OptionSymbol};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::Fault;

/// How the faces are to look at the world for one request. They find it among the request's extensions;
/// without it they tell the truth.
#[derive(Debug, Clone, Default)]
pub struct View(Vec<Fault>);

impl View {
    pub(crate) const fn of(faults: Vec<Fault>) -> Self {
        Self(faults)
    }

    /// The moment orders are shown as of, when it is not now.
    pub fn orders_as_of(&self, now: Timestamp) -> Option<Timestamp> {
        self.behind(now, |fault| if let Fault::StaleOrders(age) = fault { Some(*age) } else { None })
    }

    /// The moment positions are shown as of, when it is not now.
    pub fn positions_as_of(&self, now: Timestamp) -> Option<Timestamp> {
        self.behind(now, |fault| if let Fault::LaggingPositions(age) = fault { Some(*age) } else { None })
    }

    /// How long after they happened fills are shown, when it is not at once.
    pub fn fills_late_by(&self) -> Option<Duration> {
        self.find(|fault| if let Fault::FillsLate(delay) = fault { Some(*delay) } else { None })
    }

    /// Whether every fill is told twice.
    pub fn fills_twice(&self) -> bool {
        self.0.contains(&Fault::FillsTwice)
    }

    /// Whether nothing remains of an order that is over, filled or not.
    pub fn nothing_remains(&self) -> bool {
        self.0.contains(&Fault::NothingRemains)
    }

    /// The status shown of every order.
    pub fn status(&self) -> Option<&str> {
        self.find(|fault| if let Fault::StatusShown(status) = fault { Some(status.as_str()) } else { None })
    }

    /// Whether orders that were replaced are shown as cancelled.
    pub fn replaced_as_canceled(&self) -> bool {
        self.0.contains(&Fault::ReplacedAsCanceled)
    }

    /// Whether orders say which they replace.
    pub fn links(&self) -> bool {
        !self.0.contains(&Fault::Unlinked)
    }

    /// Rows that stand at the end of a list, as they are.
    pub fn foreign_rows(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter_map(|fault| if let Fault::ForeignRow(row) = fault { Some(row) } else { None })
    }

    /// The quote of `symbol` as it is shown; `None` when it is left out.
    pub fn quote(&self, symbol: &OptionSymbol, quote: LegQuote, now: Timestamp) -> Option<LegQuote> {
        self.0.iter().try_fold(quote, |quote, fault| match fault {
            Fault::OddQuote(of, odd) if of.is_none_or(|of| of == *symbol) => odd.of(quote, now),
            _ => Some(quote),
        })
    }

    /// What the account is shown to be worth, when it is not the truth; the inner `None` shows nothing.
    pub fn equity(&self) -> Option<Option<Decimal>> {
        self.find(|fault| if let Fault::Equity(worth) = fault { Some(*worth) } else { None })
    }

    /// Every fault that changes what is shown.
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }

    fn behind(&self, now: Timestamp, age: impl Fn(&Fault) -> Option<Duration>) -> Option<Timestamp> {
        self.0.iter().find_map(age).map(|age| now.checked_sub(age).unwrap_or(Timestamp::MIN))
    }

    fn find<'a, T>(&'a self, what: impl Fn(&'a Fault) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(what)
    }
}

impl<S: Sync> FromRequestParts<S> for View {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}
