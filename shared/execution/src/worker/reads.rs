//! What the broker is asked before anything is sent, and after everything is over: reads that no order waits
//! for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::{join, join_all, join3};
use gamma_market::calendar::at_eastern;
use gamma_market::{OptionSymbol, Package, PackageNbbo, QuoteBook};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{WorkError, Worker};
use crate::approval::{Approved, Book, Intent, approve, unbounded_expiries};
use crate::ports::{AccountSnapshot, BrokerError, BrokerFault, LoadedDay, OrderId, OrderView};
use crate::profile::seconds;
use crate::schedule::share;
use crate::{last_look, quotes, recovery};

/// How often the broker is asked before a decision or a recovery, a second apart, whatever its adapter tries
/// by itself.
const READ_TRIES: u32 = 3;

/// How long a read before trading is tried, as long as a rung still fits.
const READ_PATIENCE: Duration = Duration::from_secs(20);

/// How long one side waits for the quotes of the other before it trades without it.
const GAP_PATIENCE: Duration = Duration::from_secs(10);

/// Adapters answer or fail within this time. What comes later came to a process that stood still, and is as
/// old as the question.
const PROMPT: SignedDuration = SignedDuration::from_secs(6);

/// The most orders and positions that are noted one by one.
const MOST_NOTED: usize = 20;

/// The account as the broker shows it before the decision.
pub struct Account {
    /// Equity and positions.
    pub snapshot: AccountSnapshot,
    /// Today's orders, and those that work whenever they were entered.
    orders: Vec<OrderView>,
    /// Net contracts that the ledger's fills of the day made.
    ledger: BTreeMap<OptionSymbol, i64>,
    /// What the ledger expects to be held of the contracts that it has worked today.
    expected: BTreeMap<OptionSymbol, i64>,
    /// Orders of the day that are known to be ours, however stale the list that shows them.
    ours: Vec<OrderId>,
}

impl Account {
    /// Orders that work, or may work, and are not ours.
    fn working(&self) -> impl Iterator<Item = &OrderView> {
        self.orders.iter().filter(|order| !order.status.is_terminal() && !self.ours.contains(&order.id))
    }

    /// Which of these contracts are touched by orders that work and are not ours.
    fn foreign(&self, wanted: &[Wanted]) -> BTreeSet<OptionSymbol> {
        let legs = wanted.iter().flat_map(|wanted| wanted.package.symbols());
        legs.filter(|symbol| self.working().any(|order| order.may_touch(*symbol))).collect()
    }

    pub(super) fn seen(&self) -> Vec<OrderId> {
        self.orders.iter().map(|order| order.id.clone()).collect()
    }
}

/// A package that a strategy wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What is to be traded.
    pub package: Package,
    /// Packages, 1 or more.
    pub quantity: u32,
    /// When its series stops trading, where that is known to be before the last one does.
    pub closes: Option<Timestamp>,
}

/// What approval says of one package.
#[derive(Debug)]
pub struct Verdict {
    /// The quotes at decision time, where they make a price.
    pub nbbo: Option<PackageNbbo>,
    /// The intent, or why there is none, in words.
    pub intent: Result<Approved<Intent>, String>,
}

