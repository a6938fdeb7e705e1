//! `GET /accounts/{number}/balances` and `/positions` (docs/reference/tastytrade.md, Accounts).

use std::collections::BTreeMap;

use gamma_market::OptionSymbol;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use crate::envelope;
use crate::fields::{FieldError, Object};
use crate::foreign::may_be_ours;

/// More of one contract than any account holds. Plan and approval add to a position and turn its sign.
const MOST_CONTRACTS: i64 = 1_000_000_000;

/// What the account is worth. Never cash or a buying power: those leave out what is held or count borrowed
/// money, and size would follow them. Where it is not given the equity is unknown, and what that means is the
/// plan's to decide.
pub(crate) fn equity(balances: &Value) -> Result<Option<Decimal>, FieldError> {
    envelope::data(balances, "balances")?.decimal("net-liquidating-value")
}

/// What is held.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// Net option positions, long positive, none of zero.
    pub(crate) net: BTreeMap<OptionSymbol, i64>,
    /// Rows that do not read and are none of ours, in words.
    pub(crate) unreadable: Vec<String>,
}

/// Net option positions. What is not an equity or index option is none of ours. A row that could be ours and
/// does not read is an error: the guard must not overlook it. Any other is told apart.
pub(crate) fn positions(answer: &Value) -> Result<Positions, FieldError> {
    let mut positions = Positions::default();
    for row in envelope::all_rows(answer, "positions")? {
        match add(&mut positions.net, &row) {
            Err(why) if !may_be_ours(&row, &row) => {
                let symbol: String =
                    row.text("symbol").ok().flatten().unwrap_or("no symbol").chars().take(40).collect();
                positions.unreadable.push(format!("{symbol}: {why}"));
            }
            added => added?,
        }
    }
    positions.net.retain(|_, quantity| *quantity != 0);
    Ok(positions)
}

fn add(positions: &mut BTreeMap<OptionSymbol, i64>, row: &Object<'_>) -> Result<(), FieldError> {
    if row.required_text("instrument-type")? != "Equity Option" {
        return Ok(());
    }
    let net = net_quantity(row)?;
    if net == 0 {
        return Ok(());
    }
    let symbol: OptionSymbol =
        row.required_text("symbol")?.parse().map_err(|_| row.bad("symbol", "an option symbol"))?;
    let held = positions.get(&symbol).copied().unwrap_or_default() + net;
    if held.abs() > MOST_CONTRACTS {
        return Err(row.bad("quantity", "with the other rows of this contract up to 1e9 contracts"));
    }
    positions.insert(symbol, held);
    Ok(())
}

/// The quantity has no sign; the direction is its sign.
fn net_quantity(row: &Object<'_>) -> Result<i64, FieldError> {
    let quantity = row
        .decimal("quantity")?
        .filter(|quantity| quantity.is_integer() && *quantity >= Decimal::ZERO)
        .and_then(|quantity| quantity.to_i64());
    let quantity = quantity
        .filter(|quantity| *quantity <= MOST_CONTRACTS)
        .ok_or_else(|| row.bad("quantity", "a whole number of contracts, 0 to 1e9"))?;
    match row.text("quantity-direction")? {
        _ if quantity == 0 => Ok(0),
        Some("Long") => Ok(quantity),
        Some("Short") => Ok(-quantity),
        _ => Err(row.bad("quantity-direction", "Long or Short")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fixture(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_account_with_options_and_shares() {
        let balances = fixture(include_str!("../fixtures/balances__margin.json"));
        let positions =
            fixture(include_str!("../fixtures/positions__vertical_shares_and_future_option.json"));
        assert_eq!(equity(&balances).unwrap().unwrap().to_string(), "24885.0");
        let positions = super::positions(&positions).unwrap().net;
        let held: Vec<_> =
            positions.iter().map(|(symbol, quantity)| (symbol.to_string(), *quantity)).collect();
        assert_eq!(held, [("SPXW  260821P05895000".to_owned(), 2), ("SPXW  260821P05900000".to_owned(), -2)]);
    }

    #[test]
    fn equity_is_the_net_liquidating_value_or_unknown() {
        let power = json!({"cash-balance": "9.0", "equity-buying-power": "9.0", "derivative-buying-power": "9.0", "cash-available-to-withdraw": "9.0"});
        for (value, expected) in [
            (json!("24885.0"), Ok(Some("24885.0"))),
            (json!(24885.5), Ok(Some("24885.5"))),
            (json!("0.0"), Ok(Some("0.0"))),
            (json!("-50.0"), Ok(Some("-50.0"))),
            (Value::Null, Ok(None)),
            (json!("NaN"), Err("balances.data.net-liquidating-value: got \"NaN\"")),
            (json!({}), Err("balances.data.net-liquidating-value: got {}")),
        ] {
            let mut data = power.clone();
            data["net-liquidating-value"] = value;
            match (equity(&json!({"data": data})), expected) {
                (Ok(got), Ok(expected)) => assert_eq!(got.map(|got| got.to_string()).as_deref(), expected),
                (Err(error), Err(expected)) => assert!(error.to_string().starts_with(expected), "{error}"),
                (got, expected) => panic!("got {got:?}, expected {expected:?}"),
            }
        }
        assert!(
            equity(&json!({"error": {}})).unwrap_err().to_string().contains("balances.data: got nothing")
        );
    }

    #[test]
    fn positions_net_out_or_are_named() {
        const NAME: &str = "SPXW  260821P05900000";
        let row = |symbol: &str, quantity: Value, direction: &str| json!({"instrument-type": "Equity Option", "symbol": symbol, "quantity": quantity, "quantity-direction": direction});
        let of = |rows: Value| positions(&json!({"data": {"items": rows}})).map(|positions| positions.net);
        let both_ways = of(json!([
            row(NAME, json!("3"), "Long"),
            row(NAME, json!(3.0), "Short"),
            row("gone", json!("0"), "Zero")
        ]))
        .unwrap();
        assert!(both_ways.is_empty(), "{both_ways:?}");
        for (rows, shown) in [
            (json!([row("SPXW 260821P5900", json!(1), "Long")]), "items[0].symbol: got \"SPXW 260821P5900\""),
            (json!([row(NAME, json!("1.5"), "Long")]), "items[0].quantity: got \"1.5\""),
            (json!([row(NAME, json!(-1), "Long")]), "items[0].quantity: got -1"),
            (json!([row(NAME, json!("5000000000"), "Long")]), "items[0].quantity: got \"5000000000\""),
            (
                json!([row(NAME, json!(9e8), "Long"), row(NAME, json!(9e8), "Long")]),
                "items[1].quantity: got 900000000.0",
            ),
            (json!([row(NAME, json!(1), "Zero")]), "items[0].quantity-direction: got \"Zero\""),
            (json!([row(NAME, json!(1), "Sideways")]), "items[0].quantity-direction: got \"Sideways\""),
            (json!([{"instrument-type": "Equity Option", "symbol": NAME}]), "items[0].quantity: got nothing"),
            (json!([{"symbol": NAME}]), "items[0].instrument-type: got nothing"),
            (json!([null]), "items[0]: got null"),
            (json!({}), "data.items: got {}"),
        ] {
            let error = of(rows).unwrap_err();
            assert!(error.to_string().contains(shown), "{error}");
        }
        for (answer, shown) in [
            (json!({"data": {}}), "positions.data.items: got nothing"),
            (
                json!({"data": {"items": []}, "pagination": {"total-items": 3}}),
                "positions.pagination.total-items: got 3",
            ),
        ] {
            assert!(positions(&answer).unwrap_err().to_string().contains(shown));
        }
    }
}
