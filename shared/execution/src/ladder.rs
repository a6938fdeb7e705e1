//! The price ladder of one side, as a machine without I/O: [`Ladder::step`] takes an [`Event`] and answers
//! with [`Command`]s; the driver executes them and feeds back what came of it.
//!
//! One order lives at a time. The next rung opens only after the order before it is *proven* terminal, and
//! only for the remainder computed from its fills (incidents: a cancel that was too late or refused bought
//! everything again).

mod moves;
mod standing;

use gamma_market::{Effect, PackageNbbo, Price};
use jiff::Timestamp;

use crate::approval::{Approved, Intent};
use crate::ports::{NotPlaced, NotSent, OrderId, OrderStatus, OrderView, PlaceReply};
use crate::profile::{ExecutionProfile, seconds};

pub use moves::{Command, Event, Posting, RungSkip, SideEnd, StopReason};

/// How often one rung is sent again after a refusal that proves nothing was placed.
const RESENDS: u32 = 4;

/// A list without the order that is over proves little; after so many of them nothing replaces it.
const ABSENT_FROM_LISTS: u32 = 3;

/// A cancel that was asked for often enough is asked for again this long after the last time, as long as the
/// order works.
const ASK_AGAIN_SECONDS: u32 = 5;

/// The ladder of one approved side.
#[derive(Debug, Clone)]
pub struct Ladder {
    intent: Approved<Intent>,
    settings: Settings,
    /// Offsets of the rungs still to open, first first.
    offsets: Vec<Price>,
    number: u32,
    filled: u32,
    stop: Option<StopReason>,
    phase: Phase,
}

/// Times a ladder works with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The execution profile.
    pub profile: ExecutionProfile,
    /// Until when an order of unknown outcome may show up: the end of trading, and a settle window. From the
    /// first look in vain on nothing more is sent: what is found later is cancelled.
    pub look_until: Timestamp,
    /// When the run has to end: what is not proven by then is unresolved.
    pub prove_by: Timestamp,
}

#[derive(Debug, Clone)]
enum Phase {
    Ready,
    Posting(Rung),
    Resending {
        rung: Rung,
        at: Timestamp,
    },
    /// Refused as often as it was sent: the next rung waits until the broker may be asked again.
    Pausing {
        until: Timestamp,
    },
    Locating {
        rung: Rung,
        at: Timestamp,
        give_up: Timestamp,
    },
    /// The answer named an order that no read has shown yet. It is neither waited for nor cancelled before
    /// one does.
    Naming {
        rung: Rung,
        order: OrderId,
        poll_at: Timestamp,
        /// From then on it is looked for in the broker's list too.
        locate_at: Timestamp,
    },
    Working {
        rung: Rung,
        order: OrderId,
        poll_at: Timestamp,
    },
    /// Over with fewer fills than ordered: believed once a second read says the same, and no other order
    /// replaces it.
    Settling {
        rung: Rung,
        view: Box<OrderView>,
        /// Lists that show no order in its place.
        unlinked: u32,
        poll_at: Timestamp,
    },
    Cancelling {
        rung: Rung,
        order: OrderId,
        tries: u32,
        poll_at: Timestamp,
    },
    Done(SideEnd),
}

/// The order being worked.
#[derive(Debug, Clone)]
struct Rung {
    posting: Posting,
    /// How far from the mid it is.
    offset: Price,
    closes: Timestamp,
    resends: u32,
    shown_filled: u32,
    /// When a cancel was asked for last.
    asked: Timestamp,
}

impl Rung {
    const fn quantity(&self) -> u32 {
        self.posting.order.get().quantity
    }
}

impl Ladder {
    /// A ladder over `offsets`, which are the rungs that remain.
    #[must_use]
    pub const fn new(intent: Approved<Intent>, offsets: Vec<Price>, settings: Settings) -> Self {
        Self { intent, settings, offsets, number: 0, filled: 0, stop: None, phase: Phase::Ready }
    }

