//! `GET /accounts/{hash}?fields=positions` (docs/reference/schwab.md, Account).

use std::collections::BTreeMap;

use gamma_execution::ports::{AccountSnapshot, BrokerFault};
use gamma_market::OptionSymbol;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use crate::fields::{FieldError, Object};
use crate::foreign::may_be_ours;

/// More of one contract than any account holds. Plan and approval add to a position and turn its sign.
const MOST_CONTRACTS: i64 = 1_000_000_000;

/// Equity and option positions out of the answer.
pub(crate) fn snapshot(answer: &Value) -> Result<AccountSnapshot, BrokerFault> {
    if answer.as_object().is_some_and(serde_json::Map::is_empty) {
        return Err(BrokerFault::Unavailable("account: got {}, expected an account".to_owned()));
    }
    let answer = Object::of(answer, "account")?;
    let account =
        answer.object("securitiesAccount")?.ok_or_else(|| answer.bad("securitiesAccount", "an object"))?;
    let (positions, unreadable) = positions(&account)?;
    Ok(AccountSnapshot { equity: equity(&answer, &account)?, positions, unreadable })
}

/// What the account is worth: the start-of-day value first, so that every run of a day sizes alike.
///
/// Never a buying power or an available amount: those count borrowed money or leave out what is held, and
/// size would follow them. Where no value is given the equity is unknown, and what that means is the plan's
/// to decide.
fn equity(answer: &Object<'_>, account: &Object<'_>) -> Result<Option<Decimal>, FieldError> {
    let initial = account.object("initialBalances")?;
    let current = account.object("currentBalances")?;
    let aggregated = answer.object("aggregatedBalance")?;
    for (balances, key) in [
        (&initial, "liquidationValue"),
        (&initial, "accountValue"),
        (&current, "liquidationValue"),
        (&aggregated, "currentLiquidationValue"),
        (&aggregated, "liquidationValue"),
    ] {
        if let Some(value) = balances.as_ref().map(|balances| balances.decimal(key)).transpose()?.flatten() {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// Net option positions, and the rows that do not read, in words. No `positions` key means flat; what is not
/// an option is none of ours. A row that could be ours and does not read is an error: the guard must not
/// overlook it.
fn positions(account: &Object<'_>) -> Result<(BTreeMap<OptionSymbol, i64>, Vec<String>), FieldError> {
    let (mut positions, mut unreadable) = (BTreeMap::new(), Vec::new());
    for row in account.objects("positions")? {
        match add(&mut positions, &row) {
            Err(why) if !may_be_ours(&row) => unreadable.push(format!("{}: {why}", name(&row))),
            added => added?,
        }
    }
    positions.retain(|_, quantity| *quantity != 0);
    Ok((positions, unreadable))
}

fn name(row: &Object<'_>) -> String {
    let instrument = row.object("instrument").ok().flatten();
    let symbol = instrument.as_ref().and_then(|instrument| instrument.text("symbol").ok().flatten());
    symbol.unwrap_or("no symbol").chars().take(40).collect()
}

fn add(positions: &mut BTreeMap<OptionSymbol, i64>, row: &Object<'_>) -> Result<(), FieldError> {
    let instrument = row.object("instrument")?.ok_or_else(|| row.bad("instrument", "an object"))?;
    if instrument.required_text("assetType")? != "OPTION" {
        return Ok(());
    }
    let symbol: OptionSymbol = instrument
        .required_text("symbol")?
        .parse()
        .map_err(|_| instrument.bad("symbol", "an option symbol"))?;
    let held = positions.get(&symbol).copied().unwrap_or_default() + net_quantity(row)?;
    if held.abs() > MOST_CONTRACTS {
        return Err(row.bad("longQuantity", "with the other rows of this contract up to 1e9 contracts"));
    }
    positions.insert(symbol, held);
    Ok(())
}

fn net_quantity(row: &Object<'_>) -> Result<i64, FieldError> {
    let (long, short) = (row.decimal("longQuantity")?, row.decimal("shortQuantity")?);
    if long.is_none() && short.is_none() {
        return Err(row.bad("longQuantity", "a quantity here or in shortQuantity"));
    }
    for (key, quantity) in [("longQuantity", long), ("shortQuantity", short)] {
        if quantity.is_some_and(|quantity| {
            !quantity.is_integer() || quantity.is_sign_negative() && !quantity.is_zero()
        }) {
            return Err(row.bad(key, "a whole number of contracts, 0 or more"));
        }
    }
    let net = long.unwrap_or_default().checked_sub(short.unwrap_or_default());
    let net = net.and_then(|net| net.to_i64()).filter(|net| net.abs() <= MOST_CONTRACTS);
    net.ok_or_else(|| {
        row.bad(if short > long { "shortQuantity" } else { "longQuantity" }, "up to 1e9 contracts")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fixture(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_margin_account_with_options_and_shares() {
        let snapshot =
            snapshot(&fixture(include_str!("../fixtures/account__margin_with_positions.json"))).unwrap();
        assert_eq!(snapshot.equity.unwrap().to_string(), "24620.55");
        let held: Vec<_> =
            snapshot.positions.iter().map(|(symbol, quantity)| (symbol.to_string(), *quantity)).collect();
        assert_eq!(held, [("SPXW  260821P05895000".to_owned(), 2), ("SPXW  260821P05900000".to_owned(), -2)]);
    }

    #[test]
    fn a_flat_cash_account_has_no_positions_key() {
        let snapshot = snapshot(&fixture(include_str!("../fixtures/account__cash_flat.json"))).unwrap();
        assert_eq!(
            (snapshot.equity.unwrap().to_string(), snapshot.positions.len()),
            ("10000.25".to_owned(), 0)
        );
    }

    #[test]
    fn equity_is_the_first_value_given_and_never_a_buying_power() {
        let value = |initial: Value, current: Value, aggregated: Value| json!({"securitiesAccount": {"initialBalances": initial, "currentBalances": current}, "aggregatedBalance": aggregated});
        let power = json!({"buyingPower": 9.0, "cashBalance": 9.0});
        for (answer, equity) in [
            (
                value(
                    json!({"liquidationValue": 1.5, "accountValue": 2.0}),
                    json!({"liquidationValue": 3.0}),
                    json!({}),
                ),
                Ok(Some("1.5")),
            ),
            (
                value(
                    json!({"liquidationValue": null, "accountValue": 2.0}),
                    json!({"liquidationValue": 3.0}),
                    json!({}),
                ),
                Ok(Some("2.0")),
            ),
            (
                value(power.clone(), json!({"liquidationValue": 3.0}), json!({"liquidationValue": 4.0})),
                Ok(Some("3.0")),
            ),
            (
                value(
                    power.clone(),
                    power.clone(),
                    json!({"currentLiquidationValue": 5, "liquidationValue": 4.0}),
                ),
                Ok(Some("5")),
            ),
            (
                value(json!({"liquidationValue": 0.0}), json!({"liquidationValue": 3.0}), Value::Null),
                Ok(Some("0.0")),
            ),
            (value(json!({"liquidationValue": -50.0}), Value::Null, Value::Null), Ok(Some("-50.0"))),
            (value(power.clone(), power, Value::Null), Ok(None)),
            (
                value(json!({"liquidationValue": "NaN"}), json!({"liquidationValue": 3.0}), Value::Null),
                Err("initialBalances.liquidationValue: got \"NaN\""),
            ),
            (value(json!([]), Value::Null, Value::Null), Err("initialBalances: got []")),
        ] {
            match (snapshot(&answer), equity) {
                (Ok(snapshot), Ok(expected)) => assert_eq!(
                    snapshot.equity.map(|value| value.to_string()).as_deref(),
                    expected,
                    "{answer}"
                ),
                (Err(fault), Err(expected)) => assert!(fault.to_string().contains(expected), "{fault}"),
                (got, expected) => panic!("{answer}: got {got:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn positions_net_out_or_are_named() {
        let row = |symbol: &str, long: Value, short: Value| json!({"longQuantity": long, "shortQuantity": short, "instrument": {"assetType": "OPTION", "symbol": symbol}});
        let of = |rows: Value| snapshot(&json!({"securitiesAccount": {"positions": rows}}));
        let name = "SPXW  260821P05900000";
        let both_ways =
            of(json!([row(name, json!(3.0), json!(1.0)), row(name, json!(0), json!(2))])).unwrap();
        assert!(both_ways.positions.is_empty(), "{both_ways:?}");
        for (rows, shown) in [
            (
                json!([row("SPXW 260821P5900", json!(1), json!(0))]),
                "positions[0].instrument.symbol: got \"SPXW 260821P5900\"",
            ),
            (json!([row(name, json!(1.5), json!(0))]), "positions[0].longQuantity: got 1.5"),
            (json!([row(name, json!(0), json!(-1))]), "positions[0].shortQuantity: got -1"),
            (json!([row(name, Value::Null, Value::Null)]), "positions[0].longQuantity: got nothing"),
            (json!([{"longQuantity": 1}]), "positions[0].instrument: got nothing"),
            (json!([row(name, json!(0), json!(5e9))]), "positions[0].shortQuantity: got 5000000000.0"),
            (
                json!([row(name, json!(9e8), json!(0)), row(name, json!(9e8), json!(0))]),
                "positions[1].longQuantity: got 900000000.0",
            ),
            (json!({}), "positions: got {}"),
        ] {
            let fault = of(rows).unwrap_err();
            assert!(fault.to_string().contains(shown), "{fault}");
        }
        assert!(
            snapshot(&json!({"a": 1}))
                .unwrap_err()
                .to_string()
                .contains("account.securitiesAccount: got nothing")
        );
        assert!(snapshot(&json!({})).unwrap_err().may_pass(), "an empty answer says nothing of the account");
    }

    #[test]
    fn a_position_of_others_that_does_not_read_is_told_apart() {
        let ours = json!({"longQuantity": 2, "instrument": {"assetType": "OPTION", "symbol": "SPXW  260821P05900000"}});
        let option = |symbol: &str| json!({"longQuantity": 1.0, "instrument": {"assetType": "OPTION", "symbol": symbol}});
        for (row, shown) in [
            (
                option("2SPX  260821C06400000"),
                "2SPX  260821C06400000: account.securitiesAccount.positions[1].instrument.symbol: got",
            ),
            (option("BRK/B 260821C00400000"), "BRK/B 260821C00400000: account"),
            (
                json!({"instrument": {"assetType": "OPTION", "symbol": "AAPL  260821C00200000"}}),
                "AAPL  260821C00200000: account.securitiesAccount.positions[1].longQuantity: got nothing",
            ),
            (
                json!({"longQuantity": 0.5, "instrument": {"assetType": "OPTION", "symbol": "AAPL  260821C00200000"}}),
                "got 0.5",
            ),
            (
                json!({"longQuantity": 1, "instrument": {"assetType": "OPTION", "underlyingSymbol": "AAPL"}}),
                "no symbol: account",
            ),
            (
                json!({"longQuantity": 1, "instrument": {"symbol": "AAPL"}}),
                "AAPL: account.securitiesAccount.positions[1].instrument.assetType: got nothing",
            ),
            (json!({"longQuantity": 1, "instrument": {"assetType": 7, "symbol": "AAPL"}}), "got 7"),
        ] {
            let snapshot = snapshot(&json!({"securitiesAccount": {"positions": [ours, row]}})).unwrap();
            assert_eq!((snapshot.positions.len(), snapshot.unreadable.len()), (1, 1), "{row}");
            assert!(snapshot.unreadable[0].contains(shown), "{:?}", snapshot.unreadable);
        }
        for row in [
            option("SPXW  260821"),
            option("SPX1/ 260821P05900000"),
            json!({"longQuantity": 1, "instrument": {"assetType": "OPTION", "underlyingSymbol": "$SPX"}}),
            json!({"longQuantity": 1, "instrument": {"assetType": "OPTION"}}),
            json!({"longQuantity": 1}),
            json!({"instrument": {"symbol": "SPXW  260821P05900000"}}),
        ] {
            let fault = snapshot(&json!({"securitiesAccount": {"positions": [ours, row]}})).unwrap_err();
            assert!(matches!(fault, BrokerFault::Malformed(_)), "{row}: it could be ours");
        }
        // What is no option of ours has nothing that must read.
        let share = json!({"instrument": {"assetType": "EQUITY"}});
        let bond = json!({"instrument": {"assetType": "FIXED_INCOME", "symbol": 7}, "longQuantity": "many"});
        assert_eq!(
            snapshot(&json!({"securitiesAccount": {"positions": [share, bond]}})).unwrap(),
            AccountSnapshot::default()
        );
    }
}
