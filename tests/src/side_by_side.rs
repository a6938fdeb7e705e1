//! Several runs told beside each other, a column for each account.

use std::fmt::Write;

use serde_json::Value;

use crate::story::{list, new_york, price, text};

/// A table: a name, and what stands beside it in each account's column. Empty rows and columns' ends are left
/// out.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, Vec<String>)>,
}

/// The widest a column may become.
const WIDEST: usize = 48;

impl Table {
    /// Adds a row.
    pub fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push((name.to_owned(), cells.into_iter().collect()));
    }

    /// Adds the rows that a report of each account makes.
    pub fn reports(&mut self, reports: &[&Value]) {
        let each = |of: fn(&Value) -> String| reports.iter().map(|report| of(report)).collect::<Vec<_>>();
        self.row("signal", each(|report| text(&report["plan"], "structure").replace('_', " ")));
        self.row("equity", each(|report| format!("${}", text(&report["plan"], "equity"))));
        self.row("sizing", each(sizing));
        let most = reports.iter().map(|report| list(report, "sides").len()).max().unwrap_or(0);
        for place in 0..most {
            self.side(&reports.iter().map(|report| &report["sides"][place]).collect::<Vec<_>>());
        }
        self.row("token", each(token));
        self.row("requests", each(|report| text(report, "http_requests")));
        self.row("outcome", each(|report| text(report, "outcome").to_uppercase()));
    }

    fn side(&mut self, sides: &[&Value]) {
        let each = |of: fn(&Value) -> String| {
            sides.iter().map(|side| if side.is_null() { String::new() } else { of(side) }).collect::<Vec<_>>()
        };
        self.row("", each(|_| String::new()));
        self.row("side", each(|side| format!("{}, {}", text(side, "name"), text(side, "effect"))));
        self.row(
            "sell, buy",
            each(|side| {
                format!("{}, {}", strike(&side["vertical"], "sell"), strike(&side["vertical"], "buy"))
            }),
        );
        self.row(
            "approved",
            each(|side| {
                side["refused"]
                    .as_str()
                    .map_or_else(|| text(side, "quantity"), |why| format!("refused: {why}"))
            }),
        );
        let most = sides.iter().map(|side| list(side, "rungs").len()).max().unwrap_or(0);
        for place in 0..most {
            self.row(&format!("rung {}", place + 1), sides.iter().map(|side| rung(&side["rungs"][place])));
        }
        self.row("filled", each(filled));
    }
}

/// Aligned, with the first row's cells as headings.
impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let columns = self.rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let short = |cell: &str| cell.chars().take(WIDEST).collect::<String>();
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|(_, cells)| cells.get(column))
                .map(|cell| short(cell).chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let named = self
            .rows
            .iter()
            .filter(|(_, cells)| !cells.is_empty())
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0)
            .max(10);
        for (name, cells) in &self.rows {
            let mut line = format!("  {name:<named$}");
            for (cell, width) in cells.iter().zip(&widths) {
                write!(line, "  {:<width$}", short(cell))?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

fn sizing(report: &Value) -> String {
    let plan = &report["plan"];
    if plan.is_null() {
        return String::new();
    }
    format!("/ {} = {} units, × {}", text(plan, "unit_dollars"), plan["units"], plan["multiplier"])
}

/// The contract without its root and expiry, which all of a day share.
fn strike(vertical: &Value, leg: &str) -> String {
    let symbol = text(vertical, leg);
    symbol
        .parse::<gamma_market::OptionSymbol>()
        .map_or(symbol, |symbol| format!("{} {}", symbol.strike(), symbol.right()))
}

fn rung(rung: &Value) -> String {
    if rung.is_null() {
        return String::new();
    }
    let came = if rung["filled"].as_u64().unwrap_or(0) > 0 {
        format!("{} filled", rung["filled"])
    } else {
        text(rung, "status")
    };
    format!(
        "{}  {} at {}, mid {}: {came}",
        new_york(&text(rung, "at")),
        rung["quantity"],
        price(rung, "price"),
        price(&rung["nbbo"], "mid")
    )
}

fn filled(side: &Value) -> String {
    let count = format!("{} of {}", side["filled"], side["quantity"]);
    match side["average_price"].as_str() {
        Some(_) => format!("{count} at {}, fees about ${}", price(side, "average_price"), text(side, "cost")),
        None => count,
    }
}

fn token(report: &Value) -> String {
    match text(&report["token"], "token").as_str() {
        "saved" => format!("refreshed, version {}", report["token"]["version"]),
        "newer_stored" => "another run's is stored".to_owned(),
        other => other.to_owned(),
    }
}
