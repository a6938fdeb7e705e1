//! What the broker really did, told by its own tape and held against what the signal asked for. It knows no
//! ledger, no intent and no rung, and is short so that it can be believed.

use std::collections::{BTreeMap, BTreeSet};

use gamma_market::{Right, Vertical};

use crate::exchange::Ms;

/// The names of days on which something filled. Any other name says that nothing did.
const FILLED: [&str; 4] = ["filled", "partially_filled", "uneven", "one_sided"];

/// An order that is over is read again this much later where there is time: a fill that is counted later than
/// that nobody can wait for.
const SETTLE: Ms = 1_000;

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
        /// When its POST left.
        left: Ms,
    },
    /// Packages of it were filled.
    Filled {
        /// The broker's id.
        id: u64,
        /// Packages.
        quantity: u32,
        /// From when on reads of the order count them.
        shown: Ms,
    },
    /// A person changed it: another order lives in its place.
    Edited {
        /// The broker's id of the order that was ours.
        old: u64,
        /// The broker's id of the other.
        id: u64,
        /// Packages of the other.
        quantity: u32,
        /// When.
        at: Ms,
        /// Whoever reads the old one over can see the other by the broker's own links.
        linked: bool,
    },
    /// A cancel was asked for an order that is the user's own.
    NotOurs {
        /// The broker's id.
        id: u64,
    },
    /// An order of the user's own filled.
    Users {
        /// Whose.
        account: usize,
        /// What.
        vertical: Vertical,
    },
    /// It is over.
    Over {
        /// The broker's id.
        id: u64,
        /// When.
        at: Ms,
    },
}

/// One order as the tape tells it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whose.
    pub account: usize,
    /// What.
    pub vertical: Vertical,
    /// Packages filled.
    pub filled: u32,
    /// Not over.
    pub alive: bool,
    /// Packages ordered.
    quantity: u32,
    /// When it was over.
    over: Option<Ms>,
    /// Each fill: from when on it is counted, and its packages.
    counted: Vec<(Ms, u32)>,
    /// It took the place of ours by a person's doing; whether the broker's links said so in time.
    edited: Option<bool>,
}

impl Entry {
    const fn new(account: usize, vertical: Vertical, quantity: u32) -> Self {
        Self {
            account,
            vertical,
            filled: 0,
            alive: true,
            quantity,
            over: None,
            counted: Vec::new(),
            edited: None,
        }
    }

    /// A run can know of it while it lives.
    pub(crate) fn is_seen(&self) -> bool {
        self.edited != Some(false)
    }

    /// Packages filled that a run knows of which reads it again a settle time after its end.
    fn known(&self) -> u32 {
        let in_time = |shown: Ms| self.over.is_none_or(|over| shown <= over + SETTLE);
        if self.is_seen() {
            self.counted.iter().filter(|(shown, _)| in_time(*shown)).map(|(_, quantity)| quantity).sum()
        } else {
            0
        }
    }
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
    /// Packages by which a person raised a side.
    raised: BTreeMap<(usize, bool), u32>,
    /// Accounts where more was out than a run could know of, or where the user's own fills moved the
    /// positions of our legs: what the day is called is not judged there, and the last sweep may ring instead
    /// of recording.
    beyond: BTreeSet<usize>,
}

impl Reference {
    /// The books before anything happened.
    #[must_use]
    pub fn before(plans: BTreeMap<usize, Vec<Plan>>) -> Self {
        Self { plans, ..Self::default() }
    }

    /// Packages filled of one side.
    #[must_use]
    pub fn filled(&self, account: usize, side: Right) -> u32 {
        self.of(account, side).map(|order| order.filled).sum()
    }

    /// A person changed an order of ours, or the broker showed more later than a run can wait for.
    #[must_use]
    pub fn is_meddled(&self, account: usize) -> bool {
        self.beyond.contains(&account)
            || self.orders.values().any(|order| order.account == account && order.edited.is_some())
    }

    /// Orders of one side.
    pub fn of(&self, account: usize, side: Right) -> impl Iterator<Item = &Entry> {
        self.orders.values().filter(move |order| order.account == account && order.vertical.right() == side)
    }

