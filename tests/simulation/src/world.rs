//! The world that several deliveries share: one time, one table, one broker, one parameter store, and the
//! calls on their way.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use gamma_execution::ports::PendingHandoff;
use gamma_market::SignalRow;
use gamma_memory_table::MemoryTable;

use crate::chance::Chance;
use crate::exchange::{Exchange, Ms};
use crate::fault::{Fault, Kind, Step};
use crate::store::Store;

/// What is true, whoever knows it.
#[derive(Debug, Default)]
pub struct Truth {
    /// The ledger's table.
    pub table: MemoryTable,
    /// The broker.
    pub exchange: Exchange,
    /// The parameter store and the broker's token endpoint.
    pub store: Store,
    /// What the feed shows from when on.
    pub feed: Vec<(Ms, SignalRow)>,
    /// What consumers were given, once or more often.
    pub handed: BTreeSet<PendingHandoff>,
}

/// Which faults strike.
#[derive(Debug, Default, Clone)]
pub struct Faults {
    /// So many calls in a thousand, whatever they are.
    pub per_mille: i64,
    /// These, each at its step's so-many-eth time from 0.
    pub aimed: Vec<(Step, Fault, u32)>,
    /// This one at the so-many-eth call of all, from 0.
    pub at_call: Option<(u32, Fault)>,
    /// Orders reach the broker whatever happens.
    pub orders_arrive: bool,
    /// Every call of such a step fails between the two times.
    pub outage: Option<Outage>,
    /// Outages that answer with something else than a failure.
    pub answered: Vec<(Outage, Fault)>,
    /// What chance picks may be unkind.
    pub unkind: bool,
    /// From then on nothing goes wrong.
    pub calm: Option<Ms>,
}

/// Which steps fail, from when until when.
pub type Outage = (fn(Step) -> bool, Ms, Ms);

/// How a call failed, seen from its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No answer came.
    TimedOut,
    /// It was answered with this fault.
    Answered(Fault),
}

/// A call on its way.
type Effect = Box<dyn FnMut(&mut Truth, Ms) + Send>;

/// The world, behind its lock.
#[derive(Debug)]
pub struct World(Mutex<Inner>);

/// The world.
pub struct Inner {
    /// The true time.
    pub now: Ms,
    /// What is true.
    pub truth: Truth,
    /// Chance of this world.
    pub chance: Chance,
    /// Which faults strike.
    pub faults: Faults,
    /// Which did: by step and fault.
    pub hits: BTreeMap<(Step, Fault), u32>,
    /// Calls made, by step.
    pub calls: BTreeMap<Step, u32>,
    /// Every call in its order, when they are wanted.
    pub order: Vec<Step>,
    /// When an operator halted or disarmed which account.
    pub stopped: Vec<(Ms, usize)>,
    /// What must never be, and was.
    pub violations: Vec<String>,
    /// Violations with any of these words are known, and looked behind.
    pub known: Vec<String>,
    /// The story, when it is wanted.
    pub story: Option<Vec<String>>,
    queue: BTreeMap<(Ms, u64), Effect>,
    sequence: u64,
    timers: BTreeMap<(Ms, u64), Waker>,
    pub(crate) dies: Vec<Option<Ms>>,
    /// Until when each run stands still.
    pub(crate) stalls: Vec<Ms>,
    made: u32,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What became of a call, as it will be known at `end`.
struct Begun<T> {
    slot: Arc<Mutex<Option<T>>>,
    end: Ms,
    failure: Option<Failure>,
}

impl World {
    /// A world at `now`.
    #[must_use]
    pub fn new(now: Ms, truth: Truth, chance: Chance, faults: Faults) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            now,
            truth,
            chance,
            faults,
            hits: BTreeMap::new(),
            calls: BTreeMap::new(),
            order: Vec::new(),
            stopped: Vec::new(),
            violations: Vec::new(),
            known: Vec::new(),
            story: None,
            queue: BTreeMap::new(),
            sequence: 0,
            timers: BTreeMap::new(),
            dies: Vec::new(),
            stalls: Vec::new(),
            made: 0,
        })))
    }

    /// Looks into the world.
    pub fn look(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call for `run`: it takes its time, and what goes wrong goes wrong. `patience` is how long the
    /// caller waits.
    pub(crate) async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        run: usize,
        step: Step,
        patience: Ms,
        effect: impl FnMut(&mut Truth, Ms, Option<Fault>) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let begun = self.look().begin(run, step, patience, effect);
        self.until(run, begun.end).await;
        if let Some(failure) = begun.failure {
            return Err(failure);
        }
        let answer = begun.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(answer.expect("a call that did not fail took effect before its answer"))
    }

    /// Waits for a true time.
    pub(crate) fn until(self: &Arc<Self>, run: usize, at: Ms) -> impl Future<Output = ()> + Send + '_ {
        Until { world: self, run, at, timer: None }
    }
}