    /// The price of a rung: the mid moved `offset` towards the market, on tick, between bid and ask, inside
    /// the envelope.
    #[must_use]
    pub fn price(intent: &Intent, nbbo: PackageNbbo, offset: Price) -> Price {
        match intent.effect {
            Effect::Credit => {
                intent.tick.round(nbbo.mid - offset).max(nbbo.bid).min(nbbo.ask).max(intent.worst_price)
            }
            Effect::Debit => {
                intent.tick.round(nbbo.mid + offset).max(nbbo.bid).min(nbbo.ask).min(intent.worst_price)
            }
        }
    }

    /// Goes on with the rungs that remain after a stop for a moved signal that came too late: something had
    /// filled. Whether there is anything to go on with.
    pub fn resume(&mut self) -> bool {
        if self.end() != Some(&SideEnd::Stopped(StopReason::SignalMoved)) {
            return false;
        }
        self.stop = None;
        self.phase = self.between_rungs();
        self.is_ready()
    }

    /// Prices the order that is about to be sent anew, at fresher quotes; `None` when they make no price
    /// inside the envelope.
    pub fn requote(&mut self, nbbo: PackageNbbo) -> Option<Posting> {
        let (intent, filled) = (&self.intent, self.filled);
        let Phase::Posting(rung) = &mut self.phase else { return None };
        let price = Self::price(intent.get(), nbbo, rung.offset);
        let order = intent.order(rung.quantity(), price, filled).ok()?;
        (rung.posting.order, rung.posting.nbbo) = (order, nbbo);
        Some(rung.posting.clone())
    }

