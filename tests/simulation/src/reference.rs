//! What the broker really did, told by its own tape and held against what the signal asked for. It knows no ledger, no intent and no
//! rung, and is short so that it can be believed.

use std::collections::BTreeMap;

use gamma_market::{Right, Vertical};

/// The names of days on which something filled. Any other name says that nothing did.
const FILLED: [&str; 4] = ["filled", "partially_filled", "uneven", "one_sided"];

/// One thing that really happened at the broker to an order of ours.
#[derive(Debug, Clone)]
pub enum Tape {
    /// An order was entered.
    Entered {
        /// The broker's id.
        id: u64,
        /// Whose.
        account: usize,
        /// What.
        vertical: Vertical,
        /// Packages.
        quantity: u32,
    },
    /// Packages of it were filled.
    Filled {
        /// The broker's id.
        id: u64,
        /// Packages.
        quantity: u32,
    },
    /// A cancel was asked for an order that is the user's own.
    NotOurs {
        /// The broker's id.
        id: u64,
    },
    /// It is over.
    Over {
        /// The broker's id.
        id: u64,
    },
}

/// One order as the tape tells it.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Whose.
    pub account: usize,
    /// What.
    pub vertical: Vertical,
    /// Packages filled.
    pub filled: u32,
    /// Not over.
    pub alive: bool,
}

/// One plan: verticals, and how many packages of each.
pub type Plan = Vec<(Vertical, u32)>;

/// The books, beside what may be bought.
#[derive(Debug, Default)]
pub struct Reference {
    /// What may be bought: every plan that the signal asked for, by account.
    pub plans: BTreeMap<usize, Vec<Plan>>,
    /// Every order of ours, by the broker's id.
    pub orders: BTreeMap<u64, Entry>,
}

impl Reference {
    /// Packages filled of one side.
    #[must_use]
    pub fn filled(&self, account: usize, side: Right) -> u32 {
        self.of(account, side).map(|order| order.filled).sum()
    }

    /// Orders of one side.
    pub fn of(&self, account: usize, side: Right) -> impl Iterator<Item = &Entry> {
        self.orders.values().filter(move |order| order.account == account && order.vertical.right() == side)
    }

    /// What a day with fills may be called; empty when nothing filled.
    #[must_use]
    pub fn outcomes(&self, account: usize) -> Vec<&'static str> {
        let filled = [Right::Put, Right::Call].map(|side| self.filled(account, side));
        if filled == [0, 0] {
            return Vec::new();
        }
        let of_plan = |plan: &Plan| {
            let sides = plan.iter().filter(|(_, most)| *most > 0);
            let each: Vec<(u32, u32)> = sides.map(|(vertical, most)| (filled[usize::from(vertical.right() == Right::Call)], *most)).collect();
            let fits = self
                .orders
                .values()
                .filter(|order| order.account == account && order.filled > 0)
                .all(|order| plan.iter().any(|(asked, _)| *asked == order.vertical));
            fits.then(|| match each.iter().filter(|(filled, _)| *filled > 0).count() {
                some if some < each.len() => "one_sided",
                _ if each.iter().all(|(filled, most)| filled == most) => "filled",
                _ if each.windows(2).any(|two| two[0].1.saturating_sub(two[0].0) != two[1].1.saturating_sub(two[1].0)) => "uneven",
                _ => "partially_filled",
            })
        };
        self.plans[&account].iter().filter_map(of_plan).collect()
    }

    /// Whether a day called `name` is told truly.
    #[must_use]
    pub fn tells(&self, account: usize, name: &str) -> bool {
        let outcomes = self.outcomes(account);
        if outcomes.is_empty() { !FILLED.contains(&name) } else { outcomes.contains(&name) }
    }

    /// Takes one event; the words say what must never be.
    pub fn take(&mut self, event: &Tape) -> Result<(), String> {
        match *event {
            Tape::Entered { id, account, vertical, quantity } => {
                let side = vertical.right();
                if let Some((other, _)) = self.orders.iter().find(|(_, order)| order.alive && order.account == account && order.vertical.right() == side) {
                    return Err(format!("DOUBLE ORDER: {id} was entered while {other} of the same side was alive"));
                }
                let asked = self.plans[&account].iter().flatten().filter(|(asked, _)| *asked == vertical).map(|(_, most)| *most);
                let most = asked.max().ok_or_else(|| format!("WRONG PACKAGE: {id} is for {vertical:?}, which no signal asked for"))?;
                let filled = self.filled(account, side);
                if filled > 0 && self.of(account, side).any(|order| order.filled > 0 && order.vertical != vertical) {
                    return Err(format!("TRADED TWICE: {id} is for {vertical:?}, other strikes of that side have filled"));
                }
                if filled + quantity > most {
                    return Err(format!("TOO MUCH: {id} is for {quantity} more, {filled} of {most} are filled"));
                }
                self.orders.insert(id, Entry { account, vertical, filled: 0, alive: true });
            }
            Tape::Filled { id, quantity } => drop(self.orders.entry(id).and_modify(|order| order.filled += quantity)),
            Tape::NotOurs { id } => return Err(format!("NOT OURS: a cancel was asked for order {id}, which the user entered")),
            Tape::Over { id } => drop(self.orders.entry(id).and_modify(|order| order.alive = false)),
        }
        Ok(())
    }
}
