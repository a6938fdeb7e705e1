use std::fmt;

use gamma_market::{Effect, Package, Price, Tick};
use serde::Serialize;

/// What a broker can do with packages. Whatever is not here is refused before anything is sent, with the
/// reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Name for messages.
    pub broker: &'static str,
    /// Most legs in one order.
    pub most_legs: usize,
    /// Most packages in one order.
    pub most_quantity: u32,
    /// The kinds of orders it takes.
    pub kinds: &'static [OrderKind],
    /// The roots it trades packages of, and the step of their prices.
    pub roots: &'static [(&'static str, Tick)],
    /// Whether it says what it would make of an order that is not sent.
    pub previews: bool,
    /// Whether an order can be given a name that the broker shows with it: then an order without ours is
    /// never taken for ours.
    pub names_orders: bool,
}

/// A kind of order, as far as brokers differ in what they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// A limit on what is received for the package.
    NetCredit,
    /// A limit on what is paid for it.
    NetDebit,
    /// Neither received nor paid.
    Even,
}

impl OrderKind {
    /// The kind of a limit order at `price` points.
    #[must_use]
    pub fn of(effect: Effect, price: Price) -> Self {
        match effect {
            _ if price == Price::ZERO => Self::Even,
            Effect::Credit => Self::NetCredit,
            Effect::Debit => Self::NetDebit,
        }
    }
}

impl fmt::Display for OrderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NetCredit => "net credit",
            Self::NetDebit => "net debit",
            Self::Even => "even",
        })
    }
}

/// Something a broker cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{broker} {lack}")]
pub struct Incapable {
    /// Which broker.
    pub broker: &'static str,
    /// What it cannot do.
    #[serde(flatten)]
    pub lack: Lack,
}

/// What a broker cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case", tag = "lack")]
pub enum Lack {
    /// So many legs.
    #[error("takes {most} legs at most, this order has {got}")]
    Legs {
        /// The most it takes.
        most: usize,
        /// What was asked.
        got: usize,
    },
    /// So many packages.
    #[error("takes {most} packages at most, this order has {got}")]
    Packages {
        /// The most it takes.
        most: u32,
        /// What was asked.
        got: u32,
    },
    /// Options of this root.
    #[error("is not known to trade packages of {root}")]
    Root {
        /// The root.
        root: String,
    },
    /// This kind of order.
    #[error("takes no {kind} orders")]
    Kind {
        /// The kind.
        kind: OrderKind,
    },
    /// A price between two of its steps.
    #[error("prices {root} in steps of {tick}, got {price}")]
    Tick {
        /// The root.
        root: String,
        /// The step.
        tick: Tick,
        /// What was asked.
        price: Price,
    },
    /// A preview.
    #[error("previews no orders")]
    Preview,
}

impl Capabilities {
    /// The step of package prices, where the root is traded.
    ///
    /// # Errors
    /// [`Incapable`] for a root that is not.
    pub fn tick(&self, root: &str) -> Result<Tick, Incapable> {
        let known = self.roots.iter().find(|(name, _)| *name == root);
        known.map(|(_, tick)| *tick).ok_or_else(|| self.lacks(Lack::Root { root: root.to_owned() }))
    }

    /// Whether it can take `quantity` packages of so many legs as this kind of order.
    ///
    /// # Errors
    /// [`Incapable`] says what is asked too much.
    pub fn takes(&self, legs: usize, quantity: u32, kind: OrderKind) -> Result<(), Incapable> {
        match () {
            () if legs > self.most_legs => Err(self.lacks(Lack::Legs { most: self.most_legs, got: legs })),
            () if quantity > self.most_quantity => {
                Err(self.lacks(Lack::Packages { most: self.most_quantity, got: quantity }))
            }
            () if !self.kinds.contains(&kind) => Err(self.lacks(Lack::Kind { kind })),
            () => Ok(()),
        }
    }

    /// Whether it can preview a limit order for `quantity` of `package` at `price` points.
    ///
    /// # Errors
    /// [`Incapable`] says what is asked too much.
    pub fn previews(
        &self,
        package: &Package,
        effect: Effect,
        quantity: u32,
        price: Price,
    ) -> Result<(), Incapable> {
        if !self.previews {
            return Err(self.lacks(Lack::Preview));
        }
        self.takes(package.legs().len(), quantity, OrderKind::of(effect, price))?;
        for (leg, _) in package.legs() {
            let tick = self.tick(leg.symbol.root())?;
            if !tick.holds(price) {
                return Err(self.lacks(Lack::Tick { root: leg.symbol.root().to_owned(), tick, price }));
            }
        }
        Ok(())
    }

    const fn lacks(&self, lack: Lack) -> Incapable {
        Incapable { broker: self.broker, lack }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gamma_market::Vertical;

    const CAN: Capabilities = Capabilities {
        broker: "test",
        most_legs: 4,
        most_quantity: 100,
        kinds: &[OrderKind::NetCredit],
        roots: &[("SPXW", Tick::NICKEL)],
        previews: true,
        names_orders: true,
    };

    fn preview(
        can: Capabilities,
        sell: &str,
        buy: &str,
        effect: Effect,
        quantity: u32,
        cents: i64,
    ) -> String {
        let vertical = Vertical::new(sell.parse().unwrap(), buy.parse().unwrap()).unwrap();
        can.previews(&Package::vertical(vertical), effect, quantity, Price::cents(cents))
            .map_or_else(|lack| lack.to_string(), |()| "yes".to_owned())
    }

    #[test]
    fn what_a_broker_cannot_do_is_refused_with_the_reason() {
        let (sell, buy) = ("SPXW260212P6900", "SPXW260212P6895");
        for (can, quantity, cents, words) in [
            (CAN, 1, 95, "yes"),
            (CAN, 100, 95, "yes"),
            (CAN, 101, 95, "test takes 100 packages at most, this order has 101"),
            (Capabilities { most_legs: 1, ..CAN }, 1, 95, "test takes 1 legs at most, this order has 2"),
            (CAN, 1, 97, "test prices SPXW in steps of 0.05, got 0.97"),
            (CAN, 1, 0, "test takes no even orders"),
            (Capabilities { kinds: &[OrderKind::NetDebit], ..CAN }, 1, 95, "test takes no net credit orders"),
            (
                Capabilities { roots: &[("SPX", Tick::NICKEL)], ..CAN },
                1,
                95,
                "test is not known to trade packages of SPXW",
            ),
            (Capabilities { previews: false, ..CAN }, 1, 95, "test previews no orders"),
        ] {
            assert_eq!(preview(can, sell, buy, Effect::Credit, quantity, cents), words);
        }
        assert_eq!(preview(CAN, buy, sell, Effect::Debit, 1, 95), "test takes no net debit orders");
    }
}
