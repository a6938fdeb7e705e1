//! Faults that change what the broker holds: orders and tokens.

use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use gamma_sim_core::faults::{Another, Fault, Request, Route};
use gamma_sim_core::gate::Sufferer;

use super::{Face, Schwab};

impl Sufferer for Schwab {
    fn suffer(&self, fault: &Fault, request: &Request, headers: &HeaderMap) -> bool {
        let face = &self.0;
        let tokens = |end: fn(&mut super::oauth::Tokens, jiff::Timestamp)| {
            let (now, logins) = (face.clock.now(), face.logins_of(headers));
            let mut state = face.state();
            for (_, tokens) in state.logins.iter_mut().enumerate().filter(|(login, _)| logins.contains(login))
            {
                end(tokens, now);
            }
            true
        };
        match fault {
            Fault::AccessTokenDies => tokens(|tokens, now| tokens.end_access(now)),
            Fault::RefreshTokenDies => tokens(|tokens, _| tokens.end_refresh()),
            Fault::LoginElsewhere => tokens(|tokens, now| {
                tokens.end_access(now);
                tokens.end_refresh();
            }),
            _ => face.order_meant_by(request).is_some_and(|id| face.befall(fault, &request.path, id)),
        }
    }

    fn suffer_accepted(&self, fault: &Fault, request: &Request, response: &mut Response) -> bool {
        let headers = response.headers_mut();
        match fault {
            Fault::NoLocation => headers.remove(LOCATION).is_some(),
            Fault::Location(text) => {
                HeaderValue::from_str(text).map(|value| headers.insert(LOCATION, value)).is_ok()
            }
            _ => {
                let placed = matches!(request.route, Route::PlaceOrder | Route::ReplaceOrder);
                let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
                let id = if placed { location.as_deref().and_then(last_id) } else { last_id(&request.path) };
                match (fault, id, location) {
                    (Fault::NamesAnother(another), Some(id), Some(location)) => {
                        let named = self
                            .0
                            .another(*another, &request.path, id)
                            .map(|other| location.replace(&id.to_string(), &other.to_string()));
                        let named = named.and_then(|location| HeaderValue::from_str(&location).ok());
                        named.map(|location| headers.insert(LOCATION, location)).is_some()
                    }
                    (_, id, _) => id.is_some_and(|id| self.0.befall(fault, &request.path, id)),
                }
            }
        }
    }

    fn account_on(&self, path: &str) -> Option<String> {
        self.0.holder_on(path).map(|holder| holder.number.clone())
    }
}

impl Face {
    /// It befalls an order of the account the path names.
    fn befall(&self, fault: &Fault, path: &str, id: u64) -> bool {
        let Some(holder) = self.holder_on(path) else { return false };
        let mut exchange = self.exchange_of(holder);
        match fault {
            Fault::FilledFirst => exchange.fill_now(id, u32::MAX) > 0,
            Fault::PartFill(packages) => exchange.fill_now(id, *packages) > 0,
            Fault::FillsDuringCancel(packages) => exchange.fill_before_cancel(id, *packages),
            Fault::ReplacedElsewhere(price) => exchange.replace_elsewhere(id, *price).is_ok(),
            Fault::Rejected(text) => exchange.condemn(id, text),
            Fault::NotMade => exchange.undo(id),
            Fault::HiddenFor(time) => {
                let now = gamma_sim_core::exchange::Exchange::now(&exchange);
                self.state().hidden.insert(id, now.checked_add(*time).unwrap_or(jiff::Timestamp::MAX));
                true
            }
            _ => false,
        }
    }

    /// Which order is named instead of `id`, an order of the account the path names.
    fn another(&self, another: Another, path: &str, id: u64) -> Option<u64> {
        match another {
            Another::Id(other) => Some(other),
            Another::Before => self.exchange_of(self.holder_on(path)?).accepted_before(id),
        }
    }

    /// The order a request names; of a list, the newest that can still fill.
    fn order_meant_by(&self, request: &Request) -> Option<u64> {
        if request.route != Route::ListOrders {
            return last_id(&request.path);
        }
        let exchange = self.exchange_of(self.holder_on(&request.path)?);
        exchange.book().posts().iter().rev().find(|order| !order.state.is_terminal()).map(|order| order.id)
    }
}

fn last_id(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.parse().ok()
}
