//! Playing a scenario: deliveries side by side, one step of one of them at a time, in an order that chance
//! picks. Time moves only when all wait. No thread, no clock, no sleep.

mod judge;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use gamma_cloud::table::{AttributeValue, Item, Key};
use gamma_execution::ports::Consumer;
use gamma_execution::report::{Outcome, RunReport};
use gamma_execution::run::{AccountProfile, Resolve, RunRequest, Task};
use gamma_execution::tokens::TokenSaved;
use gamma_market::Right;
use gamma_market::calendar::Calendar;
use gamma_memory_table::MemoryTable;
use jiff::Timestamp;

use crate::chance::Chance;
use crate::delivery::deliver;
use crate::exchange::{Exchange, Ms};
use crate::fault::{Fault, Step};
use crate::hand::{Hand, Who};
use crate::invariants::at_the_end;
use crate::reference::Reference;
use crate::scenario::{CLOSES, Delivery, Happening, SCHEDULED, Scenario, TAG, profile, quotes};
use crate::store::{Store, document, undated};
use crate::world::{Inner, Truth, World};

/// The most steps one scenario may take: beyond them somebody runs in circles.
const MOST_STEPS: u32 = 60_000;

/// How one delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// With this outcome's name.
    Outcome(&'static str),
    /// Its secrets could not be read.
    NoSecrets,
    /// It died.
    Died,
}

/// What came of a scenario.
#[derive(Debug, Default)]
pub struct Played {
    /// What must never be, and was.
    pub violations: Vec<String>,
    /// How deliveries ended: the task's name and the end, in the order of their beginning.
    pub ends: Vec<(&'static str, End)>,
    /// What each account's day came to, by the broker's books.
    pub days: Vec<&'static str>,
    /// Packages filled, by account and side.
    pub filled: BTreeMap<(usize, bool), u32>,
    /// Which faults struck.
    pub hits: BTreeMap<(Step, Fault), u32>,
    /// Every call, in order.
    pub order: Vec<Step>,
    /// The story, when it was wanted.
    pub story: Vec<String>,
}

struct Live {
    who: Arc<Who>,
    task: &'static str,
    end: Option<End>,
    outcome: Option<Outcome>,
    alarm: bool,
    token: Option<TokenSaved>,
    until: Ms,
    woken: Arc<Woken>,
    future: Option<Running>,
}

type Running = Pin<Box<dyn Future<Output = Option<RunReport>>>>;

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Play<'a> {
    scenario: &'a Scenario,
    world: Arc<World>,
    reference: Reference,
    runs: Vec<Live>,
    agenda: BTreeMap<(Ms, usize), Delivery>,
    happenings: BTreeMap<(Ms, usize), Happening>,
    profile: Arc<AccountProfile>,
    again: BTreeMap<usize, u32>,
    sequence: usize,
}

/// Plays `scenario`; tells its story when `story`.
#[must_use]
pub fn play(scenario: &Scenario, story: bool) -> Played {
    let mut play = Play::new(scenario, story);
    let mut steps = 0;
    while play.step() {
        steps += 1;
        if steps > MOST_STEPS {
            play.world.look().violated(|| "it never ends".to_owned());
        }
        if !play.world.look().violations.is_empty() {
            break;
        }
    }
    play.end()
}

impl<'a> Play<'a> {
    fn new(scenario: &'a Scenario, story: bool) -> Self {
        let mut exchange = Exchange {
            markets: scenario.markets.clone(),
            quotes: quotes(),
            closes: CLOSES,
            tag: TAG,
            gap: scenario.gap,
            ..Exchange::default()
        };
        exchange.lies.clone_from(&scenario.lies);
        exchange.moves.clone_from(&scenario.moves);
        let (mut table, mut store) = (MemoryTable::default(), Store::default());
        for (number, account) in scenario.accounts.iter().enumerate() {
            operator(&mut table, account.name, "arming", ("armed", true));
            let ends = scenario.token_ends / 1000;
            let first = if account.names_orders && scenario.undated {
                undated()
            } else {
                document(1_756_800_000, ends)
            };
            store.documents.insert(account.token.to_owned(), vec![first]);
            if account.names_orders {
                exchange.names.insert(number);
            }
            if account.held > 0 {
                let held = exchange.held.entry(number).or_default();
                for leg in scenario.plans[&number][0]
                    .iter()
                    .filter(|(vertical, _)| vertical.right() == Right::Put)
                    .flat_map(|(vertical, _)| vertical.legs())
                {
                    held.insert(leg.symbol, leg.action.sign() * i64::from(account.held));
                }
            }
        }
        let truth = Truth { table, exchange, store, feed: scenario.feed.clone(), handed: BTreeSet::new() };
        let world =
            World::new(SCHEDULED - 1000, truth, Chance::of(scenario.seed, 2), scenario.faults.clone());
        world.look().story = story.then(Vec::new);
        world.look().known.clone_from(&scenario.known);
        let agenda = scenario
            .deliveries
            .iter()
            .enumerate()
            .map(|(number, delivery)| ((delivery.at, number), delivery.clone()))
            .collect();
        let happenings = scenario
            .happenings
            .iter()
            .enumerate()
            .map(|(number, (at, what))| ((*at, number), what.clone()))
            .collect();
        let reference = Reference::before(scenario.plans.clone());
        Self {
            scenario,
            world,
            reference,
            runs: Vec::new(),
            agenda,
            happenings,
            profile: Arc::new(profile(scenario.tag_known)),
            again: BTreeMap::new(),
            sequence: 1000,
        }
    }

