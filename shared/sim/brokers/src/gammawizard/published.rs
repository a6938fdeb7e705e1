//! What the feed shows at a moment, and how it can be wrong.

use gamma_market::calendar::trade_date;
use gamma_sim_core::faults::Fault;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::PublishedRow;

type Row = Map<String, Value>;

/// The newest published row as `Trade`, all published rows as `Predictions`, newest last; unless `faults`
/// show it otherwise.
pub(super) fn body(rows: &[PublishedRow], now: Timestamp, faults: &[Fault]) -> Value {
    let published =
        rows.iter().filter(|row| row.at <= shown_until(now, faults)).map(|row| row.fields.clone());
    let mut published: Vec<Row> = published.collect();
    for fault in faults {
        match fault {
            Fault::StaleSignal => published.retain(|row| !is_of_today(row, now)),
            Fault::MovedStrikes(points) => {
                change_newest(&mut published, ["Limit", "CLimit"], |strike| strike + points)
            }
            Fault::FlippedSignal => {
                change_newest(&mut published, ["LeftGo", "RightGo"], |direction| -direction)
            }
            _ => {}
        }
    }
    let trade =
        faults.iter().find_map(|fault| if let Fault::Trade(shown) = fault { Some(shown) } else { None });
    if let Some(trade) = trade {
        return json!({ "Trade": trade, "Predictions": published });
    }
    if faults.contains(&Fault::NewestFirst) {
        published.reverse();
        let newest: Vec<&Row> = published.iter().take(2).collect();
        return json!({ "Trade": newest, "Predictions": published });
    }
    json!({ "Trade": published.last().cloned().unwrap_or_default(), "Predictions": published })
}

fn shown_until(now: Timestamp, faults: &[Fault]) -> Timestamp {
    let late =
        faults.iter().find_map(|fault| if let Fault::LateSignal(time) = fault { Some(*time) } else { None });
    late.map_or(now, |time| now.checked_sub(time).unwrap_or(Timestamp::MIN))
}

fn is_of_today(row: &Row, now: Timestamp) -> bool {
    row.get("Date").and_then(Value::as_str) == Some(trade_date(now).to_string().as_str())
}

/// Whole numbers only, each as what it was: a number or a text.
fn change_newest(rows: &mut [Row], fields: [&str; 2], change: impl Fn(i64) -> i64) {
    let Some(newest) = rows.last_mut() else { return };
    for field in fields {
        let Some(value) = newest.get_mut(field) else { continue };
        match value {
            Value::String(text) => {
                if let Ok(number) = text.parse() {
                    *text = change(number).to_string();
                }
            }
            other => {
                if let Some(number) = other.as_i64() {
                    *other = change(number).into();
                }
            }
        }
    }
}
