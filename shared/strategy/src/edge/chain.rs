//! From observations and transfers to rows.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{EdgeRow, EdgeSettings, Observation, Transfer, Verdict, WinLoss};

/// How far before the first observation transfers are counted.
const BEFORE_THE_FIRST: SignedDuration = SignedDuration::from_hours(24);

/// The rows of an account, one for each date that was observed, oldest first. What is given may be in any
/// order and hold the same thing twice; a date that was observed more than once has one row. An observation
/// without equity has none.
///
/// A transfer belongs to the first row whose equity holds it, whenever it became known, and whether the
/// account was paused or not.
#[must_use]
pub fn chain(
    observations: &[Observation],
    transfers: &[Transfer],
    settings: &EdgeSettings,
    account: &str,
) -> Vec<EdgeRow> {
    let days = one_a_day(observations);
    let mut transfers = by_id(transfers);
    transfers.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
    let mut left = transfers.into_iter().peekable();
    if let Some(first) = days.first() {
        let begin = first.counted_until.checked_sub(BEFORE_THE_FIRST).unwrap_or(Timestamp::MIN);
        while left.next_if(|transfer| transfer.at <= begin).is_some() {}
    }
    let mut rows: Vec<EdgeRow> = Vec::with_capacity(days.len());
    for day in days {
        let mut net = Decimal::ZERO;
        while let Some(transfer) = left.next_if(|transfer| transfer.at <= day.counted_until) {
            net = net.saturating_add(transfer.amount);
        }
        let row = next_row(rows.last(), day, net, settings, account);
        rows.push(row);
    }
    rows
}

/// Of several observations of a date the same one counts, whichever came first: a live run's before
/// another's, what the run itself read before what was asked for afterwards, the earlier before the later.
fn one_a_day(observations: &[Observation]) -> Vec<&Observation> {
    let mut days: BTreeMap<Date, &Observation> = BTreeMap::new();
    let rank = |seen: &Observation| {
        (!seen.live, seen.source, seen.at, seen.run_id.clone(), seen.equity, seen.counted_until)
    };
    for seen in observations.iter().filter(|seen| seen.equity > Decimal::ZERO) {
        let chosen = days.entry(seen.date).or_insert(seen);
        if rank(seen) < rank(chosen) {
            *chosen = seen;
        }
    }
    days.into_values().collect()
}

fn by_id(transfers: &[Transfer]) -> Vec<&Transfer> {
    let mut known: BTreeMap<&str, &Transfer> = BTreeMap::new();
    for transfer in transfers {
        let kept = known.entry(&transfer.id).or_insert(transfer);
        *kept = (*kept).min(transfer);
    }
    known.into_values().collect()
}

/// The row after `prev`.
pub(super) fn next_row(
    prev: Option<&EdgeRow>,
    day: &Observation,
    transfer_net: Decimal,
    settings: &EdgeSettings,
    account: &str,
) -> EdgeRow {
    let transfer_cum = prev.map_or(Decimal::ZERO, |prev| prev.transfer_cum).saturating_add(transfer_net);
    let equity_adj = day.equity.saturating_sub(transfer_cum);
    let prev_equity_adj = prev.map(|prev| prev.equity_adj);
    let pnl = prev_equity_adj.map(|before| equity_adj.saturating_sub(before));
    let ret =
        prev_equity_adj.filter(|before| *before > Decimal::ZERO).and_then(|before| pnl?.checked_div(before));
    let peak_equity = prev.map_or(equity_adj, |prev| prev.peak_equity.max(equity_adj));
    let dd = peak_equity.saturating_sub(equity_adj);
    let tested = test(prev, day.date, ret, settings);
    EdgeRow {
        at: day.at,
        run_date: day.date,
        account: account.to_owned(),
        equity: day.equity,
        source: day.source,
        prev_equity: prev.map(|prev| prev.equity),
        transfer_net,
        transfer_cum,
        equity_adj,
        prev_equity_adj,
        pnl,
        ret,
        peak_equity,
        dd,
        dd_pct: dd.checked_div(peak_equity).filter(|_| peak_equity > Decimal::ZERO),
        win_loss: pnl.map(|pnl| match pnl.cmp(&Decimal::ZERO) {
            std::cmp::Ordering::Greater => WinLoss::Win,
            std::cmp::Ordering::Less => WinLoss::Loss,
            std::cmp::Ordering::Equal => WinLoss::Flat,
        }),
        llr: tested.llr,
        reached: tested.reached,
        n: tested.n,
        pause_until: tested.pause_until,
        verdict: tested.verdict,
    }
}

/// The test's part of a row.
struct Tested {
    llr: Decimal,
    reached: Decimal,
    n: u32,
    pause_until: Option<Date>,
    verdict: Verdict,
}

fn test(prev: Option<&EdgeRow>, date: Date, ret: Option<Decimal>, settings: &EdgeSettings) -> Tested {
    let (llr, n) = prev.map_or((Decimal::ZERO, 0), |prev| (prev.llr, prev.n));
    let pause_until = prev.and_then(|prev| prev.pause_until);
    let carried = |verdict| Tested { llr, reached: llr, n, pause_until, verdict };
    if pause_until.is_some_and(|until| date <= until) {
        return carried(Verdict::Paused);
    }
    let (Some(mu1), Some(sigma), Some(ret)) = (settings.mu1, settings.sigma, ret) else {
        return carried(Verdict::MonitorOnly);
    };
    let step = if sigma > Decimal::ZERO { settings.step(mu1, sigma, ret) } else { None };
    let Some(step) = step else { return carried(Verdict::NoSigma) };
    let (reached, n) = (llr.saturating_add(step), n.saturating_add(1));
    let (lower, upper) = settings.bounds();
    let statistic = reached.to_f64().unwrap_or_default();
    let anew = |verdict, pause_until| Tested { llr: Decimal::ZERO, reached, n: 0, pause_until, verdict };
    if n >= settings.min_samples && statistic <= lower {
        let until = date.checked_add(i64::from(settings.pause_days).days()).unwrap_or(Date::MAX);
        anew(Verdict::PauseEdge, Some(until))
    } else if statistic >= upper {
        anew(Verdict::EdgeOkReset, pause_until)
    } else {
        Tested { llr: reached, reached, n, pause_until, verdict: Verdict::Ok }
    }
}
