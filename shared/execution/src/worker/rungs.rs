//! Opening rungs: all sides share an interval of time; a side without a price opens late in it.

use futures_util::future::{join, join3};
use gamma_market::{Package, QuoteBook};
use jiff::{SignedDuration, Timestamp};

use super::orders::FRESH;
use super::work::{Check, PlanCheck, SHORT_CHECK_BUDGET, Side, untouched};
use super::{Account, Worker};
use crate::ladder::{Event, StopReason};
use crate::ports::BrokerError;
use crate::profile::seconds;
use crate::quotes;
use crate::schedule::share;

/// A check of the plan this long ago is as good as one right before the rung.
const JUST_CHECKED: SignedDuration = SignedDuration::from_secs(2);

/// The time that both sides share for one rung.
pub(super) struct Interval {
    pub(super) number: u32,
    /// Rungs of the plan that no interval was opened for yet.
    pub(super) rungs_left: usize,
    /// Until when its orders wait for fills.
    pub(super) closes: Timestamp,
    /// When the next one may begin: they are cancelled and proven by then.
    pub(super) ends: Timestamp,
    /// When a side without a price is asked about again.
    pub(super) again_at: Option<Timestamp>,
}

impl Worker<'_> {
    /// Opens the next rung for every side that is ready. Gives the row with which the signal has moved
    /// instead, when it has: looked at right before the rung, so that none opens on strikes that the feed no
    /// longer shows.
    pub(super) async fn open_rung<C: Send>(
        &mut self,
        sides: &mut [Side],
        account: &Account,
        check: Option<&dyn PlanCheck<Change = C>>,
        end: Timestamp,
        interval: &mut Interval,
    ) -> Option<C> {
        let execution = self.scope.execution;
        (interval.number, interval.closes, interval.ends, interval.again_at) =
            (interval.number + 1, self.now(), self.now(), None);
        if sides.iter().any(|side| side.ladder.in_doubt()) {
            self.stop(sides, &StopReason::OtherSideUnresolved).await;
            return None;
        }
        let check =
            check.filter(|_| untouched(sides) && self.now().duration_since(self.checked) > JUST_CHECKED);
        let packages: Vec<Package> =
            sides.iter().filter(|side| side.ladder.is_ready()).map(|side| side.record.package).collect();
        let just_read = self.quoted.take().filter(|(at, _)| self.now().duration_since(*at) <= FRESH);
        let quotes = async {
            match just_read {
                Some((at, book)) => (at, Ok(book)),
                None => self.quotes_of(&packages).await,
            }
        };
        let said = async {
            match check {
                Some(check) => check.check(SHORT_CHECK_BUDGET).await,
                None => Check::Same,
            }
        };
        let (stop, (read, quotes), said) = join3(self.may_not_open(), quotes, said).await;
        // What was read beside a slow ledger or feed may be old by now.
        let old = stop.is_none() && self.now().duration_since(read) > FRESH;
        let (read, quotes) = if old { self.quotes_of(&packages).await } else { (read, quotes) };
        let book = self.book(quotes);
        // Only now is it known how much time the reads have left: the rung must still be waited, cancelled
        // and confirmed.
        let share = share(self.now(), end, interval.rungs_left.max(1), execution);
        if let Some(reason) = stop.or_else(|| (share.rungs == 0).then_some(StopReason::TimeUp)) {
            self.stop(sides, &reason).await;
            return None;
        }
        if check.is_some()
            && let Some(change) = self.heed(said)
        {
            self.note("the signal moved before the next rung");
            return Some(change);
        }
        let now = self.now();
        let priced = |side: &&mut Side| quotes::package(&side.record.package, &book, now, execution).is_ok();
        if !sides.iter_mut().filter(|side| side.ladder.is_ready()).any(|side| priced(&side)) {
            // A gap in the quotes costs the time it lasts, not a rung; and an order of the other side is read
            // and cancelled meanwhile.
            interval.ends = self.now() + seconds(1);
            if sides.iter().all(|side| side.ladder.is_ready() || side.ladder.end().is_some()) {
                self.clock.sleep_until(interval.ends).await;
            }
            return None;
        }
        interval.rungs_left = interval.rungs_left.saturating_sub(1);
        interval.closes = self.now() + share.wait;
        interval.ends = interval.closes + seconds(execution.confirm_seconds);
        self.open_sides(sides, account, (read, &book), interval).await;
        None
    }

    /// Opens the rung of this interval for every side that is ready, has not had it, and has a price. Who has
    /// none is asked about again.
    pub(super) async fn open_sides(
        &mut self,
        sides: &mut [Side],
        account: &Account,
        (read, book): (Timestamp, &QuoteBook),
        interval: &mut Interval,
    ) {
        let execution = self.scope.execution;
        interval.again_at = None;
        for side in sides.iter_mut().filter(|side| side.ladder.is_ready() && side.interval != interval.number)
        {
            let now = self.now();
            if now + seconds(execution.least_rung_seconds) > interval.closes {
                continue;
            }
            let nbbo = match quotes::package(&side.record.package, book, now, execution) {
                Ok(nbbo) => nbbo,
                Err(fault) => {
                    if side.gap.as_ref() != Some(&fault) {
                        self.note(format!("{} waits for a price: {fault}", side.name()));
                        side.gap = Some(fault);
                    }
                    interval.again_at = Some(now + seconds(1));
                    continue;
                }
            };
            (side.closes, side.interval, side.quoted, side.gap) =
                (interval.closes, interval.number, read, None);
            let commands = side.ladder.step(now, Event::Open { nbbo, closes: interval.closes });
            self.carry_out(side, account, commands).await;
            // The id is durable before the other side's order goes out.
            let written = self.write_all(std::slice::from_mut(side)).await;
            self.note_all(written);
        }
    }

    /// A side that had no price when its interval began opens its rung as soon as it has one: a gap costs the
    /// time it lasts, not the interval. What holds for every rung holds for this one; gives the row with
    /// which the signal has moved meanwhile.
    pub(super) async fn open_late<C: Send>(
        &mut self,
        sides: &mut [Side],
        account: &Account,
        check: Option<&dyn PlanCheck<Change = C>>,
        interval: &mut Interval,
    ) -> Option<C> {
        interval.again_at = None;
        if sides.iter().any(|side| side.ladder.in_doubt()) {
            self.stop(sides, &StopReason::OtherSideUnresolved).await;
            return None;
        }
        let waits = |side: &&Side| side.ladder.is_ready() && side.interval != interval.number;
        let packages: Vec<Package> = sides.iter().filter(waits).map(|side| side.record.package).collect();
        if packages.is_empty() {
            return None;
        }
        let (stop, (read, quotes)) = join(self.may_not_open(), self.quotes_of(&packages)).await;
        if let Some(reason) = stop {
            self.stop(sides, &reason).await;
            return None;
        }
        let (book, now) = (self.book(quotes), self.now());
        let opens =
            packages.iter().any(|package| quotes::package(package, &book, now, self.scope.execution).is_ok());
        let check =
            check.filter(|_| opens && untouched(sides) && now.duration_since(self.checked) > JUST_CHECKED);
        if let Some(check) = check
            && let Some(change) = self.changed(check, SHORT_CHECK_BUDGET).await
        {
            self.note("the signal moved before the next rung");
            return Some(change);
        }
        self.open_sides(sides, account, (read, &book), interval).await;
        None
    }

    /// A read that failed is an empty book.
    pub(super) fn book(&mut self, quotes: Result<QuoteBook, BrokerError>) -> QuoteBook {
        quotes.unwrap_or_else(|error| {
            self.note(format!("quotes: {error}"));
            QuoteBook::new()
        })
    }

    /// Halt, arming and lease are read at every rung.
    async fn may_not_open(&self) -> Option<StopReason> {
        if let Some(reason) = self.forbidden().await {
            return Some(reason);
        }
        self.renew().await.err().map(|error| StopReason::LeaseLost(error.to_string()))
    }
}
