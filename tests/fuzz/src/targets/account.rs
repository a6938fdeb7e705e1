use std::collections::{BTreeMap, BTreeSet};

use gamma_execution::approval::{Book, Limits, approve, unbounded_expiries};
use gamma_execution::ladder::Ladder;
use gamma_execution::ports::{AccountSnapshot, Capabilities, OrderKind};
use gamma_market::{OptionSymbol, PackageNbbo, Price, Tick, Vertical};
use gamma_schwab::decode;
use gamma_strategy::constant_stable::{Snapshot, decide};
use rust_decimal::Decimal;

use super::{Verdict, profile, signal};
use crate::promise::{fault, short, workable};

/// What the broker can do.
const CAPABILITIES: Capabilities = Capabilities {
    broker: "schwab",
    most_legs: 4,
    most_quantity: 1000,
    kinds: &[OrderKind::NetCredit, OrderKind::NetDebit],
    roots: &[("SPXW", Tick::NICKEL)],
    previews: false,
    names_orders: false,
};

/// The account's hash, of the account that is named and of the only one.
pub(super) fn numbers(data: &[u8]) -> Verdict {
    let [only, named] = [None, Some("12345678")].map(|wanted| match decode::account_hash(data, wanted) {
        Ok(hash) => {
            let plain = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert!(plain && hash.len() <= 200, "a hash becomes part of a path: {hash:.300?}");
            true
        }
        Err(error) => {
            fault(&error);
            false
        }
    });
    if only || named { Verdict::Reads } else { Verdict::Refused }
}

/// Equity and positions, and what a run makes of them.
pub(super) fn account(data: &[u8]) -> Verdict {
    match decode::account(data) {
        Ok(snapshot) => {
            held_to(&snapshot);
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

/// What an account shows is within bounds, and a run can work with it.
pub(super) fn held_to(snapshot: &AccountSnapshot) {
    workable("equity", snapshot.equity.unwrap_or_default(), 1_000_000_000_000_000);
    for (symbol, held) in &snapshot.positions {
        assert!(
            *held != 0 && held.unsigned_abs() <= 1_000_000_000,
            "{symbol}: got {held} contracts, expected 1000000000 at most"
        );
    }
    snapshot.unreadable.iter().for_each(|row| short("unreadable", row));
    useful(snapshot);
}

/// Decides and approves on it, as a run does.
pub(super) fn useful(snapshot: &AccountSnapshot) {
    let _ = unbounded_expiries(&snapshot.positions);
    let profile = profile::shipped();
    let _ = decide(
        &signal::row(),
        Snapshot { equity: snapshot.equity, positions: &snapshot.positions },
        &profile.strategy,
    );
    let (approved, foreign, ledger) = (
        [],
        BTreeSet::new(),
        BTreeMap::from([(PUT_LOW.parse::<OptionSymbol>().unwrap_or_else(|error| panic!("{error}")), 2)]),
    );
    for ledger in [&BTreeMap::new(), &ledger] {
        let book = Book {
            equity: snapshot.equity.unwrap_or(Decimal::ONE_THOUSAND),
            positions: &snapshot.positions,
            approved: &approved,
            foreign: &foreign,
            ledger,
            expected: &BTreeMap::new(),
            capabilities: CAPABILITIES,
        };
        let _ = approve(vertical(), 5, nbbo(), book, profile.execution.limits());
    }
}

const PUT_LOW: &str = "SPXW  260821P05895000";

/// Sold at 5900, bought at 5895.
pub(super) fn vertical() -> Vertical {
    let symbol = |text: &str| text.parse::<OptionSymbol>().unwrap_or_else(|error| panic!("{error}"));
    Vertical::new(symbol("SPXW  260821P05900000"), symbol(PUT_LOW)).unwrap_or_else(|error| panic!("{error}"))
}

/// A market for it.
pub(super) fn nbbo() -> PackageNbbo {
    PackageNbbo {
        effect: vertical().effect(),
        bid: Price::cents(105),
        ask: Price::cents(125),
        mid: Price::cents(115),
    }
}

/// Approves the vertical under other limits, in an account that holds nothing, and prices rungs at these
/// offsets.
pub(super) fn works_orders(limits: Limits, offsets: &[Price]) {
    let book = Book {
        equity: Decimal::from(25_000),
        positions: &BTreeMap::new(),
        approved: &[],
        foreign: &BTreeSet::new(),
        ledger: &BTreeMap::new(),
        expected: &BTreeMap::new(),
        capabilities: CAPABILITIES,
    };
    if let Ok(intent) = approve(vertical(), 5, nbbo(), book, limits) {
        assert!(
            intent.get().worst_price > Price::ZERO && intent.get().worst_price < vertical().width(),
            "{:?}",
            intent.get()
        );
        for offset in offsets {
            let price = Ladder::price(intent.get(), nbbo(), *offset);
            assert!(
                intent.order(5, price, 0).is_ok(),
                "every rung can be sent: {price} at offset {offset} of {:?}",
                intent.get()
            );
        }
    }
}