    /// One thing happens; whether there was anything left to happen.
    fn step(&mut self) -> bool {
        self.bury();
        let now = self.world.look().now;
        if let Some(at) = self.agenda.first_key_value().map(|(at, _)| *at).filter(|(at, _)| *at <= now) {
            let delivery = self.agenda.remove(&at).expect("it was just looked at");
            self.begin(&delivery);
            return true;
        }
        if let Some(at) = self.happenings.first_key_value().map(|(at, _)| *at).filter(|(at, _)| *at <= now) {
            let happening = self.happenings.remove(&at).expect("it was just looked at");
            happen(&mut self.world.look(), self.scenario, &happening);
            return true;
        }
        if self.world.look().arrive() {
            self.check();
            return true;
        }
        self.world.look().wake();
        let ready: Vec<usize> = self.ready();
        if ready.is_empty() {
            return self.wait(now);
        }
        let run = *self.world.look().chance.pick(&ready);
        self.poll(run);
        self.check();
        true
    }

    fn ready(&self) -> Vec<usize> {
        let inner = self.world.look();
        let wants = |run: &usize| {
            self.runs[*run].future.is_some()
                && self.runs[*run].woken.0.load(Ordering::Relaxed)
                && inner.stalls[*run] <= inner.now
        };
        (0..self.runs.len()).filter(wants).collect()
    }

    /// Nobody can go on: time moves to whatever comes next.
    fn wait(&mut self, now: Ms) -> bool {
        let mut inner = self.world.look();
        let alive = self.runs.iter().enumerate().filter(|(_, run)| run.future.is_some());
        let ends = alive
            .flat_map(|(number, run)| [Some(run.until), inner.dies[number], Some(inner.stalls[number])])
            .flatten();
        let next = ends
            .chain(inner.next())
            .chain(self.agenda.first_key_value().map(|((at, _), _)| *at))
            .chain(self.happenings.first_key_value().map(|((at, _), _)| *at))
            .filter(|at| *at > now && *at < Ms::MAX)
            .min();
        let Some(next) = next else { return false };
        inner.now = next;
        inner.truth.exchange.advance(next);
        drop(inner);
        self.check();
        true
    }

    fn begin(&mut self, delivery: &Delivery) {
        let number = self.runs.len();
        let account = &self.scenario.accounts[delivery.account];
        let (now, deadline) = {
            let mut inner = self.world.look();
            inner.dies.push(None);
            inner.stalls.push(Ms::MIN);
            let (now, name) = (inner.now, account.name);
            inner.say(|| {
                format!(
                    "run {number}  begins: {} for {name}, its clock is {} ms ahead",
                    delivery.task.name(),
                    delivery.skew
                )
            });
            (now, now + self.scenario.function)
        };
        let live = matches!(delivery.task, Task::Trade { dry_run: false, .. });
        let who = Arc::new(Who {
            run: number,
            account: delivery.account,
            name: account.name.to_owned(),
            run_id: format!("run-{number}"),
            skew: delivery.skew,
            token: account.token.to_owned(),
            began: now,
            until: deadline,
            may_send: live && now + delivery.skew - SCHEDULED <= 120_500,
        });
        let hand = Hand { world: Arc::clone(&self.world), who: Arc::clone(&who) };
        let request = RunRequest {
            account: account.name.to_owned(),
            run_id: who.run_id.clone(),
            deployment_live: true,
            deadline: Timestamp::from_millisecond(deadline + delivery.skew).expect("a time of this century"),
            task: self.decided(delivery),
            consumers: Consumer::ALL.to_vec(),
            calendar: Ok(Calendar::default()),
        };
        let (profile, account) = (Arc::clone(&self.profile), account.clone());
        let future: Running = Box::pin(async move { deliver(hand, request, profile, account).await });
        let (task, woken) = (delivery.task.name(), Arc::new(Woken(AtomicBool::new(true))));
        self.runs.push(Live {
            who,
            task,
            end: None,
            outcome: None,
            alarm: false,
            token: None,
            until: deadline,
            woken,
            future: Some(future),
        });
    }

    /// The operator decides by what the broker's books say.
    fn decided(&self, delivery: &Delivery) -> Task {
        match &delivery.task {
            Task::Resolve(resolve) => Task::Resolve(Resolve {
                filled: self.reference.filled(delivery.account, resolve.side),
                ..resolve.clone()
            }),
            task => task.clone(),
        }
    }

