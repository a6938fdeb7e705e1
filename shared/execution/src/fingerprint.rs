//! Finding our own order among the broker's when its id is not known.

use gamma_market::{LegAction, OptionSymbol, Price, Vertical};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{OrderId, OrderView};

/// Brokers give whole seconds and clocks differ: an order may look this much older than its SENDING mark.
pub const CLOCK_ALLOWANCE: SignedDuration = SignedDuration::from_secs(5);

/// An order that looks this much younger than its SENDING mark is somebody else's: a POST begins within its rung and lasts seconds.
pub const LATEST_ENTRY: SignedDuration = SignedDuration::from_secs(60);

/// What is known of an order whose id is not.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint<'a> {
    /// What it trades.
    pub vertical: Vertical,
    /// Packages.
    pub quantity: u32,
    /// Limit in points.
    pub price: Price,
    /// When SENDING was written.
    pub marked: Timestamp,
    /// Ids the broker already showed then, and ids other rungs are known by: none of them can be it.
    pub seen: &'a [OrderId],
    /// The tag the broker puts on our orders, where it is known: an order without it is never ours.
    pub tag: Option<&'a str>,
}

impl Fingerprint<'_> {
    /// The orders that can be this one: same legs, quantity and price, entered no earlier than five seconds before the mark and no
    /// later than a minute after it, and not seen before it.
    #[must_use]
    pub fn matches<'o>(&self, orders: &'o [OrderView]) -> Vec<&'o OrderView> {
        let earliest = self.marked.checked_sub(CLOCK_ALLOWANCE).unwrap_or(self.marked);
        let latest = self.marked.checked_add(LATEST_ENTRY).unwrap_or(self.marked);
        orders
            .iter()
            .filter(|order| !self.seen.contains(&order.id))
            .filter(|order| order.entered.is_some_and(|entered| earliest <= entered && entered <= latest))
            .filter(|order| order.quantity == self.quantity && order.price == Some(self.price))
            .filter(|order| order.effect == Some(self.vertical.effect()) && self.same_legs(order))
            .filter(|order| self.tag.is_none_or(|ours| order.tag.as_deref() == Some(ours)))
            .collect()
    }

    fn same_legs(&self, order: &OrderView) -> bool {
        let mut theirs: Vec<_> = order.legs.iter().map(|(leg, ratio)| (leg.symbol, leg.action, *ratio)).collect();
        let mut ours: Vec<(OptionSymbol, LegAction, u32)> = self.vertical.legs().iter().map(|leg| (leg.symbol, leg.action, 1)).collect();
        theirs.sort();
        ours.sort();
        !order.foreign_legs && theirs == ours
    }
}

/// The tag that the broker puts on our application's orders: as configured, else as it stands on the orders that are known to be ours.
/// `None` while neither is known, or where the broker shows none.
#[must_use]
pub fn our_tag<'a>(configured: Option<&'a str>, orders: &'a [OrderView], known: &[OrderId]) -> Option<&'a str> {
    configured.or_else(|| orders.iter().filter(|order| known.contains(&order.id)).find_map(|order| order.tag.as_deref()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ports::OrderStatus;

    pub(crate) fn vertical() -> Vertical {
        Vertical::new("SPXW260212P6900".parse().unwrap(), "SPXW260212P6895".parse().unwrap()).unwrap()
    }

    pub(crate) fn view(id: &str, entered: &str) -> OrderView {
        OrderView {
            id: OrderId(id.into()),
            status: OrderStatus::Working,
            quantity: 2,
            filled: 0,
            price: Some(Price::cents(95)),
            effect: Some(vertical().effect()),
            legs: vertical().legs().iter().rev().map(|leg| (*leg, 1)).collect(),
            foreign_legs: false,
            entered: Some(entered.parse().unwrap()),
            fills: Vec::new(),
            reason: None,
            tag: Some("ours".into()),
        }
    }

    #[test]
    fn only_an_order_that_can_be_ours_matches() {
        let seen = [OrderId("7".into())];
        let print = Fingerprint {
            vertical: vertical(),
            quantity: 2,
            price: Price::cents(95),
            marked: "2026-02-11T21:13:31.400Z".parse().unwrap(),
            seen: &seen,
            tag: Some("ours"),
        };
        let good = view("8", "2026-02-11T21:13:31Z");
        assert_eq!(print.matches(std::slice::from_ref(&good)), vec![&good]);
        assert_eq!(print.matches(&[view("8", "2026-02-11T21:13:26.400Z")]).len(), 1, "the five second allowance");
        type Change = fn(&mut OrderView);
        let foreign: [(&str, Change); 10] = [
            ("seen before the mark", |order| order.id = OrderId("7".into())),
            ("entered too early", |order| order.entered = Some("2026-02-11T21:13:26.399Z".parse().unwrap())),
            ("entered too late", |order| order.entered = Some("2026-02-11T21:14:31.401Z".parse().unwrap())),
            ("no entry time", |order| order.entered = None),
            ("another quantity", |order| order.quantity = 1),
            ("another price", |order| order.price = Some(Price::cents(90))),
            ("another direction", |order| order.effect = Some(gamma_market::Effect::Debit)),
            ("another leg", |order| order.legs[0].0.symbol = "SPXW260212P6890".parse().unwrap()),
            ("legs we cannot read", |order| order.foreign_legs = true),
            ("another application", |order| order.tag = Some("thinkorswim".into())),
        ];
        for (why, change) in foreign {
            let mut order = good.clone();
            change(&mut order);
            assert_eq!(print.matches(&[order]), Vec::<&OrderView>::new(), "{why}");
        }
    }
}
