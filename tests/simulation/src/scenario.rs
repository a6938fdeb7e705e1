//! What one seed makes happen: accounts, market, signal, deliveries, operators, faults.

use std::collections::BTreeMap;

use gamma_execution::profile::ExecutionProfile;
use gamma_execution::run::{AccountProfile, Resolve, Task};
use gamma_market::{OptionSymbol, Price, Right, SignalRow, Vertical};
use gamma_strategy::constant_stable::{MissingVolatility, Profile, RawProfile};
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::chance::Chance;
use crate::exchange::{Market, Ms};
use crate::fault::{Fault, Kind, Step, pairs, step};
use crate::reference::Plan;
use crate::world::Faults;

/// 16:13:00 in New York on the trade date.
pub const SCHEDULED: Ms = 1_756_930_380_000;
/// When the series stop trading.
pub const CLOSES: Ms = SCHEDULED + 120_000;
/// When the two sweeps come.
pub const SWEEPS: [Ms; 2] = [SCHEDULED + 180_000, SCHEDULED + 1_020_000];
/// The tag on our orders.
pub const TAG: &str = "gamma";

/// What is asked of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Anything goes wrong, for ever.
    Safety,
    /// Faults stop, and then everything must be proven and recorded.
    Liveness,
    /// Nothing goes wrong, or one thing for two seconds: the day is traded as if nothing had.
    Trades,
}

/// One account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its name.
    pub name: &'static str,
    /// Its token document.
    pub token: &'static str,
    /// Account value in dollars.
    pub equity: Decimal,
    /// Packages of the first plan's put side held before.
    pub held: u32,
}

/// One delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// When.
    pub at: Ms,
    /// For which account.
    pub account: usize,
    /// What for.
    pub task: Task,
    /// How far its clock is ahead.
    pub skew: Ms,
}

/// Something that happens besides.
#[derive(Debug, Clone)]
pub enum Happening {
    /// An operator halts an account.
    Halt(usize),
    /// An operator disarms an account.
    Disarm(usize),
    /// The user enters an order.
    Users(usize, Vertical, u32, Price),
}

/// What the signal says, and so what is asked for.
#[derive(Debug, Clone, Copy)]
struct Signal {
    left: i64,
    right: i64,
    shift: i32,
    low: bool,
}

/// Everything that one seed makes happen.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// What is asked of it.
    pub mode: Mode,
    /// Its accounts.
    pub accounts: Vec<Account>,
    /// What the feed shows from when on.
    pub feed: Vec<(Ms, SignalRow)>,
    /// The plans that the signal asks for, by account.
    pub plans: BTreeMap<usize, Vec<Plan>>,
    /// How orders fill.
    pub markets: BTreeMap<(usize, Right), Market>,
    /// How quotes move.
    pub moves: Vec<(Ms, i64)>,
    /// When there are none.
    pub gap: Option<(Ms, Ms)>,
    /// When access tokens end.
    pub token_ends: Ms,
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// A delivery that dies comes again, so many times in a thousand.
    pub redelivered: i64,
    /// What happens besides.
    pub happenings: Vec<(Ms, Happening)>,
    /// What goes wrong.
    pub faults: Faults,
}

const ACCOUNTS: [(&str, &str); 3] = [("schwab", "/gamma/schwab/token_json"), ("tt-ira", "/gamma/tt/token_json"), ("tt-individual", "/gamma/tt/token_json")];

/// The most packages of a side and day, as the profiles of the simulation say.
const MOST: u32 = 5;

fn trade_date() -> Date {
    date(2025, 9, 3)
}

impl Signal {
    fn row(self, of: Date) -> SignalRow {
        let strike = |points: i32| Some(Decimal::from(points));
        SignalRow {
            date: of,
            expiry: Some(date(2025, 9, 4)),
            put_strike: strike(6425 - self.shift),
            call_strike: strike(6470 + self.shift),
            left_go: Some(self.left.into()),
            right_go: Some(self.right.into()),
            left_strength: None,
            right_strength: None,
            put_price: None,
            call_price: None,
            volatilities: BTreeMap::from([("VixOne".to_owned(), Decimal::new(if self.low { 10 } else { 20 }, 2))]),
            spot: None,
        }
    }

