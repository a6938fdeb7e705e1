//! What befalls an order without its owner's doing: for tests that need a certain thing to happen and not
//! wait for chance.

use gamma_market::Price;
use jiff::{Timestamp, ToSpan};

use super::book::Schedule;
use super::matching::execute_anyway;
use super::ticket::{Pricing, Ticket};
use super::{CancelError, Exchange, Order, OrderState, expiry_of};

impl Exchange {
    /// Fills up to `packages` of a live order at once, at its limit or better, on the market or not. Gives
    /// how many were filled: none when the order is over, unknown, or a leg has no two sides.
    pub fn fill_now(&mut self, id: u64, packages: u32) -> u32 {
        let Some(order) = self.book.order(id).filter(|order| !order.state.is_terminal()) else { return 0 };
        let quotes = self.market.quotes(order.ticket.legs().iter().map(|leg| &leg.symbol));
        let quantity = packages.min(order.unfilled());
        let Some(execution) = execute_anyway(&order.ticket, quantity, &quotes).filter(|_| quantity > 0)
        else {
            return 0;
        };
        if let Some(order) = self.book.get_mut(id) {
            order.schedule.review = None;
        }
        self.release(id);
        self.execute(id, execution);
        quantity
    }

    /// Up to `packages` of an order that is being cancelled or replaced fill just before that is through.
    /// Whether it is.
    pub fn fill_before_cancel(&mut self, id: u64, packages: u32) -> bool {
        let cancelled = self
            .book
            .get_mut(id)
            .filter(|order| matches!(order.state, OrderState::PendingCancel | OrderState::PendingReplace));
        let Some((order, at)) = cancelled.and_then(|order| order.schedule.cancel.map(|at| (order, at)))
        else {
            return false;
        };
        order.schedule.forced_fill = Some((at, packages));
        true
    }

    /// The order accepted last before `id`.
    #[must_use]
    pub fn accepted_before(&self, id: u64) -> Option<u64> {
        let at = self.book.posts().iter().position(|order| order.id == id)?;
        self.book.posts().get(at.checked_sub(1)?).map(|order| order.id)
    }

    /// An order that was just accepted never was: its id is nobody's from now on. Whether there was one
    /// without a fill.
    pub fn undo(&mut self, id: u64) -> bool {
        let unfilled = self.book.order(id).is_some_and(|order| order.fills.is_empty());
        unfilled && self.book.take_out(id)
    }

    /// An order that the user entered at an earlier time, on an earlier day for one, and that has worked
    /// since then; it may fill from now on. One that is good for the day only works in the session it was
    /// entered in. Gives its id.
    pub fn entered_earlier(&mut self, ticket: Ticket, entered: Timestamp) -> u64 {
        let entered = entered.min(self.now);
        let close = self.next_session(&ticket).map_or_else(|| plus_a_day(entered), |(_, close)| close);
        let schedule = Schedule { review: None, expire: expiry_of(&ticket, close), ..Schedule::default() };
        let id = self.book.add(ticket, entered, OrderState::Working, schedule);
        self.release(id);
        id
    }

    pub(super) fn forced_fill_is_due(&mut self, id: u64) {
        let packages = self.book.get_mut(id).and_then(|order| order.schedule.forced_fill.take());
        self.fill_now(id, packages.map_or(0, |(_, packages)| packages));
    }

    /// An order that has not been looked at yet will be rejected with `text`. Whether there is one.
    pub fn condemn(&mut self, id: u64, text: &str) -> bool {
        let order = self
            .book
            .get_mut(id)
            .filter(|order| order.schedule.review.is_some() && !order.state.is_terminal());
        order.map(|order| order.condemned = Some(text.to_owned())).is_some()
    }

    /// Somebody replaces an order at the broker, at once: the same legs for what is not filled, at a limit of
    /// `price`. Gives the id of the new order.
    ///
    /// # Errors
    /// [`CancelError`] as with [`Exchange::cancel`], and for an order without a limit, whose price cannot be
    /// changed.
    pub fn replace_elsewhere(&mut self, id: u64, price: Price) -> Result<u64, CancelError> {
        let order = self.book.order(id).ok_or(CancelError::Unknown(id))?;
        let refused = CancelError::NotCancelable { id, state: order.state.clone() };
        let Some(ticket) = repriced(order, price) else { return Err(refused) };
        let new = self.replace(id, ticket)?;
        let now = self.now;
        if let Some(order) = self.book.get_mut(id) {
            order.schedule.cancel = Some(now);
        }
        self.advance_to(now);
        Ok(new)
    }
}

fn repriced(order: &Order, price: Price) -> Option<Ticket> {
    let Pricing::Limit { effect, .. } = order.ticket.pricing() else { return None };
    let pricing = Pricing::Limit { effect, price };
    Ticket::new(order.ticket.legs().to_vec(), order.unfilled(), pricing, order.ticket.time_in_force()).ok()
}

fn plus_a_day(at: Timestamp) -> Timestamp {
    at.checked_add(24.hours()).unwrap_or(at)
}
