//! Decide and approve, in process, on the real chain.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use gamma_execution::approval::{Approved, Book, Intent, approve};
use gamma_execution::ports::{Capabilities, OrderKind};
use gamma_execution::profile::ExecutionProfile;
use gamma_gammawizard::payload;
use gamma_market::calendar::Calendar;
use gamma_market::{OptionSymbol, PriceRule, QuoteBook, SignalRow, Tick};
use gamma_simulator::chain::Chain;
use gamma_simulator::gammawizard::{GammaWizardConfig, default_rows};
use gamma_simulator::market::Market;
use gamma_strategy::constant_stable::{Profile, RawProfile, Snapshot, decide};
use gamma_strategy::signal::select;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use crate::now;
use crate::world::{AFTER_SIGNAL, Fallible};

const ACCOUNTS: &str = include_str!("../../../../shared/accounts/accounts.toml");
const CAPABILITIES: Capabilities = Capabilities {
    broker: "schwab",
    most_legs: 4,
    most_quantity: 1000,
    kinds: &[OrderKind::NetCredit, OrderKind::NetDebit],
    roots: &[("SPXW", Tick::NICKEL)],
    previews: false,
    names_orders: false,
};
/// Decisions between two looks at the clock.
const BATCH: u32 = 1000;

#[derive(Deserialize)]
struct Account {
    strategy: RawProfile,
    execution: ExecutionProfile,
}

/// The day of the chain: what a decision is made from.
struct Day {
    row: SignalRow,
    quotes: QuoteBook,
    profile: Profile,
    execution: ExecutionProfile,
}

impl Day {
    fn of_the_chain() -> Fallible<Self> {
        let accounts: BTreeMap<String, toml::Value> = toml::from_str(ACCOUNTS)?;
        let account = accounts.get("schwab").cloned().ok_or("accounts.toml: no [schwab]")?;
        // The broker's name is the function's to read.
        let Account { strategy, execution } = account.try_into()?;
        let profile = Profile::try_from(strategy)?;
        let start: Timestamp = AFTER_SIGNAL.parse()?;
        let market = Market::new(Chain::spxw_2025_09_03()?, 1, start);
        let signal = GammaWizardConfig::default();
        let published = default_rows(&market, 1, signal.delay, signal.signal)
            .into_iter()
            .map(|row| Value::Object(row.fields))
            .collect::<Vec<_>>();
        let rows = payload::view(&serde_json::to_vec(&published)?)?.rows;
        let row =
            select(&rows, market.chain().trade_date(), profile.selection(), Calendar::built_in())?.clone();
        let mut day = Self { row, quotes: QuoteBook::new(), profile, execution };
        let plan =
            decide(&day.row, Snapshot { equity: Some(equity()), positions: &BTreeMap::new() }, &day.profile)?;
        let legs: BTreeSet<OptionSymbol> =
            plan.sides.iter().flat_map(|side| side.vertical.legs().map(|leg| leg.symbol)).collect();
        day.quotes = market.quotes(&legs);
        Ok(day)
    }

    /// What a run does between its last read and its first write: plan, package NBBOs, approval of every
    /// side.
    fn decide_and_approve(&self) -> Vec<Approved<Intent>> {
        let (positions, foreign, ledger) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let Ok(plan) =
            decide(&self.row, Snapshot { equity: Some(equity()), positions: &positions }, &self.profile)
        else {
            return Vec::new();
        };
        let mut approved = Vec::new();
        for side in &plan.sides {
            let nbbo = PriceRule::for_root(side.vertical.sell().root())
                .and_then(|rule| side.vertical.nbbo(&self.quotes, rule.package_tick()));
            let book = Book {
                equity: plan.equity,
                positions: &positions,
                approved: &approved,
                foreign: &foreign,
                ledger: &ledger,
                expected: &BTreeMap::new(),
                capabilities: CAPABILITIES,
            };
            let intent = nbbo.and_then(|nbbo| {
                approve(side.vertical, side.quantity(), nbbo, book, self.execution.limits()).ok()
            });
            approved.extend(intent);
        }
        approved
    }
}

fn equity() -> Decimal {
    Decimal::from(25_000)
}

/// Microseconds of one decision with its approvals, from `batches` of a thousand.
pub(crate) fn microseconds(batches: usize) -> Fallible<Vec<f64>> {
    let day = Day::of_the_chain()?;
    let sides = day.decide_and_approve().len();
    if sides != 2 {
        return Err(format!("approved {sides} sides, expected both").into());
    }
    let batch = || {
        let began = now();
        for _ in 0..BATCH {
            black_box(black_box(&day).decide_and_approve());
        }
        began.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH)
    };
    Ok((0..batches).map(|_| batch()).collect())
}