    /// The four-row table of the reference, and its size: units by equity, times two when volatility is low and three when not.
    fn plan(self, account: &Account) -> Plan {
        let units = if account.equity >= Decimal::from(20_000) { 2 } else { 1 };
        let full: u32 = units * if self.low { 2 } else { 3 };
        let side = |go: i64, inner: i32, width: i32, letter: char| {
            let symbol = |strike: i32| format!("SPXW  250904{letter}{:08}", strike * 1000).parse::<OptionSymbol>().expect("a symbol");
            let (inner, outer) = (symbol(inner), symbol(inner + width));
            let vertical = if go < 0 { Vertical::new(inner, outer) } else { Vertical::new(outer, inner) };
            (go != 0).then(|| (vertical.expect("a vertical"), full))
        };
        let put = side(self.left, 6425 - self.shift, -5, 'P');
        let call = side(self.right, 6470 + self.shift, 5, 'C');
        put.into_iter().chain(call).collect()
    }
}

/// The legs' bid and ask in cents, of both signals.
#[must_use]
pub fn quotes() -> BTreeMap<OptionSymbol, (i64, i64)> {
    let legs = ["P06425000", "P06415000", "C06470000", "C06480000"].map(|inner| (inner, (720, 730)));
    let outer = ["P06420000", "P06410000", "C06475000", "C06485000"].map(|outer| (outer, (520, 540)));
    legs.into_iter().chain(outer).map(|(leg, quote)| (format!("SPXW  250904{leg}").parse().expect("a symbol"), quote)).collect()
}

/// How the accounts trade.
///
/// # Panics
/// Never: the profile is sound.
#[must_use]
pub fn profile() -> AccountProfile {
    let strategy = RawProfile {
        unit_dollars: Decimal::from(10_000),
        volatility_field: "VixOne".into(),
        volatility_breaks: vec![Decimal::new(15, 2)],
        multipliers: vec![2, 3],
        missing_volatility: MissingVolatility::Skip,
        risk_reversal_credit_ratio: Decimal::new(6, 1),
        risk_reversal_from_multiplier: 5,
        most_per_side: Some(MOST),
        top_up: true,
        no_close_guard: true,
        same_day_expiry: false,
    };
    let execution = ExecutionProfile { application_tag: Some(TAG.to_owned()), ..ExecutionProfile::default() };
    AccountProfile { strategy: Profile::try_from(strategy).expect("a sound profile"), execution }
}

/// A trade at the scheduled time.
#[must_use]
pub fn trade(dry_run: bool) -> Task {
    Task::Trade { dry_run, scheduled: Timestamp::from_millisecond(SCHEDULED).ok() }
}

/// An operator's decision of how much of a side was filled; how much, he sees at the broker when the time comes.
fn decision(side: Right) -> Task {
    Task::Resolve(Resolve { date: trade_date(), side, filled: 0, by: "operator".to_owned(), why: "looked at the broker's history".to_owned() })
}

const fn aws(step: Step) -> bool {
    matches!(step.1, Kind::AwsRead | Kind::AwsWrite)
}

const fn broker_reads(step: Step) -> bool {
    matches!(step.1, Kind::BrokerRead | Kind::OrderRead)
}

const fn feed(step: Step) -> bool {
    matches!(step.1, Kind::Signal)
}

impl Scenario {
    /// A plain day: one account, everything fills at once, nothing goes wrong.
    #[must_use]
    pub fn plain() -> Self {
        let accounts = vec![Account { name: ACCOUNTS[0].0, token: ACCOUNTS[0].1, equity: Decimal::from(9_000), held: 0 }];
        let signal = Signal { left: -1, right: -1, shift: 0, low: true };
        let market = Market { fills_at: Some(0), after: 500, every: 100, liquidity: 100, cancel: 300, deaf: 0, rejects: false };
        Self {
            seed: 0,
            mode: Mode::Trades,
            feed: vec![(SCHEDULED - 3_600_000, signal.row(date(2025, 9, 2))), (SCHEDULED + 30_000, signal.row(trade_date()))],
            plans: accounts.iter().enumerate().map(|(number, account)| (number, vec![signal.plan(account)])).collect(),
            markets: [Right::Put, Right::Call].into_iter().map(|side| ((0, side), market)).collect(),
            accounts,
            moves: Vec::new(),
            gap: None,
            token_ends: SCHEDULED + 1_500_000,
            deliveries: [Delivery { at: SCHEDULED + 100, account: 0, task: trade(false), skew: 0 }].into_iter().chain(sweeps(0)).collect(),
            redelivered: 0,
            happenings: Vec::new(),
            faults: Faults::default(),
        }
    }

