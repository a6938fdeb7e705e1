//! Finding our own order among the broker's when its id is not known.

use gamma_market::{Package, Price};
use jiff::{SignedDuration, Timestamp};

use crate::ports::{OrderId, OrderName, OrderView, RungRecord};

/// Brokers give whole seconds and clocks differ: an order may look this much older than its SENDING mark.
pub const CLOCK_ALLOWANCE: SignedDuration = SignedDuration::from_secs(5);

/// An order that looks this much younger than its SENDING mark is somebody else's: a POST begins within its
/// rung and lasts seconds.
pub const LATEST_ENTRY: SignedDuration = SignedDuration::from_secs(60);

/// What is known of an order whose id is not.
#[derive(Debug, Clone, Copy)]
pub struct Fingerprint<'a> {
    /// What it trades.
    pub package: Package,
    /// Packages.
    pub quantity: u32,
    /// Limit in points.
    pub price: Price,
    /// When SENDING was written.
    pub marked: Timestamp,
    /// Ids the broker already showed then, and ids other rungs are known by: none of them can be it.
    pub seen: &'a [OrderId],
    /// What tells our orders from others'.
    pub mark: Mark<'a>,
}

/// What an order of ours carries, where it carries anything: one without it is never ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark<'a> {
    /// Nothing that is known.
    None,
    /// The tag that the broker puts on all our orders.
    Tag(&'a str),
    /// The name we gave this very order. It says more than any clock: when such an order was entered does not
    /// matter.
    Name(&'a OrderName),
}

impl Mark<'_> {
    fn is_on(self, order: &OrderView) -> bool {
        match self {
            Self::None => true,
            Self::Tag(ours) => order.tag.as_deref() == Some(ours),
            Self::Name(ours) => order.name.as_ref() == Some(ours),
        }
    }
}

impl<'a> Fingerprint<'a> {
    /// The print of a rung's order.
    #[must_use]
    pub const fn of(package: Package, rung: &'a RungRecord, seen: &'a [OrderId], mark: Mark<'a>) -> Self {
        Fingerprint { package, quantity: rung.quantity, price: rung.price, marked: rung.at, seen, mark }
    }

    /// Whether an order that an answer named is this one: it was not seen before, and it shows our name, or
    /// our legs, quantity, price and effect (and our tag, where one is known).
    ///
    /// # Errors
    /// What it shows instead, in words.
    pub fn proves(&self, order: &OrderView) -> Result<(), String> {
        if self.seen.contains(&order.id) {
            return Err(format!("order {} was there before ours was sent", order.id));
        }
        if let Some(why) = &order.unreadable {
            return Err(format!("order {} does not read: {why}", order.id));
        }
        let shows = |what: &str| Err(format!("order {} shows {what}", order.id));
        match () {
            () if !self.same_legs(order) => shows("other legs than ours"),
            () if order.effect != self.package.effect() => shows("another direction than ours"),
            () if order.quantity != self.quantity => {
                shows(&format!("{} packages, ours has {}", order.quantity, self.quantity))
            }
            () if order.price != Some(self.price) => shows(&format!("another price than our {}", self.price)),
            () if !self.mark.is_on(order) => shows("not what our orders carry"),
            () => Ok(()),
        }
    }

    /// A row of the list that does not read, was not there before, and may touch our legs: it could be this
    /// one, so that the list does not say that there is none.
    #[must_use]
    pub fn could_be<'o>(&self, orders: &'o [OrderView]) -> Option<&'o OrderView> {
        let unread = |order: &&OrderView| order.unreadable.is_some() && !self.seen.contains(&order.id);
        orders
            .iter()
            .filter(unread)
            .find(|order| self.package.symbols().any(|symbol| order.may_touch(symbol)))
    }

    /// The orders that can be this one: same legs, quantity and price, our mark where there is one, not seen
    /// before SENDING was written, and, unless the name says it all, entered no earlier than five seconds
    /// before that and no later than a minute after it.
    #[must_use]
    pub fn matches<'o>(&self, orders: &'o [OrderView]) -> Vec<&'o OrderView> {
        let earliest = self.marked.checked_sub(CLOCK_ALLOWANCE).unwrap_or(self.marked);
        let latest = self.marked.checked_add(LATEST_ENTRY).unwrap_or(self.marked);
        let in_time =
            |order: &OrderView| order.entered.is_some_and(|entered| earliest <= entered && entered <= latest);
        orders
            .iter()
            .filter(|order| matches!(self.mark, Mark::Name(_)) || in_time(order))
            .filter(|order| self.proves(order).is_ok())
            .collect()
    }

    fn same_legs(&self, order: &OrderView) -> bool {
        let mut theirs = order.legs.clone();
        let mut ours = self.package.legs().to_vec();
        theirs.sort();
        ours.sort();
        !order.foreign_legs && theirs == ours
    }
}

