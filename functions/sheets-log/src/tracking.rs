//! Tab `CS_Tracking`: the day's put and call side in one row.

use std::collections::BTreeSet;

use gamma_market::{Price, Right};
use gamma_sheets::key::Key;
use gamma_sheets::table::{Row, TableSpec};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::day::Side;
use crate::trades::number;

/// The columns of docs/reference/spreadsheet.md, `CS_Tracking`.
pub(crate) const TABLE: TableSpec = TableSpec {
    tab: "CS_Tracking",
    columns: &[
        "date",
        "expiry",
        "account",
        "put_go",
        "call_go",
        "put_strikes",
        "call_strikes",
        "gw_put_price",
        "gw_call_price",
        "put_spread_price",
        "call_spread_price",
        "vix_value",
        "vol_bucket",
        "vix_mult",
        "units",
        "put_side",
        "put_target",
        "call_side",
        "call_target",
        "put_filled",
        "put_fill_price",
        "put_status",
        "call_filled",
        "call_fill_price",
        "call_status",
        "put_improvement",
        "call_improvement",
        "cost_per_contract",
        "put_cost",
        "call_cost",
        "total_cost",
    ],
    key: &[Key::date("date"), Key::date("expiry"), Key::text("account")],
    user_owned: &[],
};

/// The status of a side that filled in more than one plan of the day: its row can show the strikes of one
/// only.
pub(crate) const SEVERAL_STRIKES: &str = "SEVERAL_STRIKES";

/// One row for each expiry that the day's plans wanted, by expiry.
pub(crate) fn rows(account: &str, date: Date, sides: &[Side<'_>], cost_per_contract: Decimal) -> Vec<Row> {
    let expiries: BTreeSet<Date> = sides.iter().map(Side::expiry).collect();
    expiries.into_iter().map(|expiry| row((account, date, expiry), sides, cost_per_contract)).collect()
}

fn row((account, date, expiry): (&str, Date, Date), sides: &[Side<'_>], cost_per_contract: Decimal) -> Row {
    let of = |right| {
        shown(sides.iter().filter(|side| side.expiry() == expiry && side.vertical.right() == right).collect())
    };
    let (put, call) = (of(Right::Put), of(Right::Call));
    let mut row: Row = TABLE.columns.iter().map(|column| ((*column).to_owned(), String::new())).collect();
    let mut set = |column: &str, text: String| drop(row.insert(column.to_owned(), text));
    set("date", date.to_string());
    set("expiry", expiry.to_string());
    set("account", account.to_owned());
    let plan = [&put, &call].into_iter().flatten().find_map(|(side, _)| side.plan);
    if let Some((plan, _)) = plan {
        set("vix_value", plan.volatility.map(number).unwrap_or_default());
        set("vol_bucket", plan.bucket.to_string());
        set("vix_mult", plan.multiplier.to_string());
        set("units", plan.units.to_string());
    }
    let mut total = Decimal::ZERO;
    for (prefix, shown) in [("put", put), ("call", call)] {
        let cost = shown.as_ref().map_or(Decimal::ZERO, |(side, _)| {
            Decimal::from(side.filled()) * Decimal::TWO * cost_per_contract
        });
        total += cost;
        set(&format!("{prefix}_cost"), dollars(cost));
        for (column, text) in shown.into_iter().flat_map(|shown| side_texts(prefix, &shown)) {
            set(&column, text);
        }
    }
    set("cost_per_contract", dollars(cost_per_contract));
    set("total_cost", dollars(total));
    row
}

/// Of a side's plans the newest that filled, or else the newest; and how it is said to have ended.
fn shown<'a, 'd>(sides: Vec<&'a Side<'d>>) -> Option<(&'a Side<'d>, &'static str)> {
    let filled = || sides.iter().filter(|side| side.filled() > 0);
    let side = *filled().next_back().or(sides.last())?;
    Some((side, if filled().count() > 1 { SEVERAL_STRIKES } else { side.reason() }))
}

fn side_texts(prefix: &str, (side, status): &(&Side<'_>, &'static str)) -> Vec<(String, String)> {
    let price = |price: Option<Price>| price.map(|price| price.to_string()).unwrap_or_default();
    let planned = side.plan.map(|(_, planned)| planned);
    // Where nothing was sent, the mid that the plan was approved at is what is known of the market.
    let mid = side.nbbo().map_or(side.intent.decision_mid, |(_, _, mid)| mid);
    let of_side = |column: &str, text| (format!("{prefix}_{column}"), text);
    vec![
        of_side("go", planned.map(|planned| number(planned.go)).unwrap_or_default()),
        of_side("strikes", side.strikes()),
        (format!("gw_{prefix}_price"), price(planned.and_then(|planned| planned.feed_price))),
        of_side("spread_price", mid.to_string()),
        of_side("side", side.effect().to_owned()),
        of_side("target", side.intent.quantity.to_string()),
        of_side("filled", side.filled().to_string()),
        of_side("fill_price", price(side.fill_price())),
        of_side("status", (*status).to_owned()),
        of_side("improvement", price(side.improvement())),
    ]
}

fn dollars(amount: Decimal) -> String {
    Price::new(amount).to_string()
}