    /// What `seed` makes happen.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed, 1);
        match seed % 10 {
            0 => Self::trades(seed, &mut chance),
            1..=4 => Self::anything(seed, Mode::Liveness, &mut chance),
            _ => Self::anything(seed, Mode::Safety, &mut chance),
        }
    }

    /// A day on which it must trade.
    fn trades(seed: u64, chance: &mut Chance) -> Self {
        let mut day = Self { seed, ..Self::plain() };
        day.draw_accounts(chance);
        for account in &mut day.accounts {
            account.held = 0;
        }
        let signal = draw_signal(chance);
        day.plans.clear();
        day.add_plans(signal);
        day.feed = vec![(SCHEDULED - 3_600_000, signal.row(date(2025, 9, 2))), (SCHEDULED + 30_000, signal.row(trade_date()))];
        for key in day.sides() {
            let (after, every, cancel) = (chance.below(1500), chance.below(200), chance.below(800));
            let market = Market { fills_at: Some(*chance.pick(&[0, 0, 5])), after, every, cancel, liquidity: 100, deaf: 0, rejects: false };
            day.markets.insert(key, market);
        }
        day.deliveries = day.all_accounts().flat_map(|account| first(account, chance).into_iter().chain(sweeps(account))).collect();
        if chance.per_mille(200) {
            day.token_ends = SCHEDULED + chance.between(-100_000, 300_000);
        }
        let at = SCHEDULED + chance.between(0, 60_000);
        // "One AWS or read fault": a POST that fails is neither.
        day.faults.orders_arrive = true;
        let quick = [Fault::Fails, Fault::Fails, Fault::FailsAfter, Fault::Twice, Fault::TooMany];
        match chance.below(5) {
            0 => {}
            1 => day.faults.outage = Some((aws, at, at + 2000)),
            2 => day.faults.outage = Some((broker_reads, at, at + 2000)),
            3 => day.faults.outage = Some((feed, SCHEDULED + 30_000, SCHEDULED + 32_000)),
            _ => day.faults.at_call = Some((u32::try_from(chance.below(140)).unwrap_or(0), *chance.pick(&quick))),
        }
        day
    }

    /// A day on which anything may go wrong.
    fn anything(seed: u64, mode: Mode, chance: &mut Chance) -> Self {
        let mut day = Self { seed, mode, ..Self::plain() };
        day.draw_accounts(chance);
        let moves = chance.per_mille(250);
        let signal = draw_signal(chance);
        day.plans.clear();
        day.add_plans(signal);
        let published = if chance.per_mille(100) { chance.between(40_000, 100_000) } else { chance.between(28_000, 31_500) };
        day.feed = vec![(SCHEDULED - 3_600_000, signal.row(date(2025, 9, 2))), (SCHEDULED + published, signal.row(trade_date()))];
        if moves {
            let other = Signal { shift: if chance.per_mille(800) { 10 } else { 0 }, ..draw_signal(chance) };
            day.add_plans(other);
            day.feed.push((SCHEDULED + published + chance.between(1, 40_000), other.row(trade_date())));
        }
        for key in day.sides() {
            let market = draw_market(chance);
            day.markets.insert(key, market);
        }
        day.draw_quotes(chance);
        day.draw_deliveries(chance);
        day.draw_happenings(chance);
        day.token_ends = SCHEDULED + if chance.per_mille(300) { chance.between(-100_000, 400_000) } else { 1_500_000 };
        day.draw_faults(chance);
        day
    }

    fn all_accounts(&self) -> std::ops::Range<usize> {
        0..self.accounts.len()
    }

    fn sides(&self) -> Vec<(usize, Right)> {
        self.all_accounts().flat_map(|account| [(account, Right::Put), (account, Right::Call)]).collect()
    }

    fn draw_accounts(&mut self, chance: &mut Chance) {
        let wanted = usize::try_from(*chance.pick(&[1, 1, 1, 1, 1, 1, 1, 2, 2, 3])).unwrap_or(1);
        // Two accounts are most telling when they share a token.
        let from = usize::from(wanted == 2);
        let made = ACCOUNTS[from..from + wanted].iter().map(|(name, token)| {
            let equity = Decimal::from(*chance.pick(&[9_000, 9_000, 25_000]));
            Account { name, token, equity, held: u32::from(chance.per_mille(100)) }
        });
        self.accounts = made.collect();
    }

    fn add_plans(&mut self, signal: Signal) {
        for (number, account) in self.accounts.iter().enumerate() {
            let mut plan = signal.plan(account);
            let plans = self.plans.entry(number).or_default();
            // What is held is of the first plan's put side: the same is topped up, its opposite would be closed.
            let held = plans.first().unwrap_or(&plan).iter().find(|(vertical, _)| vertical.right() == Right::Put).map(|(vertical, _)| *vertical);
            for (vertical, quantity) in &mut plan {
                let opposite = held.is_some_and(|held| (held.sell(), held.buy()) == (vertical.buy(), vertical.sell()));
                *quantity = match account.held {
                    0 => *quantity,
                    _ if opposite => 0,
                    packages if held == Some(*vertical) => quantity.saturating_sub(packages),
                    _ => *quantity,
                };
                *quantity = (*quantity).min(MOST);
            }
            plans.push(plan);
        }
    }

    fn draw_quotes(&mut self, chance: &mut Chance) {
        if chance.per_mille(400) {
            for _ in 0..chance.between(1, 4) {
                self.moves.push((SCHEDULED + chance.between(20_000, 118_000), chance.between(-3, 3) * 5));
            }
        }
        if chance.per_mille(80) {
            let from = SCHEDULED + chance.between(25_000, 100_000);
            self.gap = Some((from, from + chance.between(500, 15_000)));
        }
    }

    fn draw_deliveries(&mut self, chance: &mut Chance) {
        self.deliveries = self.all_accounts().flat_map(|account| first(account, chance)).collect();
        for account in self.all_accounts() {
            for _ in 0..*chance.pick(&[0, 0, 0, 0, 1, 1, 1, 2, 2, 3]) {
                let after = if chance.per_mille(400) { chance.below(600) } else { chance.below(150_000) };
                let task = trade(chance.per_mille(40));
                self.deliveries.push(Delivery { at: SCHEDULED + after, account, task, skew: skew(chance) });
            }
            self.deliveries.extend(sweeps(account).map(|sweep| Delivery { at: sweep.at + chance.below(900), skew: skew(chance), ..sweep }));
            if chance.per_mille(100) {
                self.deliveries.push(Delivery { at: SWEEPS[0] + chance.below(20_000), account, task: Task::Sweep { date: None }, skew: skew(chance) });
            }
        }
        self.redelivered = 600;
        if chance.per_mille(150) {
            let account = *chance.pick(&self.all_accounts().collect::<Vec<_>>());
            self.deliveries.push(Delivery {
                at: SWEEPS[1] + 600_000,
                account,
                task: decision(if chance.per_mille(500) { Right::Put } else { Right::Call }),
                skew: 0,
            });
        }
    }

    fn draw_happenings(&mut self, chance: &mut Chance) {
        let account = usize::try_from(chance.below(i64::try_from(self.accounts.len()).unwrap_or(1))).unwrap_or(0);
        let at = SCHEDULED + chance.below(118_000);
        if chance.per_mille(60) {
            let happening = if chance.per_mille(500) { Happening::Halt(account) } else { Happening::Disarm(account) };
            self.happenings.push((at, happening));
        }
        if chance.per_mille(150) {
            // A twin of ours, or another number of it, entered by hand.
            let (vertical, quantity) = *chance.pick(&self.plans[&account][0]);
            let quantity = if chance.per_mille(500) { quantity.max(1) } else { 1 };
            let at = if chance.per_mille(500) { at } else { SCHEDULED + 31_000 + chance.below(3_000) };
            self.happenings.push((at, Happening::Users(account, vertical, quantity, Price::cents(195))));
        }
    }

    fn draw_faults(&mut self, chance: &mut Chance) {
        let all: Vec<(Step, Fault)> = pairs().collect();
        let (at, fault) = all[usize::try_from(self.seed / 10 % all.len() as u64).unwrap_or(0)];
        self.faults.aimed.push((at, fault, u32::try_from(*chance.pick(&[0, 0, 0, 1, 1, 2, 3, 5])).unwrap_or(0)));
        self.lead_to(at, chance);
        self.faults.per_mille = *chance.pick(&[0, 0, 5, 20, 60, 150]);
        if self.mode == Mode::Liveness {
            let moments = [chance.between(10_000, 60_000), chance.between(60_000, 200_000), SWEEPS[1] - SCHEDULED - 1000];
            self.faults.calm = Some(SCHEDULED + *chance.pick(&moments));
        }
    }

    /// Some steps are taken only after something else went wrong.
    fn lead_to(&mut self, at: Step, chance: &mut Chance) {
        let before = match at.0 {
            "put intents, compare" => Some(("put intents", Fault::Twice)),
            "put sending, compare" => Some(("put sending", Fault::Twice)),
            "orders in haste" => Some(("place", Fault::LostAfter)),
            "token history" => Some(("save token", Fault::Twice)),
            _ => None,
        };
        if let Some((name, fault)) = before {
            self.faults.aimed.push((step(name), fault, 0));
        }
        if matches!(at.0, "token history" | "save token" | "load token" | "refresh token" | "take token lock" | "release token lock") {
            self.token_ends = SCHEDULED + chance.between(-50_000, 100_000);
        }
        if self.faults.aimed[0].1 == Fault::Stalls && chance.per_mille(700) {
            // Somebody takes over while it stands still, and may die of its own.
            self.deliveries.extend(self.all_accounts().map(|account| Delivery {
                at: SCHEDULED + chance.between(1_000, 50_000),
                account,
                task: trade(false),
                skew: 0,
            }));
            let (name, which) = *chance.pick(&[("load day", 1), ("open day", 1), ("account", 1), ("signal", 1)]);
            self.faults.aimed.push((step(name), Fault::DiesBefore, which));
        }
        if matches!(at.0, "cancel" | "renew lease" | "order") {
            for market in self.markets.values_mut() {
                market.fills_at = if chance.per_mille(500) { None } else { market.fills_at };
            }
        }
    }
}

