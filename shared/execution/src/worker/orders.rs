//! One order's way to the broker and back, and its record in the ledger.

use std::collections::{BTreeSet, VecDeque};

use futures_util::future::{join, join_all};
use jiff::SignedDuration;

use super::work::Side;
use super::{Account, Worker};
use crate::fingerprint::{Fingerprint, Mark, our_tag};
use crate::ladder::{Command, Event, Posting, StopReason};
use crate::ports::{
    BrokerError, CancelReply, NotSent, OrderId, OrderName, OrderView, PlaceReply, PutOutcome, RungRecord,
    RungState,
};
use crate::recovery;

impl Worker<'_> {
    /// Hands `event` to every side. What the broker is asked on account of it goes out for all sides at once,
    /// cancels before reads: a slow answer to one side must not hold up the other's cancel. Orders to be sent
    /// wait in [`Side::due`].
    pub(super) async fn tell_all(&mut self, sides: &mut [Side], event: &Event<'_>) {
        let now = self.now();
        let mut wanted: Vec<Vec<Command>> =
            sides.iter_mut().map(|side| side.ladder.step(now, event.clone())).collect();
        while wanted.iter().flatten().any(asks_the_broker) {
            self.cancel_all(&wanted).await;
            let (answers, listed) = join(self.read_all(&wanted), self.list_if_wanted(&wanted)).await;
            let asked = std::mem::take(&mut wanted);
            wanted = asked
                .into_iter()
                .zip(sides.iter_mut())
                .map(|(commands, side)| self.keep(side, commands, listed.as_ref()))
                .collect();
            for (index, order, answer) in answers {
                let more = self.saw(&mut sides[index], &order, answer);
                wanted[index].extend(more);
            }
        }
        for (side, commands) in sides.iter_mut().zip(wanted) {
            self.keep(side, commands, None);
        }
    }

    /// Notes records, keeps orders for later, and matches a list against what is looked for; gives the
    /// commands that come of that.
    fn keep(&mut self, side: &mut Side, commands: Vec<Command>, listed: Option<&Listed>) -> Vec<Command> {
        let mut more = Vec::new();
        for command in commands {
            match (command, listed) {
                (post @ Command::Post(_), _) => side.due.push(post),
                (Command::Locate(posting), Some(listed)) => more.extend(self.located(side, &posting, listed)),
                (Command::Confirm(order), Some(listed)) => more.extend(self.linked(side, &order, listed)),
                (Command::Cancel(_) | Command::Read(_) | Command::Locate(_) | Command::Confirm(_), _) => {}
                (Command::Skipped(skip), _) => side.skips.push((self.now(), skip)),
                (record, _) => self.record(side, record),
            }
        }
        more
    }

    /// Sends what is due.
    pub(super) async fn send_due(&mut self, sides: &mut [Side], account: &Account) {
        if sides.iter().any(|side| side.ladder.in_doubt()) && sides.iter().any(|side| !side.due.is_empty()) {
            self.stop(sides, &StopReason::OtherSideUnresolved).await;
        }
        for side in sides {
            let due = std::mem::take(&mut side.due);
            if due.is_empty() {
                continue;
            }
            self.carry_out(side, account, due).await;
            let written = self.write_all(std::slice::from_mut(side)).await;
            self.note_all(written);
        }
    }

    /// The broker's orders, when any side looks for one of unknown outcome, or for one that replaces its own.
    async fn list_if_wanted(&self, wanted: &[Vec<Command>]) -> Option<Listed> {
        if !wanted.iter().flatten().any(|command| matches!(command, Command::Locate(_) | Command::Confirm(_)))
        {
            return None;
        }
        let (from, to) = self.today();
        Some(self.broker.orders_in_haste(from, to).await)
    }

    async fn cancel_all(&mut self, wanted: &[Vec<Command>]) {
        let broker = self.broker;
        let cancels = wanted
            .iter()
            .flatten()
            .filter_map(|command| if let Command::Cancel(order) = command { Some(order) } else { None });
        for (order, reply) in join_all(cancels.map(async |order| (order, broker.cancel(order).await))).await {
            self.cancel_answered(order, reply);
        }
    }

    /// Every order that is to be read, with the side it belongs to.
    async fn read_all(
        &self,
        wanted: &[Vec<Command>],
    ) -> Vec<(usize, OrderId, Result<OrderView, BrokerError>)> {
        let broker = self.broker;
        let of_side = |(side, commands): (usize, &'_ Vec<Command>)| {
            let orders = commands.iter().filter_map(|command| match command {
                Command::Read(order) | Command::Confirm(order) => Some(order.clone()),
                _ => None,
            });
            orders.map(|order| (side, order)).collect::<Vec<_>>()
        };
        let reads = wanted.iter().enumerate().flat_map(of_side);
        join_all(reads.map(async |(side, order)| {
            let answer = broker.order(&order).await;
            (side, order, answer)
        }))
        .await
    }

    /// Executes commands and feeds back what came of them, until the ladder wants to wait.
    pub(super) async fn carry_out(&mut self, side: &mut Side, account: &Account, commands: Vec<Command>) {
        let mut queue = VecDeque::from(commands);
        while let Some(command) = queue.pop_front() {
            let more = match command {
                Command::Post(posting) => {
                    let came = match self.post(side, account, &posting).await {
                        Ok(reply) => Event::Posted(reply),
                        Err(unmarked) => Event::Unmarked(unmarked),
                    };
                    side.ladder.step(self.now(), came)
                }
                Command::Read(order) => self.read(side, &order).await,
                Command::Confirm(order) => {
                    let (from, to) = self.today();
                    let broker = self.broker;
                    let (listed, answer) = join(broker.orders_in_haste(from, to), broker.order(&order)).await;
                    let mut more = self.linked(side, &order, &listed);
                    more.extend(self.saw(side, &order, answer));
                    more
                }
                Command::Cancel(order) => {
                    let reply = self.broker.cancel(&order).await;
                    self.cancel_answered(&order, reply);
                    Vec::new()
                }
                Command::Locate(posting) => {
                    let (from, to) = self.today();
                    let listed = self.broker.orders_in_haste(from, to).await;
                    self.located(side, &posting, &listed)
                }
                Command::Skipped(skip) => {
                    side.skips.push((self.now(), skip));
                    Vec::new()
                }
                record => {
                    self.record(side, record);
                    Vec::new()
                }
            };
            queue.extend(more);
        }
    }

    /// SENDING first, then the POST, once. What cannot be marked is not sent; an error where no mark was
    /// tried.
    async fn post(
        &mut self,
        side: &mut Side,
        account: &Account,
        posting: &Posting,
    ) -> Result<PlaceReply, NotSent> {
        self.may_send(side).await.map_err(NotSent::Stopped)?;
        let lease =
            self.lease().map_err(|error| NotSent::Stopped(StopReason::LeaseLost(error.to_string())))?.clone();
        let posting = &self.freshly_priced(side, posting).await.map_err(|why| {
            self.note(format!("{} is not sent yet: {why}", side.name()));
            NotSent::NotPrepared(why)
        })?;
        let order = posting.order.get();
        // What any answer has named before is not this order, whoever's it is.
        let seen: BTreeSet<OrderId> =
            account.seen().into_iter().chain(self.sent.iter().chain(&self.named).cloned()).collect();
        let seen: Vec<OrderId> = seen.into_iter().collect();
        let rung = RungRecord {
            intent: side.record.key.clone(),
            number: posting.number,
            price: order.price,
            quantity: order.quantity,
            at: self.now(),
            seen,
            writer: lease.writer.clone(),
            state: RungState::Sending,
            nbbo: (posting.nbbo.bid, posting.nbbo.ask, posting.nbbo.mid),
        };
        side.rungs.push(rung.clone());
        let ledger = self.ledger;
        match self.persist(async || ledger.put_sending(&lease, &rung).await).await {
            Ok(PutOutcome::Ours) => {}
            Ok(PutOutcome::Theirs(holder)) => {
                return Ok(NotSent::Stopped(StopReason::LeaseLost(holder)).into());
            }
            Err(error) => {
                // The mark may stand in the ledger, or land there yet.
                side.unsure.insert(rung.number);
                return Ok(NotSent::Stopped(StopReason::MarkUnknown(error.to_string())).into());
            }
        }
        tracing::info!(run_id = %self.scope.run_id, intent = %rung.intent, rung = rung.number, price = %rung.price, quantity = rung.quantity, "sending");
        if let Err(why) = self.still_in_time(side).await {
            return Ok(why.into());
        }
        let reply = self.broker.place(&posting.order, &rung.order_name(self.date())).await;
        Ok(self.named_anew(&rung, reply))
    }

    /// Writing the mark may have taken its time: nothing is sent on an old permission or price, or on a lease
    /// or for a rung that is running out.
    async fn still_in_time(&mut self, side: &Side) -> Result<(), NotSent> {
        self.still_may(side.closes).await.map_err(NotSent::Stopped)?;
        if self.now() >= side.closes {
            return Err(NotSent::TooLate("the rung's time was over before it could be sent".to_owned()));
        }
        if self.now().duration_since(side.quoted) > OLDEST_WHEN_SENT {
            return Err(NotSent::TooLate("writing the mark took so long that its price is old".to_owned()));
        }
        Ok(())
    }

    /// An id that was there before the mark, or that an earlier answer named, is another order's: what became
    /// of ours is not known.
    fn named_anew(&mut self, rung: &RungRecord, reply: PlaceReply) -> PlaceReply {
        let PlaceReply::Accepted(id) = &reply else { return reply };
        if rung.seen.contains(id) {
            let words = format!("the answer names order {id}, which was there before ours was sent");
            self.note(&words);
            return PlaceReply::Unknown(words);
        }
        self.named.push(id.clone());
        reply
    }

    /// The order at quotes no older than a moment: reading halt, arming and ledger, another side's POST and a
    /// pause before a resend all take their time.
    async fn freshly_priced(&mut self, side: &mut Side, posting: &Posting) -> Result<Posting, String> {
        if self.now().duration_since(side.quoted) < FRESH {
            return Ok(posting.clone());
        }
        let package = side.record.package;
        let (read, quotes) = self.quotes_of(&[package]).await;
        let book = quotes.map_err(|error| error.to_string())?;
        let nbbo = crate::quotes::package(&package, &book, self.now(), self.scope.execution)
            .map_err(|fault| fault.to_string())?;
        let posting = side.ladder.requote(nbbo).ok_or("fresh quotes make no price inside the envelope")?;
        side.quoted = read;
        Ok(posting)
    }

    /// Nothing stops the side, halt and arming were read a moment ago, the ledger has every rung before this
    /// one, and the lease lasts.
    async fn may_send(&mut self, side: &mut Side) -> Result<(), StopReason> {
        if let Some(reason) = side.ladder.stopped_by() {
            return Err(reason.clone());
        }
        self.still_permitted().await?;
        self.write_patiently(side).await.map_err(|error| StopReason::Ledger(error.to_string()))?;
        self.outlives_a_post().await.map_err(|error| StopReason::LeaseLost(error.to_string()))
    }

    async fn read(&mut self, side: &mut Side, id: &OrderId) -> Vec<Command> {
        let answer = self.broker.order(id).await;
        self.saw(side, id, answer)
    }

    fn saw(&mut self, side: &mut Side, id: &OrderId, answer: Result<OrderView, BrokerError>) -> Vec<Command> {
        let now = self.now();
        // The list may have said meanwhile that the order is another one: this answer tells nothing of that.
        if side.ladder.order() != Some(id) {
            return Vec::new();
        }
        match answer {
            Ok(view) => match self.is_ours(side, &view) {
                Ok(()) => side.ladder.step(now, Event::Seen(&view)),
                Err(why) => {
                    self.note(format!("the answer to an order named another: {why}"));
                    side.ladder.step(now, Event::Another(why))
                }
            },
            Err(error) => {
                self.note(format!("order {id}: {error}"));
                side.ladder.step(now, Event::Unread)
            }
        }
    }

    /// Whether an order that an answer named is the one that was sent, by its first read. Orders that are
    /// proven ours stay so.
    fn is_ours(&self, side: &Side, view: &OrderView) -> Result<(), String> {
        let Some(posting) = side.ladder.naming() else { return Ok(()) };
        let Some(rung) = side.rungs.iter().find(|rung| rung.number == posting.number) else { return Ok(()) };
        let name = self.name_of(rung);
        let mark = name
            .as_ref()
            .map_or_else(|| our_tag(self.scope.execution.application_tag.as_deref(), &[], &[]), Mark::Name);
        Fingerprint::of(side.record.package, rung, &rung.seen, mark).proves(view)
    }

    /// The name of a rung's order, where the broker shows names.
    fn name_of(&self, rung: &RungRecord) -> Option<OrderName> {
        self.broker.capabilities().names_orders.then(|| rung.order_name(self.date()))
    }

    /// Whether another order of the broker's replaces this one.
    fn linked(&mut self, side: &mut Side, id: &OrderId, listed: &Listed) -> Vec<Command> {
        let now = self.now();
        match listed {
            Ok(orders) => match recovery::successors(id, orders).first() {
                Some(by) => side.ladder.step(now, Event::Edited(recovery::edited(id, by))),
                None => side
                    .ladder
                    .step(now, Event::Unlinked { shown: orders.iter().any(|order| order.id == *id) }),
            },
            Err(error) => {
                self.note(format!("whether order {id} was edited is not known, the list failed: {error}"));
                side.ladder.step(now, Event::Unread)
            }
        }
    }

    fn cancel_answered(&mut self, id: &OrderId, reply: CancelReply) {
        match reply {
            CancelReply::Requested => {}
            CancelReply::Refused(why) => {
                self.note(format!("cancel of {id} refused, reading it until it is over: {why}"))
            }
            CancelReply::Unknown(why) => {
                self.note(format!("cancel of {id}: {why}; reading it until it is over"))
            }
        }
    }

    fn located(&mut self, side: &mut Side, posting: &Posting, listed: &Listed) -> Vec<Command> {
        let now = self.now();
        let Some(rung) = side.rungs.iter().find(|rung| rung.number == posting.number) else {
            return Vec::new();
        };
        match listed {
            Ok(orders) => {
                let name = self.name_of(rung);
                let tag = || our_tag(self.scope.execution.application_tag.as_deref(), orders, &self.sent);
                let mark = name.as_ref().map_or_else(tag, Mark::Name);
                let print = Fingerprint::of(side.record.package, rung, &rung.seen, mark);
                let found = print.matches(orders);
                if let (true, Some(row)) = (found.is_empty(), print.could_be(orders)) {
                    self.note(format!(
                        "an order of unknown outcome is looked for, and order {} does not read",
                        row.id
                    ));
                    return side.ladder.step(now, Event::Unread);
                }
                side.ladder.step(now, Event::Located(found))
            }
            Err(error) => {
                self.note(format!("an order of unknown outcome is looked for, the list failed: {error}"));
                side.ladder.step(now, Event::Unread)
            }
        }
    }

    /// Notes where a rung stands; [`Run::write_all`] brings it to the ledger.
    fn record(&mut self, side: &mut Side, command: Command) {
        let (number, state) = match command {
            Command::RecordNamed { posting, order } => (posting.number, RungState::Named { order }),
            Command::RecordAccepted { posting, order } => (posting.number, RungState::Accepted { order }),
            Command::RecordRefused { posting, reason } => (posting.number, RungState::Refused { reason }),
            Command::RecordUnknown { posting, reason } => (posting.number, RungState::Unknown { reason }),
            Command::RecordTerminal { posting, order } => (posting.number, recovery::terminal(*order)),
            _ => return,
        };
        self.sent.extend(state.order().cloned());
        if let RungState::Unknown { reason } = &state {
            self.note(format!("rung {number} of {}: outcome unknown: {reason}", side.record.key));
        }
        if let Some(rung) = side.rungs.iter_mut().find(|rung| rung.number == number) {
            rung.state = state;
            side.unwritten.insert(number);
        }
    }
}

/// The broker's orders, or why they are not known.
type Listed = Result<Vec<OrderView>, BrokerError>;

/// Quotes older than this are read again before an order is priced by them.
pub(super) const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// No order leaves later than this after the quotes it was priced by.
const OLDEST_WHEN_SENT: SignedDuration = SignedDuration::from_secs(3);

/// What goes out for all sides at once.
const fn asks_the_broker(command: &Command) -> bool {
    matches!(command, Command::Cancel(_) | Command::Read(_) | Command::Locate(_) | Command::Confirm(_))
}
