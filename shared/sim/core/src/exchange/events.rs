//! What happens between two moments, in order of time.

use gamma_market::calendar::{series_close, trade_date};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::book::{Fill, Order, OrderState, PendingStage};
use super::matching::{Execution, execute};
use super::ticket::TimeInForce;
use super::{DAYS_AHEAD, Exchange};
use crate::market::session_of;
use crate::random::{Stream, stream_at};

/// What can happen. At one moment the earlier variant comes first: an order is off the market before the
/// market trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    ForcedFill(u64),
    Cancel(u64),
    Expire(u64),
    Review(u64),
    Release(u64),
    Settle(Date),
    Match,
}

impl Exchange {
    /// Brings market, orders and account to `now`. A time before the exchange's own changes nothing.
    pub fn advance_to(&mut self, now: Timestamp) {
        while let Some((at, event)) = self.next_event().filter(|(at, _)| *at <= now) {
            self.move_to(at);
            self.apply(event);
        }
        self.move_to(now);
    }

    fn move_to(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
        self.market.advance_to(self.now);
        if trade_date(self.now) != self.day {
            self.day = trade_date(self.now);
            self.begin_day();
        }
    }

    pub(super) fn begin_day(&mut self) {
        self.account.begin_day(&self.market);
    }

    fn next_event(&self) -> Option<(Timestamp, Event)> {
        let orders = self.book.posts().iter().filter_map(next_step);
        let settlements = self
            .account
            .expiries()
            .into_iter()
            .filter_map(|(symbol, expiry)| Some((series_close(&symbol, expiry)?, Event::Settle(expiry))));
        let matching = self.next_match().map(|at| (at, Event::Match));
        orders.chain(settlements).chain(matching).min()
    }

    /// The next whole second of a session at which an order is on the market.
    fn next_match(&self) -> Option<Timestamp> {
        self.book.posts().iter().any(Order::is_matchable).then_some(())?;
        let whole = if self.now.subsec_nanosecond() == 0 { self.now } else { next_second(self.now) };
        let at = self.last_match.map_or(whole, |last| whole.max(next_second(last)));
        (0..=DAYS_AHEAD).find_map(|days| {
            let (open, close) = session_of(trade_date(at).checked_add(days.days()).ok()?)?;
            Some(at.max(open)).filter(|at| *at < close)
        })
    }

    fn apply(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::ForcedFill(id) => self.forced_fill_is_due(id),
            Event::Cancel(id) => self.take_off(id),
            Event::Expire(id) => {
                if let Some(order) = self.book.get_mut(id) {
                    order.close(OrderState::Expired, now);
                }
            }
            Event::Review(id) => self.review(id),
            Event::Release(id) => self.release(id),
            Event::Settle(expiry) => self.settle(expiry),
            Event::Match => {
                self.last_match = Some(now);
                let ids: Vec<u64> = self
                    .book
                    .posts()
                    .iter()
                    .filter(|order| order.is_matchable())
                    .map(|order| order.id)
                    .collect();
                for id in ids {
                    self.match_order(id);
                }
            }
        }
    }

    fn take_off(&mut self, id: u64) {
        let (now, activity) = (self.now, self.book.next_activity());
        if let Some(order) = self.book.get_mut(id) {
            if order.state == OrderState::PendingReplace {
                order.close(OrderState::Replaced, now);
            } else {
                order.close(OrderState::Canceled, now);
                order.cancel_activity = Some(activity);
            }
        }
    }

    fn review(&mut self, id: u64) {
        let Some(order) = self.book.order(id) else { return };
        let objection = order.condemned.clone().or_else(|| self.objection(order));
        let now = self.now;
        let Some(order) = self.book.get_mut(id) else { return };
        order.schedule.review = None;
        match objection {
            Some(text) => order.close(OrderState::Rejected(text), now),
            None if order.schedule.release.is_none() => self.release(id),
            None if order.state == OrderState::PendingCancel => {}
            None => order.enter(OrderState::Pending(PendingStage::Activation), now),
        }
    }

    pub(super) fn release(&mut self, id: u64) {
        let now = self.now;
        if let Some(order) = self.book.get_mut(id) {
            order.schedule.release = None;
            order.on_market = true;
            if matches!(order.state, OrderState::Pending(_)) {
                order.enter(OrderState::Working, now);
            }
        }
    }

    /// Index options settle in cash against the level at the close.
    fn settle(&mut self, expiry: Date) {
        let activity = self.book.next_activity();
        self.account.settle(expiry, self.market.underlying(), self.now, activity);
    }

    fn match_order(&mut self, id: u64) {
        let Some(order) = self.book.order(id) else { return };
        let quotes = self.market.quotes(order.ticket.legs().iter().map(|leg| &leg.symbol));
        // The stream is the order's own and is read by the second, so what one order draws never shifts
        // another's chances.
        let second = u64::try_from(self.now.as_second()).unwrap_or(0);
        let mut random = stream_at(self.seed, Stream::Fills(order.ordinal), second);
        let execution = execute(&order.ticket, order.unfilled(), &quotes, self.regime, &mut random);
        let in_force = order.ticket.time_in_force();
        let execution = execution.filter(|execution| {
            in_force != TimeInForce::FillOrKill || execution.quantity == order.unfilled()
        });
        if let Some(execution) = execution {
            self.execute(id, execution);
        }
        let at_once = matches!(in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
        if at_once && self.book.order(id).is_some_and(|order| !order.state.is_terminal()) {
            self.take_off(id);
        }
    }

    pub(super) fn execute(&mut self, id: u64, execution: Execution) {
        let Execution { quantity, effect, price, leg_prices } = execution;
        let fill =
            Fill { activity: self.book.next_activity(), at: self.now, quantity, effect, price, leg_prices };
        self.fill(id, fill);
    }

    fn fill(&mut self, id: u64, fill: Fill) {
        let Some(order) = self.book.get_mut(id) else { return };
        self.account.fill(order, &fill);
        let at = fill.at;
        order.fills.push(fill);
        if order.unfilled() == 0 {
            order.close(OrderState::Filled, at);
        }
    }
}

fn next_step(order: &Order) -> Option<(Timestamp, Event)> {
    if order.state.is_terminal() {
        return None;
    }
    let schedule = order.schedule;
    let steps = [
        (schedule.forced_fill.map(|(at, _)| at), Event::ForcedFill(order.id)),
        (schedule.cancel, Event::Cancel(order.id)),
        (schedule.expire, Event::Expire(order.id)),
        (schedule.review, Event::Review(order.id)),
        // Nothing is released before it was looked at.
        (schedule.release.filter(|_| schedule.review.is_none()), Event::Release(order.id)),
    ];
    steps.into_iter().filter_map(|(at, event)| Some((at?, event))).min()
}

fn next_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second() + 1).unwrap_or(Timestamp::MAX)
}