/// The tag that the broker puts on our application's orders: as configured, else as it stands on the orders
/// that are known to be ours. [`Mark::None`] while neither is known, or where the broker shows none.
#[must_use]
pub fn our_tag<'a>(configured: Option<&'a str>, orders: &'a [OrderView], known: &[OrderId]) -> Mark<'a> {
    let shown =
        || orders.iter().filter(|order| known.contains(&order.id)).find_map(|order| order.tag.as_deref());
    configured.or_else(shown).map_or(Mark::None, Mark::Tag)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ports::OrderStatus;

    pub(crate) fn vertical() -> gamma_market::Vertical {
        gamma_market::Vertical::new("SPXW260212P6900".parse().unwrap(), "SPXW260212P6895".parse().unwrap())
            .unwrap()
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
            name: None,
            linked: Vec::new(),
            unreadable: None,
        }
    }

    #[test]
    fn only_an_order_that_can_be_ours_matches() {
        let seen = [OrderId("7".into())];
        let print = Fingerprint {
            package: vertical().into(),
            quantity: 2,
            price: Price::cents(95),
            marked: "2026-02-11T21:13:31.400Z".parse().unwrap(),
            seen: &seen,
            mark: Mark::Tag("ours"),
        };
        let good = view("8", "2026-02-11T21:13:31Z");
        assert_eq!(print.matches(std::slice::from_ref(&good)), vec![&good]);
        assert_eq!(
            print.matches(&[view("8", "2026-02-11T21:13:26.400Z")]).len(),
            1,
            "the five second allowance"
        );
        type Change = fn(&mut OrderView);
        let foreign: [(&str, Change); 11] = [
            ("seen before the mark", |order| order.id = OrderId("7".into())),
            ("entered too early", |order| order.entered = Some("2026-02-11T21:13:26.399Z".parse().unwrap())),
            ("entered too late", |order| order.entered = Some("2026-02-11T21:14:31.401Z".parse().unwrap())),
            ("no entry time", |order| order.entered = None),
            ("another quantity", |order| order.quantity = 1),
            ("another price", |order| order.price = Some(Price::cents(90))),
            ("another direction", |order| order.effect = Some(gamma_market::Effect::Debit)),
            ("another leg", |order| order.legs[0].0.symbol = "SPXW260212P6890".parse().unwrap()),
            ("a leg that closes", |order| order.legs[0].0.position = gamma_market::PositionEffect::Close),
            ("legs we cannot read", |order| order.foreign_legs = true),
            ("another application", |order| order.tag = Some("thinkorswim".into())),
        ];
        for (why, change) in foreign {
            let mut order = good.clone();
            change(&mut order);
            assert_eq!(print.matches(&[order]), Vec::<&OrderView>::new(), "{why}");
        }
    }

    #[test]
    fn a_name_tells_our_order_from_its_twin_whenever_it_was_entered() {
        let ours = OrderName("20260211-constant_stable-put-r1-2".into());
        let named = |id: &str, entered: &str, name: Option<&str>| OrderView {
            name: name.map(|name| OrderName(name.into())),
            tag: None,
            ..view(id, entered)
        };
        let marked = "2026-02-11T21:13:31.400Z".parse().unwrap();
        let print = Fingerprint {
            package: vertical().into(),
            quantity: 2,
            price: Price::cents(95),
            marked,
            seen: &[],
            mark: Mark::Name(&ours),
        };
        for entered in ["2026-02-11T21:13:31Z", "2026-02-11T21:13:00Z", "2026-02-11T21:19:00Z"] {
            let order = named("8", entered, Some(&ours.0));
            assert_eq!(print.matches(std::slice::from_ref(&order)), vec![&order], "{entered}");
        }
        for name in
            [None, Some("20260211-constant_stable-put-r1-1"), Some("20260211-constant_stable-put-r1-22")]
        {
            assert!(print.matches(&[named("8", "2026-02-11T21:13:31Z", name)]).is_empty(), "{name:?}");
        }
        let other =
            OrderView { price: Some(Price::cents(90)), ..named("8", "2026-02-11T21:13:31Z", Some(&ours.0)) };
        assert!(print.matches(&[other]).is_empty(), "our name at another price is nothing we sent");
    }
}