    /// Takes one event; answers with what to do about it, in order.
    pub fn step(&mut self, now: Timestamp, event: Event<'_>) -> Vec<Command> {
        let phase = std::mem::replace(&mut self.phase, Phase::Ready);
        let (phase, commands) = match (phase, event) {
            (Phase::Done(end), _) => (Phase::Done(end), Vec::new()),
            (phase, Event::Stop(reason)) => self.on_stop(now, phase, reason),
            (Phase::Ready, Event::Open { nbbo, closes }) => self.open(nbbo, closes),
            (Phase::Posting(rung), Event::Posted(reply)) => self.on_posted(now, rung, reply),
            (Phase::Posting(rung), Event::Unmarked(why)) => {
                self.heed(&why);
                // The ledger takes no rung whose predecessor it does not have.
                self.number -= 1;
                let at = after(now, 1 << rung.resends.min(5));
                self.send_again(now, rung, at)
            }
            (Phase::Resending { rung, at }, Event::Time) if now >= at => self.post(rung),
            (Phase::Pausing { until }, Event::Time) if now >= until => (self.between_rungs(), Vec::new()),
            (Phase::Locating { rung, at, give_up }, Event::Time) if now >= at => {
                let locate = vec![Command::Locate(rung.posting.clone())];
                (
                    Phase::Locating {
                        rung,
                        at: after(now, self.settings.profile.cancel_settle_seconds),
                        give_up,
                    },
                    locate,
                )
            }
            (Phase::Locating { rung, at, give_up }, Event::Located(found)) => {
                self.on_located(now, rung, (at, give_up), &found)
            }
            (Phase::Locating { rung, at, give_up }, Event::Unread) => {
                let over = now >= self.settings.prove_by;
                Self::keep_locating(
                    rung,
                    (at, give_up),
                    over,
                    "outcome unknown and the broker's orders could not be listed",
                )
            }
            (Phase::Naming { rung, order, poll_at, locate_at }, Event::Time) if now >= poll_at => {
                self.on_naming(now, rung, order, locate_at)
            }
            (Phase::Naming { rung, order, .. }, Event::Seen(view)) => {
                let record = Command::RecordAccepted { posting: rung.posting.clone(), order: order.clone() };
                let (phase, mut commands) = self.on_seen(now, rung, order, 0, view);
                commands.insert(0, record);
                (phase, commands)
            }
            (Phase::Naming { rung, .. }, Event::Another(reason)) => self.unknown(now, rung, reason),
            (Phase::Naming { rung, order, .. }, Event::Located(found)) if !found.is_empty() => {
                // Of twins, the one that was named is ours.
                let named: Vec<&OrderView> = found.iter().filter(|view| view.id == order).copied().collect();
                self.on_located(now, rung, (now, now), if named.is_empty() { &found } else { &named })
            }
            // Its time is over: the cancel waits for nothing. When it is refused, the order has most likely
            // filled.
            (Phase::Working { rung, order, .. }, Event::Time) if now >= rung.closes => {
                self.cancel(now, rung, order, 1)
            }
            (Phase::Working { rung, order, poll_at }, Event::Time) if now >= poll_at => (
                Phase::Working {
                    rung,
                    order: order.clone(),
                    poll_at: after(now, self.settings.profile.poll_seconds),
                },
                vec![Command::Read(order)],
            ),
            (Phase::Cancelling { rung, order, tries, poll_at }, Event::Time) if now >= poll_at => {
                self.on_cancelling(now, rung, order, tries)
            }
            (Phase::Settling { rung, view, unlinked, poll_at }, Event::Time) if now >= poll_at => {
                let confirm = vec![Command::Confirm(view.id.clone())];
                (
                    Phase::Settling {
                        rung,
                        view,
                        unlinked,
                        poll_at: after(now, self.settings.profile.cancel_settle_seconds),
                    },
                    confirm,
                )
            }
            (Phase::Settling { rung, view, unlinked, poll_at }, Event::Unlinked { shown }) => {
                let unlinked = if shown { ABSENT_FROM_LISTS } else { unlinked + 1 };
                (Phase::Settling { rung, view, unlinked, poll_at }, Vec::new())
            }
            (Phase::Settling { rung, view, unlinked, .. }, Event::Seen(again)) => {
                self.on_confirmed(now, rung, &view, unlinked, again)
            }
            (Phase::Settling { rung, view, .. }, Event::Unread) if now >= self.settings.prove_by => {
                self.believe(rung, &view)
            }
            (
                Phase::Naming { .. }
                | Phase::Working { .. }
                | Phase::Cancelling { .. }
                | Phase::Settling { .. },
                Event::Edited(reason),
            ) => (Phase::Done(SideEnd::Unresolved(reason)), Vec::new()),
            (Phase::Working { rung, order, .. }, Event::Seen(view)) => {
                self.on_seen(now, rung, order, 0, view)
            }
            (Phase::Cancelling { rung, order, tries, .. }, Event::Seen(view)) => {
                self.on_seen(now, rung, order, tries, view)
            }
            (Phase::Working { rung, order, .. }, Event::Unread) => self.keep_working(now, rung, order),
            (Phase::Cancelling { rung, order, tries, .. }, Event::Unread) => {
                self.keep_cancelling(now, rung, order, tries, false)
            }
            (phase, _) => (phase, Vec::new()),
        };
        self.phase = phase;
        commands
    }

    fn open(&mut self, nbbo: PackageNbbo, closes: Timestamp) -> (Phase, Vec<Command>) {
        if self.offsets.is_empty() {
            return (Phase::Done(SideEnd::Exhausted), Vec::new());
        }
        let offset = self.offsets.remove(0);
        let intent = self.intent.get();
        let price = Self::price(intent, nbbo, offset);
        let quantity = intent.quantity - self.filled;
        match self.intent.order(quantity, price, self.filled) {
            Ok(order) => self.post(Rung {
                posting: Posting { number: 0, order, nbbo },
                offset,
                closes,
                resends: 0,
                shown_filled: 0,
                asked: Timestamp::MIN,
            }),
            Err(refusal) => {
                (self.between_rungs(), vec![Command::Skipped(RungSkip::NoPrice(refusal.to_string()))])
            }
        }
    }

    /// A new SENDING for `rung`.
    fn post(&mut self, mut rung: Rung) -> (Phase, Vec<Command>) {
        self.number += 1;
        rung.posting.number = self.number;
        let posting = rung.posting.clone();
        (Phase::Posting(rung), vec![Command::Post(posting)])
    }

