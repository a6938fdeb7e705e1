//! Tab `ConstantStableTrades`: one row for each side that the day's plans approved.

use gamma_sheets::key::Key;
use gamma_sheets::table::{Row, TableSpec};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::dates::{eastern_time, universal_time};
use crate::day::Side;

/// The columns (docs/reference/spreadsheet.md), and what their key lacked: the account, the run, which plan
/// of the day it was; and what `last_price`, the last limit, was taken for: the price of the fills.
pub(crate) const TABLE: TableSpec = TableSpec {
    tab: "ConstantStableTrades",
    columns: &[
        "ts_utc",
        "ts_et",
        "trade_date",
        "tdate",
        "name",
        "kind",
        "side",
        "direction",
        "short_osi",
        "long_osi",
        "go",
        "strength",
        "gw_price",
        "qty_rule",
        "vol_field",
        "vol_used",
        "vol_value",
        "vol_bucket",
        "vol_mult",
        "unit_dollars",
        "oc",
        "units",
        "qty_requested",
        "qty_filled",
        "ladder_prices",
        "last_price",
        "nbbo_bid",
        "nbbo_ask",
        "nbbo_mid",
        "order_ids",
        "reason",
        "account",
        "run_id",
        "revision",
        "fill_price",
    ],
    key: &[
        Key::text("account"),
        Key::date("trade_date"),
        Key::date("tdate"),
        Key::text("name"),
        Key::number("revision"),
    ],
    user_owned: &[],
};

/// A row's texts, of what is known. Every column is there: what is unknown is empty.
pub(crate) fn row(account: &str, date: Date, side: &Side<'_>) -> Row {
    let mut row: Row = TABLE.columns.iter().map(|column| ((*column).to_owned(), String::new())).collect();
    let texts = [identity(account, date, side), sizing(side), execution(side)];
    row.extend(texts.into_iter().flatten().map(|(column, text)| (column.to_owned(), text)));
    row
}

type Texts = Vec<(&'static str, String)>;

fn identity(account: &str, date: Date, side: &Side<'_>) -> Texts {
    // A run that died has no report; its first order tells the time best.
    let began = side.started.or_else(|| side.rungs.first().map(|rung| rung.at));
    let vertical = &side.vertical;
    vec![
        ("ts_utc", began.map(universal_time).unwrap_or_default()),
        ("ts_et", began.map(eastern_time).unwrap_or_default()),
        ("trade_date", date.to_string()),
        ("tdate", side.expiry().to_string()),
        ("name", side.name()),
        ("kind", side.kind().to_owned()),
        ("side", side.effect().to_owned()),
        ("direction", side.direction().to_owned()),
        ("short_osi", vertical.sell().to_string()),
        ("long_osi", vertical.buy().to_string()),
        ("account", account.to_owned()),
        ("run_id", side.intent.writer.run_id.clone()),
        ("revision", side.intent.key.revision.to_string()),
    ]
}

fn sizing(side: &Side<'_>) -> Texts {
    let Some((plan, planned)) = side.plan else { return Vec::new() };
    vec![
        ("go", number(planned.go)),
        ("strength", number(planned.strength)),
        ("gw_price", planned.feed_price.map(|price| price.to_string()).unwrap_or_default()),
        ("qty_rule", planned.rule(side.intent.quantity)),
        ("vol_field", plan.volatility_field.clone()),
        ("vol_used", plan.volatility.map(|_| plan.volatility_field.clone()).unwrap_or_default()),
        ("vol_value", plan.volatility.map(number).unwrap_or_default()),
        ("vol_bucket", plan.bucket.to_string()),
        ("vol_mult", plan.multiplier.to_string()),
        ("unit_dollars", number(plan.unit_dollars)),
        ("oc", number(plan.equity)),
        ("units", plan.units.to_string()),
    ]
}

fn execution(side: &Side<'_>) -> Texts {
    let list = |texts: Vec<String>| texts.join(",");
    let nbbo = |part: fn(&(_, _, _)) -> gamma_market::Price| {
        side.nbbo().as_ref().map(part).map(|price| price.to_string()).unwrap_or_default()
    };
    vec![
        ("qty_requested", side.intent.quantity.to_string()),
        ("qty_filled", side.filled().to_string()),
        ("ladder_prices", list(side.rungs.iter().map(|rung| rung.price.to_string()).collect())),
        ("last_price", side.rungs.last().map(|rung| rung.price.to_string()).unwrap_or_default()),
        ("nbbo_bid", nbbo(|nbbo| nbbo.0)),
        ("nbbo_ask", nbbo(|nbbo| nbbo.1)),
        ("nbbo_mid", nbbo(|nbbo| nbbo.2)),
        (
            "order_ids",
            list(side.rungs.iter().filter_map(|rung| rung.state.order().map(ToString::to_string)).collect()),
        ),
        ("reason", side.reason().to_owned()),
        ("fill_price", side.fill_price().map(|price| price.to_string()).unwrap_or_default()),
    ]
}

pub(crate) fn number(value: Decimal) -> String {
    value.normalize().to_string()
}
