//! Faults that change what the broker holds, orders and tokens, and what it says of an order it took.

use axum::http::HeaderMap;
use axum::response::Response;
use gamma_sim_core::exchange::Exchange;
use gamma_sim_core::faults::{Another, Fault, Request, Route};
use gamma_sim_core::gate::Sufferer;
use serde_json::Value;

use super::orders::Granted;
use super::{Face, Tastytrade, wire};

impl Sufferer for Tastytrade {
    fn suffer(&self, fault: &Fault, request: &Request, _headers: &HeaderMap) -> bool {
        let face = &self.0;
        let now = face.clock.now();
        match fault {
            Fault::AccessTokenDies => face.state().tokens.end_access(now),
            Fault::RefreshTokenDies => face.state().tokens.end_refresh(),
            Fault::LoginElsewhere => {
                let mut state = face.state();
                state.tokens.end_access(now);
                state.tokens.end_refresh();
            }
            _ => return face.order_meant_by(request).is_some_and(|id| face.befall(fault, request, id)),
        }
        true
    }

    fn suffer_accepted(&self, fault: &Fault, request: &Request, response: &mut Response) -> bool {
        let Some(mut granted) = response.extensions_mut().remove::<Granted>() else { return false };
        let happened = match fault {
            Fault::NoLocation => named(&mut granted.body).is_some_and(|order| order.remove("id").is_some()),
            // The id alone is another's; what else is said is of the order that was sent.
            Fault::NamesAnother(another) => {
                let other = self.0.another(*another, request, granted.order);
                named(&mut granted.body)
                    .zip(other)
                    .is_some_and(|(order, other)| order.insert("id".into(), other.into()).is_some())
            }
            Fault::Location(text) => named(&mut granted.body)
                .is_some_and(|order| order.insert("id".into(), text.clone().into()).is_some()),
            // The order that is cancelled or replaced stands in the path, the one that was placed in the
            // answer.
            Fault::FillsDuringCancel(_) => {
                last_id(&request.path).is_some_and(|id| self.0.befall(fault, request, id))
            }
            _ => self.0.befall(fault, request, granted.order),
        };
        *response = wire::json(granted.status, &granted.body);
        response.extensions_mut().insert(granted);
        happened
    }

    fn account_on(&self, path: &str) -> Option<String> {
        path.split('/').find_map(|part| self.holder(part)).map(|holder| holder.number.clone())
    }
}

impl Face {
    /// It befalls an order of the account the request names.
    fn befall(&self, fault: &Fault, request: &Request, id: u64) -> bool {
        let holder = request
            .account
            .as_ref()
            .and_then(|number| self.holders.iter().find(|holder| holder.number == *number));
        let Some(holder) = holder else { return false };
        let mut exchange = self.exchange_of(holder);
        match fault {
            Fault::FilledFirst => exchange.fill_now(id, u32::MAX) > 0,
            Fault::PartFill(packages) => exchange.fill_now(id, *packages) > 0,
            Fault::FillsDuringCancel(packages) => exchange.fill_before_cancel(id, *packages),
            Fault::ReplacedElsewhere(price) => exchange.replace_elsewhere(id, *price).is_ok(),
            Fault::Rejected(text) => exchange.condemn(id, text),
            Fault::NotMade => exchange.undo(id),
            Fault::HiddenFor(time) => {
                let now = Exchange::now(&exchange);
                self.state().hidden.insert(id, now.checked_add(*time).unwrap_or(jiff::Timestamp::MAX));
                true
            }
            _ => false,
        }
    }

    /// Which order is named instead of `id`, an order of the account the request names.
    fn another(&self, another: Another, request: &Request, id: u64) -> Option<u64> {
        match another {
            Another::Id(other) => Some(other),
            Another::Before => {
                let holder =
                    self.holders.iter().find(|holder| Some(&holder.number) == request.account.as_ref())?;
                self.exchange_of(holder).accepted_before(id)
            }
        }
    }

    /// The order a request names; of a list, the newest that can still fill.
    fn order_meant_by(&self, request: &Request) -> Option<u64> {
        if request.route != Route::ListOrders {
            return last_id(&request.path);
        }
        let holder = self.holders.iter().find(|holder| Some(&holder.number) == request.account.as_ref())?;
        let exchange = self.exchange_of(holder);
        exchange.book().posts().iter().rev().find(|order| !order.state.is_terminal()).map(|order| order.id)
    }
}

/// The order in an answer: a placed one has a wrapper, a replacement none.
fn named(body: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    let data = body.get_mut("data")?;
    if data.get("order").is_some() { data.get_mut("order")?.as_object_mut() } else { data.as_object_mut() }
}

fn last_id(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.parse().ok()
}