fn draw_signal(chance: &mut Chance) -> Signal {
    let (left, right) = *chance.pick(&[(-1, -1), (-1, -1), (-1, -1), (-1, -1), (1, 1), (1, -1), (-1, 1), (-1, 0), (0, -1), (0, 1)]);
    Signal { left, right, shift: 0, low: chance.per_mille(600) }
}

fn draw_market(chance: &mut Chance) -> Market {
    Market {
        fills_at: *chance.pick(&[Some(0), Some(0), Some(0), Some(5), Some(10), None]),
        after: chance.below(6_000),
        every: chance.below(3_000),
        liquidity: u32::try_from(*chance.pick(&[100, 100, 100, 1, 2, 3])).unwrap_or(1),
        cancel: chance.below(2_500),
        deaf: u32::try_from(*chance.pick(&[0, 0, 0, 0, 0, 1, 2, 9])).unwrap_or(0),
        rejects: chance.per_mille(30),
    }
}

fn skew(chance: &mut Chance) -> Ms {
    if chance.per_mille(500) { 0 } else { chance.between(-1000, 1000) }
}

fn first(account: usize, chance: &mut Chance) -> Vec<Delivery> {
    vec![Delivery { at: SCHEDULED + chance.below(400), account, task: trade(false), skew: skew(chance) }]
}

fn sweeps(account: usize) -> impl Iterator<Item = Delivery> {
    SWEEPS.into_iter().map(move |at| Delivery { at, account, task: Task::Sweep { date: None }, skew: 0 })
}

/// How long a function may run.
pub const FUNCTION: SignedDuration = SignedDuration::from_secs(240);
