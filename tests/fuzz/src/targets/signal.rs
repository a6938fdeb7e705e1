use std::collections::BTreeMap;

use gamma_execution::ports::SignalView;
use gamma_gammawizard::{login_token, payload};
use gamma_market::SignalRow;
use gamma_market::calendar::Calendar;
use gamma_strategy::constant_stable::{Snapshot, decide};
use gamma_strategy::signal::{Selection, select};
use jiff::civil::date;
use rust_decimal::Decimal;
use secrecy::ExposeSecret;

use super::{Verdict, profile};
use crate::promise::{bounded, names_what_came};

/// A row that trades both sides.
pub(super) fn row() -> SignalRow {
    SignalRow {
        date: date(2026, 8, 20),
        expiry: Some(date(2026, 8, 21)),
        put_strike: Some(Decimal::from(5900)),
        call_strike: Some(Decimal::from(6000)),
        left_go: Some(Decimal::NEGATIVE_ONE),
        right_go: Some(Decimal::ONE),
        left_strength: None,
        right_strength: None,
        put_price: None,
        call_price: None,
        volatilities: BTreeMap::from([("VixOne".to_owned(), Decimal::new(2, 1))]),
        spot: None,
        published: Default::default(),
    }
}

/// The feed's answer, and what the strategy makes of every row of it.
pub(super) fn signal(data: &[u8]) -> Verdict {
    match payload::view(data) {
        Ok(SignalView { rows, no_trade }) => {
            drop(no_trade.map(|why| bounded(&why)));
            assert!(!rows.is_empty() && rows.len() <= 5_000, "got {} rows", rows.len());
            for row in &rows {
                let alone = rows.iter().filter(|other| *other == row).count() == 1;
                assert!(alone, "each row once: {row:?}");
                useful(row, &rows);
            }
            Verdict::Reads
        }
        Err(error) => {
            names_what_came(&error);
            Verdict::Refused
        }
    }
}

fn useful(row: &SignalRow, rows: &[SignalRow]) {
    let shipped = profile::shipped();
    for same_day in [false, true] {
        match select(
            rows,
            row.date,
            Selection { same_day_expiry: same_day, ..shipped.strategy.selection() },
            Calendar::built_in(),
        ) {
            Ok(chosen) => {
                assert!(
                    chosen.date == row.date
                        && chosen
                            .expiry
                            .is_some_and(|expiry| expiry >= row.date && (expiry - row.date).get_days() <= 7),
                    "{chosen:?}"
                )
            }
            Err(refusal) => drop(bounded(&refusal)),
        }
    }
    let snapshot = Snapshot { equity: Some(Decimal::from(25_000)), positions: &BTreeMap::new() };
    match decide(row, snapshot, &shipped.strategy) {
        Ok(plan) => {
            for side in &plan.sides {
                assert!(side.quantity() > 0 && Some(side.vertical.sell().expiry()) == row.expiry, "{side:?}");
            }
            // It goes into the run's report.
            assert!(serde_json::to_string(&plan).is_ok(), "{plan:?}");
        }
        Err(refusal) => drop(bounded(&refusal)),
    }
}

/// The login's answer.
pub(super) fn login(data: &[u8]) -> Verdict {
    match login_token(data) {
        Some(token) => {
            let token = token.expose_secret();
            assert!(
                !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()),
                "it must fit into a header"
            );
            Verdict::Reads
        }
        None => Verdict::Refused,
    }
}