    fn on_posted(&mut self, now: Timestamp, rung: Rung, reply: PlaceReply) -> (Phase, Vec<Command>) {
        let posting = rung.posting.clone();
        match reply {
            PlaceReply::Accepted(order) => {
                let record = Command::RecordNamed { posting, order: order.clone() };
                (
                    Phase::Naming {
                        rung,
                        order,
                        poll_at: now,
                        locate_at: after(now, self.settings.profile.locate_seconds),
                    },
                    vec![record],
                )
            }
            PlaceReply::Unknown(reason) => self.unknown(now, rung, reason),
            PlaceReply::NotPlaced(refusal) => {
                if let NotPlaced::NotSent(why) = &refusal {
                    self.heed(why);
                }
                let mut commands = vec![Command::RecordRefused { posting, reason: refusal.to_string() }];
                let at = match refusal {
                    NotPlaced::Rejected { .. } => {
                        return (Phase::Done(SideEnd::Rejected(refusal.to_string())), commands);
                    }
                    // The adapter has refreshed the token. What is refused again may be the broker's own
                    // trouble, which may pass.
                    NotPlaced::Unauthorized if rung.resends == 0 => now,
                    NotPlaced::Unauthorized => after(now, 1 << (rung.resends - 1).min(5)),
                    // 1, 2, 4 and 8 seconds: an outage shorter than a rung costs no rung.
                    NotPlaced::NotSent(_) | NotPlaced::NotRead(_) => after(now, 1 << rung.resends.min(5)),
                    NotPlaced::RateLimited { retry_after } => now
                        .checked_add(retry_after.unwrap_or_default().max(std::time::Duration::from_secs(1)))
                        .unwrap_or(Timestamp::MAX),
                };
                let (phase, more) = self.send_again(now, rung, at);
                commands.extend(more);
                (phase, commands)
            }
        }
    }

    /// What keeps an order from being sent may keep every further one from it.
    fn heed(&mut self, why: &NotSent) {
        if let NotSent::Stopped(reason) = why {
            self.stop.get_or_insert_with(|| reason.clone());
        }
    }

    /// Nothing was placed: the rung is sent again from `at` on, as long as its time lasts.
    fn send_again(&mut self, now: Timestamp, mut rung: Rung, at: Timestamp) -> (Phase, Vec<Command>) {
        rung.resends += 1;
        if self.stop.is_some() {
            return (self.between_rungs(), Vec::new());
        }
        if rung.resends > RESENDS || at >= rung.closes {
            // No rung opens once trading is over, however long the broker asked to wait.
            let until = at.max(rung.closes).min(self.settings.look_until.min(self.settings.prove_by));
            return (Phase::Pausing { until }, Vec::new());
        }
        if at > now { (Phase::Resending { rung, at }, Vec::new()) } else { self.post(rung) }
    }

    /// Nobody knows what became of the POST: its order is looked for once the settle window has passed.
    fn unknown(&self, now: Timestamp, rung: Rung, reason: String) -> (Phase, Vec<Command>) {
        let record = Command::RecordUnknown { posting: rung.posting.clone(), reason };
        let give_up = self.settings.look_until.min(self.settings.prove_by);
        (
            Phase::Locating { rung, at: after(now, self.settings.profile.locate_seconds), give_up },
            vec![record],
        )
    }

    /// Reads the order that was named; in the broker's list too, when reading it has brought nothing within
    /// the settle window.
    fn on_naming(
        &self,
        now: Timestamp,
        rung: Rung,
        order: OrderId,
        locate_at: Timestamp,
    ) -> (Phase, Vec<Command>) {
        if now >= self.settings.look_until.min(self.settings.prove_by) {
            // The record keeps the name: recovery reads it by that.
            return (
                Phase::Done(SideEnd::Unresolved(format!(
                    "order {order} was named by the broker's answer and never shown"
                ))),
                Vec::new(),
            );
        }
        let mut commands = vec![Command::Read(order.clone())];
        if now >= locate_at {
            commands.push(Command::Locate(rung.posting.clone()));
        }
        (
            Phase::Naming {
                rung,
                order,
                poll_at: after(now, self.settings.profile.cancel_settle_seconds),
                locate_at,
            },
            commands,
        )
    }

