//! A row as the sheet shows it.

use gamma_market::calendar::eastern;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{EdgeRow, WinLoss};

/// The columns of the tab `ConstantStableEdge`, in its order (docs/reference/spreadsheet.md,
/// `ConstantStableEdge`). A row is known by `run_date` and `acct`.
pub const COLUMNS: [&str; 21] = [
    "ts_utc",
    "ts_et",
    "run_date",
    "acct",
    "equity",
    "equity_src",
    "prev_equity",
    "transfer_net",
    "transfer_cum",
    "equity_adj",
    "prev_equity_adj",
    "pnl",
    "ret",
    "peak_equity",
    "dd",
    "dd_pct",
    "winloss",
    "llr",
    "n",
    "pause_until",
    "decision",
];

impl EdgeRow {
    /// The row's cells under [`COLUMNS`]: money with 2 decimals, returns with 8, `dd_pct` and `llr` with 6;
    /// what is not known is empty.
    #[must_use]
    pub fn cells(&self) -> [String; COLUMNS.len()] {
        let time = "%Y-%m-%dT%H:%M:%S%:z";
        let optional =
            |value: Option<Decimal>, places| value.map(|value| fixed(value, places)).unwrap_or_default();
        [
            self.at.strftime(time).to_string(),
            self.at.to_zoned(eastern().clone()).strftime(time).to_string(),
            self.run_date.to_string(),
            self.account.clone(),
            fixed(self.equity, 2),
            self.source.to_string(),
            optional(self.prev_equity, 2),
            fixed(self.transfer_net, 2),
            fixed(self.transfer_cum, 2),
            fixed(self.equity_adj, 2),
            optional(self.prev_equity_adj, 2),
            optional(self.pnl, 2),
            optional(self.ret, 8),
            fixed(self.peak_equity, 2),
            fixed(self.dd, 2),
            optional(self.dd_pct, 6),
            self.win_loss.map(WinLoss::name).unwrap_or_default().to_owned(),
            fixed(self.llr, 6),
            self.n.to_string(),
            self.pause_until.map(|date| date.to_string()).unwrap_or_default(),
            self.verdict.to_string(),
        ]
    }
}

/// With so many decimals, rounded half away from zero; never `-0.00`.
fn fixed(value: Decimal, places: u32) -> String {
    let rounded = value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    let rounded = if rounded.is_zero() { Decimal::ZERO } else { rounded };
    format!("{rounded:.*}", places as usize)
}