    fn poll(&mut self, number: usize) {
        let run = &mut self.runs[number];
        run.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&run.woken));
        let Some(future) = run.future.as_mut() else { return };
        let Poll::Ready(report) = future.as_mut().poll(&mut Context::from_waker(&waker)) else { return };
        run.future = None;
        run.end = Some(report.as_ref().map_or(End::NoSecrets, |report| End::Outcome(report.outcome.name())));
        if let Some(report) = report {
            run.outcome = Some(report.outcome);
            run.alarm = report.alarm;
            run.token = Some(report.token.clone());
            let who = Arc::clone(&run.who);
            self.check();
            at_the_end(&mut self.world.look(), &self.reference, &who, &report);
        }
    }

    /// Those that have died, by a fault or because their time is over, are gone; they may be delivered again.
    fn bury(&mut self) {
        let now = self.world.look().now;
        for number in 0..self.runs.len() {
            let died = self.world.look().dies[number].is_some_and(|at| at <= now);
            let run = &mut self.runs[number];
            if run.future.is_none() || !(died || run.until <= now) {
                continue;
            }
            run.future = None;
            run.end = Some(End::Died);
            let (account, task) = (run.who.account, self.task_of(number));
            let mut inner = self.world.look();
            inner.say(|| format!("run {number}  DIED"));
            let times = self.again.entry(account).or_default();
            if *times < 3 && inner.chance.per_mille(self.scenario.redelivered) {
                *times += 1;
                let at = now + if inner.chance.per_mille(500) { 0 } else { inner.chance.below(20_000) };
                let skew = inner.chance.between(-1000, 1000);
                drop(inner);
                self.sequence += 1;
                self.agenda.insert((at, self.sequence), Delivery { at, account, task, skew });
            }
        }
    }

    fn task_of(&self, number: usize) -> Task {
        if self.runs[number].task != "trade" {
            Task::Sweep { date: None }
        } else {
            crate::scenario::trade(!self.runs[number].who.may_send)
        }
    }

    /// What happened at the broker since the last step is held against the reference.
    fn check(&mut self) {
        let mut inner = self.world.look();
        for event in std::mem::take(&mut inner.truth.exchange.tape) {
            inner.say(|| format!("        broker: {event:?}"));
            if let Err(words) = self.reference.take(&event) {
                inner.violated(|| words);
            }
        }
    }

    fn end(mut self) -> Played {
        self.check();
        let world = Arc::clone(&self.world);
        let mut inner = world.look();
        if inner.violations.is_empty() {
            self.judge(&mut inner);
        }
        let filled = self.scenario.accounts.iter().enumerate().flat_map(|(number, _)| {
            let of = |side| self.reference.filled(number, side);
            [((number, false), of(Right::Put)), ((number, true), of(Right::Call))]
        });
        Played {
            filled: filled.collect(),
            days: self
                .scenario
                .accounts
                .iter()
                .enumerate()
                .map(|(number, _)| {
                    self.reference.outcomes(number).first().copied().unwrap_or("nothing filled")
                })
                .collect(),
            ends: self.runs.iter().map(|run| (run.task, run.end.unwrap_or(End::Died))).collect(),
            violations: std::mem::take(&mut inner.violations),
            hits: std::mem::take(&mut inner.hits),
            order: std::mem::take(&mut inner.order),
            story: inner.story.take().unwrap_or_default(),
        }
    }
}

fn happen(inner: &mut Inner, scenario: &Scenario, happening: &Happening) {
    let now = inner.now;
    inner.say(|| format!("        {happening:?}"));
    match happening {
        Happening::Halt(account) => {
            operator(&mut inner.truth.table, scenario.accounts[*account].name, "halt", ("halted", true));
            inner.stopped.push((now, *account));
        }
        Happening::Disarm(account) => {
            operator(&mut inner.truth.table, scenario.accounts[*account].name, "arming", ("armed", false));
            inner.stopped.push((now, *account));
        }
        Happening::Users(account, vertical, quantity, price) => {
            inner.truth.exchange.users_order(now, *account, *vertical, *quantity, *price)
        }
        Happening::Stands(account, standing) => inner.truth.exchange.stand(*account, *standing),
        Happening::Edits(account, edit) => inner.truth.exchange.edit(now, *account, edit),
    }
}

/// An operator's record.
fn operator(table: &mut MemoryTable, account: &str, sort: &str, (field, value): (&str, bool)) {
    let key = Key { partition: format!("control#{account}"), sort: sort.to_owned() };
    let mut item: Item = key.attributes();
    item.insert(field.to_owned(), AttributeValue::Bool(value));
    item.insert("reason".to_owned(), AttributeValue::S("an operator's".to_owned()));
    table.replace(&key, &item);
}