    fn on_located(
        &mut self,
        now: Timestamp,
        rung: Rung,
        until: (Timestamp, Timestamp),
        found: &[&OrderView],
    ) -> (Phase, Vec<Command>) {
        let posting = rung.posting.clone();
        match found {
            [order] => {
                let record = Command::RecordAccepted { posting, order: order.id.clone() };
                let (phase, mut commands) = self.on_seen(now, rung, order.id.clone(), 0, order);
                commands.insert(0, record);
                (phase, commands)
            }
            [] => {
                self.stop.get_or_insert(StopReason::NotFoundInTime);
                let over = now >= until.1;
                Self::keep_locating(rung, until, over, "outcome unknown: no order at the broker matches")
            }
            many => {
                let reason = format!(
                    "outcome unknown: {} orders at the broker match, expected exactly one",
                    many.len()
                );
                (
                    Phase::Done(SideEnd::Unresolved(reason.clone())),
                    vec![Command::RecordUnknown { posting, reason }],
                )
            }
        }
    }

    /// Looks again until it is `over`; then the intent waits for recovery.
    fn keep_locating(
        rung: Rung,
        (at, give_up): (Timestamp, Timestamp),
        over: bool,
        reason: &str,
    ) -> (Phase, Vec<Command>) {
        if !over {
            return (Phase::Locating { rung, at, give_up }, Vec::new());
        }
        let record = Command::RecordUnknown { posting: rung.posting, reason: reason.to_owned() };
        (Phase::Done(SideEnd::Unresolved(reason.to_owned())), vec![record])
    }

    fn on_seen(
        &mut self,
        now: Timestamp,
        mut rung: Rung,
        order: OrderId,
        tries: u32,
        view: &OrderView,
    ) -> (Phase, Vec<Command>) {
        if view.filled > rung.quantity() || view.filled < rung.shown_filled {
            // A stale or wrong answer proves nothing: no further rung, cancel, and read until the answers
            // agree.
            let reason = format!(
                "order {order} shows {} filled of {}, before that {}",
                view.filled,
                rung.quantity(),
                rung.shown_filled
            );
            self.stop.get_or_insert(StopReason::Contradiction(reason));
            return if tries == 0 {
                self.cancel(now, rung, order, 1)
            } else {
                self.keep_cancelling(now, rung, order, tries, false)
            };
        }
        rung.shown_filled = view.filled;
        if let Some(by) = view.linked.first().filter(|_| view.filled < rung.quantity()) {
            // We replace no order: somebody edited ours, and the list may be too late to show what it became.
            return (Phase::Done(SideEnd::Unresolved(crate::recovery::edited(&order, by))), Vec::new());
        }
        if view.status == OrderStatus::Replaced {
            // Somebody changed our order: its replacement is alive under an id we do not know. The rung keeps
            // its id and stays open.
            let reason = format!(
                "order {order} was replaced by another at the broker, {} filled before that",
                view.filled
            );
            return (Phase::Done(SideEnd::Unresolved(reason)), Vec::new());
        }
        if !view.is_settled(rung.quantity()) {
            return if tries == 0 {
                self.keep_working(now, rung, order)
            } else {
                let asked = view.status == OrderStatus::CancelPending;
                self.keep_cancelling(now, rung, order, tries, !asked)
            };
        }
        let again = after(now, self.settings.profile.fills_lag_seconds);
        if view.filled < rung.quantity() && again < self.settings.prove_by {
            // Brokers show an order over before its last fill is counted.
            return (
                Phase::Settling { rung, view: Box::new(view.clone()), unlinked: 0, poll_at: again },
                Vec::new(),
            );
        }
        self.believe(rung, view)
    }

    /// The second read of an order that is over.
    fn on_confirmed(
        &mut self,
        now: Timestamp,
        rung: Rung,
        before: &OrderView,
        unlinked: u32,
        again: &OrderView,
    ) -> (Phase, Vec<Command>) {
        let same = again.is_settled(rung.quantity())
            && (again.filled, &again.status) == (before.filled, &before.status);
        if same && (unlinked >= ABSENT_FROM_LISTS || now >= self.settings.prove_by) {
            return self.believe(rung, again);
        }
        if same {
            // Whether another order replaces it is asked again.
            let poll_at = after(now, self.settings.profile.cancel_settle_seconds);
            return (Phase::Settling { rung, view: Box::new(again.clone()), unlinked, poll_at }, Vec::new());
        }
        let order = again.id.clone();
        self.on_seen(now, rung, order, 1, again)
    }

