//! What one seed makes happen: accounts, market, signal, deliveries, operators, faults.

mod draw;
mod unkind;

use std::collections::BTreeMap;

use gamma_execution::profile::ExecutionProfile;
use gamma_execution::run::{AccountProfile, Task};
use gamma_market::{OptionSymbol, Price, Right, SignalRow, Vertical};
use gamma_strategy::constant_stable::{MissingVolatility, Profile, RawProfile};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;

use crate::exchange::{Edit, Market, Ms, Standing};
use crate::lies::Lies;
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

/// Whether a seed is drawn unkind where nobody asks: with the broker's lies, or without them.
pub const UNKIND: bool = true;

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
    /// Its broker shows the names of orders; the other puts a tag on them.
    pub names_orders: bool,
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
    /// The user has had an order for a while.
    Stands(usize, Standing),
    /// A person changes an order.
    Edits(usize, Edit),
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
    /// The documents of the broker that shows names do not say how old they are.
    pub undated: bool,
    /// The profile names the tag that the broker puts on our orders.
    pub tag_known: bool,
    /// How long a function may run.
    pub function: Ms,
    /// The deliveries.
    pub deliveries: Vec<Delivery>,
    /// A delivery that dies comes again, so many times in a thousand.
    pub redelivered: i64,
    /// What happens besides.
    pub happenings: Vec<(Ms, Happening)>,
    /// What goes wrong.
    pub faults: Faults,
    /// What the broker shows otherwise than it is.
    pub lies: Lies,
    /// What must be filled, by account and side, where that is known without playing the day undisturbed.
    pub must_fill: Option<BTreeMap<(usize, bool), u32>>,
    /// Violations with any of these words are known, and looked behind.
    pub known: Vec<String>,
}

/// Name, token document, and whether its broker shows the names of orders: Schwab puts a tag on them,
/// tastytrade shows what we called them.
const ACCOUNTS: [(&str, &str, bool); 3] = [
    ("schwab", "/gamma/schwab/token_json", false),
    ("tt-ira", "/gamma/tt/token_json", true),
    ("tt-individual", "/gamma/tt/token_json", true),
];

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
            volatilities: BTreeMap::from([(
                "VixOne".to_owned(),
                Decimal::new(if self.low { 10 } else { 20 }, 2),
            )]),
            spot: None,
            published: Default::default(),
        }
    }

    /// The four-row table (docs/reference/strategy.md, Sides), and its size: units by equity, times two
    /// when volatility is low and three when not.
    fn plan(self, account: &Account) -> Plan {
        let units = if account.equity >= Decimal::from(20_000) { 2 } else { 1 };
        let full: u32 = units * if self.low { 2 } else { 3 };
        let side = |go: i64, inner: i32, width: i32, letter: char| {
            let symbol = |strike: i32| {
                format!("SPXW  250904{letter}{:08}", strike * 1000).parse::<OptionSymbol>().expect("a symbol")
            };
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
    legs.into_iter()
        .chain(outer)
        .map(|(leg, quote)| (format!("SPXW  250904{leg}").parse().expect("a symbol"), quote))
        .collect()
}

/// How the accounts trade.
///
/// # Panics
/// Never: the profile is sound.
#[must_use]
pub fn profile(tag_known: bool) -> AccountProfile {
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
        most_days_to_expiry: 7,
    };
    let execution = ExecutionProfile {
        application_tag: tag_known.then(|| TAG.to_owned()),
        ..ExecutionProfile::default()
    };
    AccountProfile { strategy: Profile::try_from(strategy).expect("a sound profile"), execution }
}

/// A trade at the scheduled time.
#[must_use]
pub fn trade(dry_run: bool) -> Task {
    Task::Trade { dry_run, scheduled: Timestamp::from_millisecond(SCHEDULED).ok() }
}

impl Scenario {
    /// A plain day: one account, everything fills at once, nothing goes wrong.
    #[must_use]
    pub fn plain() -> Self {
        let accounts = vec![Account {
            name: ACCOUNTS[0].0,
            token: ACCOUNTS[0].1,
            equity: Decimal::from(9_000),
            held: 0,
            names_orders: false,
        }];
        let signal = Signal { left: -1, right: -1, shift: 0, low: true };
        let market = Market {
            fills_at: Some(0),
            after: 500,
            every: 100,
            liquidity: 100,
            cancel: 300,
            deaf: 0,
            rejects: false,
        };
        Self {
            seed: 0,
            mode: Mode::Trades,
            feed: vec![
                (SCHEDULED - 3_600_000, signal.row(date(2025, 9, 2))),
                (SCHEDULED + 30_000, signal.row(trade_date())),
            ],
            plans: accounts
                .iter()
                .enumerate()
                .map(|(number, account)| (number, vec![signal.plan(account)]))
                .collect(),
            markets: [Right::Put, Right::Call].into_iter().map(|side| ((0, side), market)).collect(),
            accounts,
            moves: Vec::new(),
            gap: None,
            token_ends: SCHEDULED + 1_500_000,
            undated: false,
            tag_known: true,
            function: 240_000,
            deliveries: [Delivery { at: SCHEDULED + 100, account: 0, task: trade(false), skew: 0 }]
                .into_iter()
                .chain(sweeps(0))
                .collect(),
            redelivered: 0,
            happenings: Vec::new(),
            faults: Faults::default(),
            lies: Lies::default(),
            must_fill: None,
            known: Vec::new(),
        }
    }
}

/// The two sweeps of an account's day.
fn sweeps(account: usize) -> impl Iterator<Item = Delivery> {
    SWEEPS.into_iter().map(move |at| Delivery { at, account, task: Task::Sweep { date: None }, skew: 0 })
}
