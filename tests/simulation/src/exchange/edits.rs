//! What a person does with orders at the broker: enters his own, and changes his own or ours.

use gamma_execution::ports::OrderStatus;
use gamma_market::{Price, Right, Vertical};

use super::{Exchange, Ms, Order, Owner};
use crate::reference::Tape;

/// An order of the user's.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// What.
    pub vertical: Vertical,
    /// Packages.
    pub quantity: u32,
    /// Limit.
    pub price: Price,
    /// When it was entered: the evening before, or today.
    pub entered: Ms,
    /// When all of it fills.
    pub fills: Option<Ms>,
    /// Good till cancelled.
    pub stays: bool,
}

/// A change of the newest living order of a side.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The side.
    pub side: Right,
    /// Of an order of ours, else of the user's.
    pub ours: bool,
    /// So many packages more than were left, or less.
    pub more: i64,
    /// Cents by which the limit is raised.
    pub cents: i64,
    /// What the changed order reads from then on.
    pub reads: OrderStatus,
    /// The changed order says which one replaces it; the new one always says which it replaces.
    pub linked: bool,
}

impl Exchange {
    /// The user has an order of his own.
    pub fn stand(&mut self, account: usize, standing: Standing) {
        let Standing { vertical, quantity, price, entered, fills, stays } = standing;
        self.orders.push(Order {
            id: 1000 + self.orders.len() as u64,
            account,
            owner: Owner::User,
            vertical,
            quantity,
            price,
            entered,
            name: None,
            fills: Vec::new(),
            status: OrderStatus::Working,
            before: Vec::new(),
            replaces: None,
            replaced_by: None,
            stays,
            next_fill: fills,
            ends: None,
            deaf: 0,
        });
    }

    /// A person changes an order: the old one is over, a new one lives.
    pub fn edit(&mut self, now: Ms, account: usize, edit: &Edit) {
        let id = 1000 + self.orders.len() as u64;
        let wanted = |order: &&mut Order| {
            order.account == account
                && order.vertical.right() == edit.side
                && !order.status.is_terminal()
                && (order.owner == Owner::User) != edit.ours
        };
        let Some(old) = self.orders.iter_mut().rfind(wanted) else { return };
        let left = old.quantity - old.filled();
        let quantity = u32::try_from((i64::from(left) + edit.more).max(1)).unwrap_or(1);
        old.becomes(now, edit.reads.clone());
        (old.next_fill, old.ends) = (None, None);
        old.replaced_by = edit.linked.then_some(id);
        let mut new = old.clone();
        let owner = match old.owner {
            Owner::Ours(run) | Owner::Edited(run) => Owner::Edited(run),
            Owner::User => Owner::User,
        };
        (new.id, new.owner, new.quantity, new.price) =
            (id, owner, quantity, old.price + Price::cents(edit.cents));
        (new.entered, new.name, new.status, new.replaces, new.replaced_by) =
            (now, None, OrderStatus::Working, Some(old.id), None);
        (new.fills, new.before) = (Vec::new(), Vec::new());
        if edit.ours {
            let linked = edit.linked || self.lies.appears_after(id) == 0;
            let after = self.markets[&(account, edit.side)].after;
            new.next_fill = self.takes(now, account, new.vertical, new.price).then_some(now + after);
            self.tape.push(Tape::Edited { old: new.replaces.unwrap_or(id), id, quantity, at: now, linked });
        }
        self.orders.push(new);
    }
}