struct Until<'a> {
    world: &'a Arc<World>,
    run: usize,
    at: Ms,
    timer: Option<(Ms, u64)>,
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            self.world.look().timers.remove(&timer);
        }
    }
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let world = Arc::clone(self.world);
        let mut inner = world.look();
        if inner.now >= self.at && inner.dies[self.run].is_none_or(|at| at > inner.now) {
            return Poll::Ready(());
        }
        // The waker is the newest one: whoever polls may have changed.
        inner.sequence += 1;
        let timer = self.timer.unwrap_or((self.at, inner.sequence));
        self.timer = Some(timer);
        inner.timers.insert(timer, context.waker().clone());
        Poll::Pending
    }
}

impl Inner {
    /// A line of the story.
    pub fn say(&mut self, words: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(story) = &mut self.story {
            let mut line = String::new();
            let of_day = now.rem_euclid(86_400_000) - 4 * 3_600_000;
            let (seconds, millis) = (of_day.div_euclid(1000), of_day.rem_euclid(1000));
            let _ = write!(
                line,
                "{:02}:{:02}:{:02}.{millis:03}  {}",
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60,
                words()
            );
            story.push(line);
        }
    }

    /// Something that must never be.
    pub fn violated(&mut self, words: impl FnOnce() -> String) {
        let words = words();
        if self.known.iter().any(|known| words.contains(known.as_str())) {
            return self.say(|| format!("KNOWN {words}"));
        }
        self.say(|| format!("VIOLATION {words}"));
        self.violations.push(words);
    }

    fn strike(&mut self, step: Step) -> Option<Fault> {
        let (call, number) =
            (self.made, *self.calls.entry(step).and_modify(|count| *count += 1).or_insert(1) - 1);
        self.made += 1;
        self.order.push(step);
        if self.faults.calm.is_some_and(|calm| self.now >= calm) {
            return None;
        }
        let on = |(of, from, to): &Outage| of(step) && *from <= self.now && self.now < *to;
        let answered = self
            .faults
            .answered
            .iter()
            .find(|(outage, fault)| on(outage) && step.1.may(*fault))
            .map(|(_, fault)| *fault);
        let outage = self.faults.outage.filter(on).map(|_| Fault::Fails).or(answered);
        let aimed = self
            .faults
            .aimed
            .iter()
            .find(|(at, _, which)| *at == step && *which == number)
            .map(|(_, fault, _)| *fault);
        let at_call = self.faults.at_call.filter(|(at, _)| *at == call).map(|(_, fault)| fault);
        if self.faults.orders_arrive && step.1 == Kind::Place {
            // What never reached the broker may be sent again, and an order that it took is found.
            let fault = aimed
                .or(answered)
                .filter(|fault| matches!(fault, Fault::Page | Fault::Unauthorized | Fault::NamesAnother))?;
            *self.hits.entry((step, fault)).or_default() += 1;
            return Some(fault);
        }
        let by_chance =
            |inner: &mut Self| inner.chance.per_mille(inner.faults.per_mille).then(|| inner.any_of(step.1));
        let fault = outage
            .or(aimed)
            .or(at_call)
            .or_else(|| if self.faults.per_mille > 0 { by_chance(self) } else { None });
        let fault = fault.filter(|fault| step.1.may(*fault));
        if let Some(fault) = fault {
            *self.hits.entry((step, fault)).or_default() += 1;
        }
        fault
    }

    fn any_of(&mut self, kind: Kind) -> Fault {
        let more: &[Fault] = if self.faults.unkind { kind.unkind() } else { &[] };
        let all = kind.faults().len() + more.len();
        let at = usize::try_from(self.chance.below(i64::try_from(all).unwrap_or(1))).unwrap_or(0);
        kind.faults().iter().chain(more).nth(at).copied().unwrap_or(Fault::Slow)
    }