    /// Takes the order's end as it stands: its fills are counted, and the next rung may open.
    fn believe(&mut self, rung: Rung, view: &OrderView) -> (Phase, Vec<Command>) {
        let record = vec![Command::RecordTerminal { posting: rung.posting, order: Box::new(view.clone()) }];
        self.filled += view.filled;
        if self.filled == self.intent.get().quantity {
            return (Phase::Done(SideEnd::Filled), record);
        }
        if view.status == OrderStatus::Rejected {
            let reason = view.reason.clone().unwrap_or_else(|| "rejected without a reason".into());
            return (Phase::Done(SideEnd::Rejected(reason)), record);
        }
        (self.between_rungs(), record)
    }

    /// The order is out: wait for its next read, or cancel it when its time is over.
    fn keep_working(&self, now: Timestamp, rung: Rung, order: OrderId) -> (Phase, Vec<Command>) {
        if now >= rung.closes || self.stop.is_some() {
            return self.cancel(now, rung, order, 1);
        }
        let poll_at = after(now, self.settings.profile.poll_seconds).min(rung.closes);
        (Phase::Working { rung, order, poll_at }, Vec::new())
    }

    fn cancel(&self, now: Timestamp, mut rung: Rung, order: OrderId, tries: u32) -> (Phase, Vec<Command>) {
        rung.asked = now;
        let poll_at = after(now, self.settings.profile.cancel_settle_seconds);
        (Phase::Cancelling { rung, order: order.clone(), tries, poll_at }, vec![Command::Cancel(order)])
    }

    fn on_cancelling(&self, now: Timestamp, rung: Rung, order: OrderId, tries: u32) -> (Phase, Vec<Command>) {
        let settle = after(now, self.settings.profile.cancel_settle_seconds);
        (Phase::Cancelling { rung, order: order.clone(), tries, poll_at: settle }, vec![Command::Read(order)])
    }

    fn keep_cancelling(
        &self,
        now: Timestamp,
        rung: Rung,
        order: OrderId,
        tries: u32,
        ask_again: bool,
    ) -> (Phase, Vec<Command>) {
        if now >= self.settings.prove_by {
            // The record keeps the order's id: recovery reads it by that.
            return (
                Phase::Done(SideEnd::Unresolved(format!("order {order} could not be proven over"))),
                Vec::new(),
            );
        }
        // A broker that is deaf for a while must not keep the order alive until the close.
        if ask_again
            && (tries < self.settings.profile.cancel_tries || now >= after(rung.asked, ASK_AGAIN_SECONDS))
        {
            return self.cancel(now, rung, order, tries + 1);
        }
        let poll_at = after(now, self.settings.profile.cancel_settle_seconds);
        (Phase::Cancelling { rung, order, tries, poll_at }, Vec::new())
    }

    fn on_stop(&mut self, now: Timestamp, phase: Phase, reason: StopReason) -> (Phase, Vec<Command>) {
        self.stop.get_or_insert(reason.clone());
        match phase {
            Phase::Ready | Phase::Resending { .. } | Phase::Pausing { .. } => {
                (Phase::Done(SideEnd::Stopped(reason)), Vec::new())
            }
            Phase::Working { rung, order, .. } => self.cancel(now, rung, order, 1),
            other => (other, Vec::new()),
        }
    }

    /// Where the side stands when no order of its own is out.
    fn between_rungs(&self) -> Phase {
        match &self.stop {
            Some(reason) => Phase::Done(SideEnd::Stopped(reason.clone())),
            None if self.offsets.is_empty() => Phase::Done(SideEnd::Exhausted),
            None => Phase::Ready,
        }
    }
}

fn after(now: Timestamp, count: u32) -> Timestamp {
    now.checked_add(seconds(count)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