impl Worker<'_> {
    /// What the account holds, what was ordered today, and what works, whenever it was ordered: three
    /// questions, asked at once.
    ///
    /// # Errors
    /// [`BrokerError`] when one of them was not answered.
    pub async fn account(&mut self, day: &LoadedDay) -> Result<Account, BrokerError> {
        let (broker, (from, to)) = (self.broker, self.today());
        broker.expect_quotes();
        let account = self.patiently(async || broker.account().await);
        let orders = self.patiently(async || broker.orders(from, to).await);
        let working = self.patiently(async || broker.working_orders().await);
        let (snapshot, orders, working) = join3(account, orders, working).await;
        let (snapshot, orders, working) = (snapshot?, orders?, working?);
        let ours = day.known_orders().into_iter().chain(self.sent.iter().cloned()).collect();
        let account = Account {
            snapshot,
            orders: recovery::merged(orders, working.orders),
            ledger: day.fills(),
            expected: last_look::expected(day),
            ours,
        };
        for expiry in unbounded_expiries(&account.snapshot.positions) {
            self.note(format!("the account already holds more short than long calls of {expiry}: its loss has no floor, and it is not ours"));
        }
        if let Some(since) = working.since {
            self.remark(format!("the broker shows working orders that were entered since {since}"));
        }
        let strange = |order: &OrderView| match &order.unreadable {
            Some(why) => {
                format!("order {} is not ours and does not read, it may be working: {why}", order.id)
            }
            None => format!("order {} is working and not ours; it is left alone", order.id),
        };
        self.note_some("working orders", account.working().map(strange).collect());
        let unread = account
            .snapshot
            .unreadable
            .iter()
            .map(|words| format!("a position that is not ours does not read: {words}"));
        self.note_some("positions", unread.collect());
        Ok(account)
    }

    /// Notes the first of many.
    fn note_some(&mut self, what: &str, notes: Vec<String>) {
        let rest = notes.len().saturating_sub(MOST_NOTED);
        self.note_all(notes.into_iter().take(MOST_NOTED));
        if rest > 0 {
            self.note(format!("{rest} more {what} are not ours"));
        }
    }

    /// The trade date from midnight New York until a little after now, or until it was over.
    pub(super) fn today(&self) -> (Timestamp, Timestamp) {
        let midnight = |date| at_eastern(date, jiff::civil::Time::midnight());
        let over = self.date().tomorrow().map_or(Timestamp::MAX, midnight);
        (midnight(self.date()), (self.now() + SignedDuration::from_secs(60)).min(over))
    }

    /// The day's orders, and those that work: one of the two lists may be late. The second is worth a note
    /// when it fails, no more.
    ///
    /// # Errors
    /// [`BrokerError`] when the day's orders could not be listed.
    pub async fn shown_orders(&mut self) -> Result<Vec<OrderView>, BrokerError> {
        let (from, to) = self.today();
        let broker = self.broker;
        let (orders, working) =
            join(self.patiently(async || broker.orders(from, to).await), broker.working_orders()).await;
        let working = working.unwrap_or_else(|error| {
            self.note(format!("working orders could not be listed, today's are: {error}"));
            Default::default()
        });
        let mut all = recovery::merged(orders?, working.orders);
        // An order of another day is none of this day's.
        all.retain(|order| order.entered.is_none_or(|entered| from <= entered && entered <= to));
        Ok(all)
    }

    /// The trade date, where orders carry the names of their rungs.
    #[must_use]
    pub fn names_of(&self) -> Option<Date> {
        self.broker.capabilities().names_orders.then(|| self.date())
    }

    /// Quotes of every leg in one batched read, and of those that it did not answer, or not well enough for a
    /// price, one by one. When the answer was made, as far as that is known, stands beside it.
    pub(super) async fn quotes_of(
        &self,
        packages: &[Package],
    ) -> (Timestamp, Result<QuoteBook, BrokerError>) {
        let broker = self.broker;
        let legs: BTreeSet<_> = packages.iter().flat_map(Package::symbols).collect();
        let asked = self.now();
        let mut book = match broker.quotes(&legs.into_iter().collect::<Vec<_>>()).await {
            Ok(book) => book,
            Err(error) => return (self.now(), Err(error)),
        };
        let read = if self.now().duration_since(asked) > PROMPT { asked } else { self.now() };
        let gaps = quotes::gaps(packages, &book, read, self.scope.execution);
        for single in join_all(gaps.iter().map(async |leg| broker.quotes(&[*leg]).await)).await {
            // A leg that does not answer alone either stays as it is.
            book.extend(single.unwrap_or_default());
        }
        (read, Ok(book))
    }

    /// Quotes of every leg before anything is sent. Incomplete ones are asked for again: while every side has
    /// a gap as long as a rung still fits, and else as long as the side that has a price loses nothing by it.
    async fn whole_quotes(&mut self, wanted: &[Wanted]) -> Result<(Timestamp, QuoteBook), WorkError> {
        let execution = self.scope.execution;
        let packages: Vec<Package> = wanted.iter().map(|wanted| wanted.package).collect();
        let end = self.end_of_trading(wanted.first().and_then(|first| first.closes));
        let clock = self.clock;
        let fits = |rungs: usize| share(clock.now() + seconds(1), end, rungs, execution).rungs == rungs;
        let patient_until = self.now() + GAP_PATIENCE;
        loop {
            let (read, answer) = self
                .patiently(async || {
                    let (read, answer) = self.quotes_of(&packages).await;
                    answer.map(|answer| (read, answer))
                })
                .await?;
            let has_price = |package: &Package| quotes::package(package, &answer, read, execution).is_ok();
            let priced = packages.iter().filter(|package| has_price(package)).count();
            let goes_on = match priced {
                0 => fits(1),
                some if some < packages.len() => {
                    self.now() < patient_until && fits(execution.rung_offsets.len())
                }
                _ => false,
            };
            if !goes_on {
                return Ok((read, answer));
            }
            tracing::warn!(run_id = %self.scope.run_id, priced, "legs without a quote that makes a price; asking again");
            self.clock.sleep_until(self.now() + seconds(1)).await;
            self.renew().await?;
        }
    }

    /// Approves packages in their order, each beside those approved before it, at quotes that are read for
    /// all of them.
    ///
    /// # Errors
    /// [`WorkError`] when there are no quotes at all, or the lease is lost meanwhile.
    pub async fn approve(
        &mut self,
        account: &Account,
        equity: Decimal,
        wanted: &[Wanted],
    ) -> Result<Vec<Verdict>, WorkError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let (read, quotes) = self.whole_quotes(wanted).await?;
        let (foreign, capabilities, execution) =
            (account.foreign(wanted), self.broker.capabilities(), self.scope.execution);
        let mut approved: Vec<Approved<Intent>> = Vec::new();
        let mut verdicts = Vec::new();
        for Wanted { package, quantity, .. } in wanted {
            let nbbo = quotes::package(package, &quotes, read, execution);
            let positions = &account.snapshot.positions;
            let book = Book {
                equity,
                positions,
                approved: &approved,
                foreign: &foreign,
                ledger: &account.ledger,
                expected: &account.expected,
                capabilities,
            };
            let intent = match &nbbo {
                Ok(nbbo) => approve(*package, *quantity, *nbbo, book, execution.limits())
                    .map_err(|refusal| refusal.to_string()),
                Err(fault) => Err(format!("no price: {fault}")),
            };
            approved.extend(intent.iter().cloned());
            verdicts.push(Verdict { nbbo: nbbo.ok(), intent });
        }
        self.quoted = Some((read, quotes));
        Ok(verdicts)
    }

    /// A read of the broker that no order of this run waits for. What may pass is waited out within the time
    /// there is: an outage, a 401 (the adapter has refreshed its token by then), a page of the edge. Other
    /// refusals are asked about a few times, for half an answer reads like one.
    ///
    /// # Errors
    /// The last [`BrokerError`].
    pub async fn patiently<T>(
        &self,
        read: impl AsyncFn() -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        let execution = self.scope.execution;
        let began = self.now();
        let mut tries = 1;
        loop {
            let error = match read().await {
                Err(error) if !matches!(error.fault, BrokerFault::TokenDead(_)) => error,
                result => return result,
            };
            let passes = error.fault.may_pass() || matches!(error.fault, BrokerFault::Unauthorized(_));
            let next = self.now() + seconds(1);
            let in_time = next < began + READ_PATIENCE
                && share(next, self.end_of_trading(None), 1, execution).rungs > 0;
            // After the close nothing is in a hurry, and nobody waits for ever either.
            if tries >= READ_TRIES && !(passes && in_time) {
                return Err(error);
            }
            tracing::warn!("{error}; trying again");
            tries += 1;
            self.clock.sleep_until(next).await;
        }
    }
}