    fn begin<T: Send + 'static>(
        &mut self,
        run: usize,
        step: Step,
        patience: Ms,
        mut effect: impl FnMut(&mut Truth, Ms, Option<Fault>) -> T + Send + 'static,
    ) -> Begun<T> {
        let fault = self.strike(step);
        // An answer comes after its effect.
        let (there, back) = (self.chance.below(40), self.chance.between(1, 40));
        let (mut arrives, mut end) = (self.now + there, self.now + there + back);
        let lasts = self.chance.below(patience - there - back);
        let mut failure = fault.map(Failure::Answered);
        let mut again = None;
        match fault {
            None => {}
            Some(Fault::Slow) => (end, failure) = (end + lasts, None),
            Some(Fault::Late) => (arrives, end, failure) = (arrives + lasts, end + lasts, None),
            Some(Fault::LostBefore) => {
                (arrives, end, failure) = (Ms::MAX, self.now + patience, Some(Failure::TimedOut))
            }
            Some(Fault::LostAfter) => (end, failure) = (self.now + patience, Some(Failure::TimedOut)),
            Some(Fault::Afterwards) => {
                end = self.now + patience;
                (arrives, failure) = (end + self.chance.between(1, 12_000), Some(Failure::TimedOut));
            }
            Some(Fault::Twice) => {
                let later = self.chance.between(1, 800);
                (again, end, failure) = (Some(arrives), end + later, None);
                arrives += later;
            }
            Some(Fault::FailsAfter | Fault::NoId) => {}
            Some(
                Fault::Unseen
                | Fault::Odd
                | Fault::Unattached
                | Fault::Empty
                | Fault::NamesAnother
                | Fault::NamesInstead,
            ) => failure = None,
            Some(
                Fault::Fails
                | Fault::Unauthorized
                | Fault::TooMany
                | Fault::NotConnected
                | Fault::Refused
                | Fault::Garbled
                | Fault::Page
                | Fault::NotFound,
            ) => arrives = Ms::MAX,
            Some(Fault::Stalls) => {
                failure = None;
                self.stalls[run] = self.now + self.chance.between(21_000, 45_000);
            }
            Some(Fault::DiesBefore) => {
                arrives = Ms::MAX;
                self.dies[run] = Some(self.now);
            }
            Some(Fault::DiesAfter) => self.dies[run] = Some(arrives),
        }
        self.say(|| {
            format!(
                "run {run}  {step}{}",
                fault.map_or(String::new(), |fault| format!("  <- {}", fault.to_string().to_uppercase()))
            )
        });
        let slot = Arc::new(Mutex::new(None));
        let fills = Arc::clone(&slot);
        let mut take = move |truth: &mut Truth, now: Ms| {
            let answer = effect(truth, now, fault);
            *fills.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        };
        if let Some(first) = again {
            // Both arrivals are the same call, so both belong to the same closure.
            let shared = Arc::new(Mutex::new(take));
            let other = Arc::clone(&shared);
            self.send(
                first,
                Box::new(move |truth, now| other.lock().unwrap_or_else(PoisonError::into_inner)(truth, now)),
            );
            self.send(
                arrives,
                Box::new(move |truth, now| shared.lock().unwrap_or_else(PoisonError::into_inner)(truth, now)),
            );
        } else if arrives < Ms::MAX {
            self.send(arrives, Box::new(move |truth, now| take(truth, now)));
        }
        Begun { slot, end, failure }
    }

    fn send(&mut self, arrives: Ms, effect: Effect) {
        self.sequence += 1;
        self.queue.insert((arrives, self.sequence), effect);
    }

    /// When the next call arrives, or the next wait is over.
    pub(crate) fn next(&self) -> Option<Ms> {
        let arrival = self.queue.first_key_value().map(|((at, _), _)| *at);
        let timer = self.timers.first_key_value().map(|((at, _), _)| *at);
        arrival.into_iter().chain(timer).min()
    }

    /// Wakes whoever's wait is over.
    pub(crate) fn wake(&mut self) {
        while let Some(timer) = self.timers.first_entry().filter(|timer| timer.key().0 <= self.now) {
            timer.remove().wake();
        }
    }

    /// One call that is due takes effect; whether there was one.
    pub(crate) fn arrive(&mut self) -> bool {
        self.truth.exchange.advance(self.now);
        let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= self.now) else {
            return false;
        };
        let mut effect = entry.remove();
        effect(&mut self.truth, self.now);
        true
    }
}