    /// Every fill of an account was counted by then, so that a run could know of it.
    #[must_use]
    pub fn is_counted(&self, account: usize, now: Ms) -> bool {
        let fills =
            self.orders.values().filter(|order| order.account == account).flat_map(|order| &order.counted);
        fills.map(|(shown, _)| *shown).all(|shown| shown <= now)
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
            let each: Vec<(u32, u32)> = sides
                .map(|(vertical, most)| (filled[usize::from(vertical.right() == Right::Call)], *most))
                .collect();
            let fits = self
                .orders
                .values()
                .filter(|order| order.account == account && order.filled > 0)
                .all(|order| plan.iter().any(|(asked, _)| *asked == order.vertical));
            fits.then(|| match each.iter().filter(|(filled, _)| *filled > 0).count() {
                some if some < each.len() => "one_sided",
                _ if each.iter().all(|(filled, most)| filled == most) => "filled",
                _ if each
                    .windows(2)
                    .any(|two| two[0].1.saturating_sub(two[0].0) != two[1].1.saturating_sub(two[1].0)) =>
                {
                    "uneven"
                }
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
            Tape::Entered { id, account, vertical, quantity, left: _ } => {
                let side = vertical.right();
                let alive =
                    |order: &Entry| order.alive && order.account == account && order.vertical.right() == side;
                if let Some((other, _)) =
                    self.orders.iter().find(|(_, order)| alive(order) && order.is_seen())
                {
                    return Err(format!(
                        "DOUBLE ORDER: {id} was entered while {other} of the same side was alive"
                    ));
                }
                if self.orders.values().any(alive) {
                    self.beyond.insert(account);
                }
                let asked = self.plans[&account]
                    .iter()
                    .flatten()
                    .filter(|(asked, _)| *asked == vertical)
                    .map(|(_, most)| *most);
                let most = asked.max().ok_or_else(|| {
                    format!("WRONG PACKAGE: {id} is for {vertical:?}, which no signal asked for")
                })?;
                let filled = self.filled(account, side);
                let others: Vec<&Entry> = self
                    .of(account, side)
                    .filter(|order| order.vertical != vertical && order.filled > 0)
                    .collect();
                let (any, known) = (!others.is_empty(), others.iter().any(|order| order.known() > 0));
                if any && !known {
                    // Counted later than a run can wait for.
                    self.beyond.insert(account);
                }
                if known {
                    return Err(format!(
                        "TRADED TWICE: {id} is for {vertical:?}, other strikes of that side have filled"
                    ));
                }
                let most =
                    most + self.raised.get(&(account, side == Right::Call)).copied().unwrap_or_default();
                if filled + quantity > most {
                    let known: u32 = self.of(account, side).map(Entry::known).sum();
                    if known + quantity > most {
                        return Err(format!(
                            "TOO MUCH: {id} is for {quantity} more, {filled} of {most} are filled"
                        ));
                    }
                    self.beyond.insert(account);
                }
                self.orders.insert(id, Entry::new(account, vertical, quantity));
            }
            Tape::Filled { id, quantity, shown } => {
                if let Some(order) = self.orders.get_mut(&id) {
                    order.filled += quantity;
                    order.counted.push((shown, quantity));
                }
            }
            Tape::Edited { old, id, quantity, at, linked } => {
                let Some(order) = self.orders.get_mut(&old) else { return Ok(()) };
                (order.alive, order.over) = (false, Some(at));
                let (account, vertical, left) =
                    (order.account, order.vertical, order.quantity - order.filled);
                *self.raised.entry((account, vertical.right() == Right::Call)).or_default() +=
                    quantity.saturating_sub(left);
                self.orders
                    .insert(id, Entry { edited: Some(linked), ..Entry::new(account, vertical, quantity) });
            }
            Tape::Users { account, vertical } => {
                let ours = self.plans[&account].iter().flatten().flat_map(|(ours, _)| ours.legs());
                if ours
                    .map(|leg| leg.symbol)
                    .any(|symbol| vertical.legs().iter().any(|leg| leg.symbol == symbol))
                {
                    self.beyond.insert(account);
                }
            }
            Tape::NotOurs { id } => {
                return Err(format!("NOT OURS: a cancel was asked for order {id}, which the user entered"));
            }
            Tape::Over { id, at } => {
                if let Some(order) = self.orders.get_mut(&id) {
                    (order.alive, order.over) = (false, Some(at));
                }
            }
        }
        Ok(())
    }
}
