//! The rows the feed publishes.

use gamma_market::calendar::{SessionDay, at_eastern, session_day, trade_date};
use gamma_market::{OptionSymbol, Price, Right, Strike};
use gamma_sim_core::chain::{Chain, ROOT};
use gamma_sim_core::market::Market;
use gamma_sim_core::random::{Stream, between, stream_at};
use jiff::civil::{Date, time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Map, Value, json};

/// Sessions before the trade date that have a row.
const HISTORY: usize = 10;

/// A row and the moment from which on it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedRow {
    /// When it is published.
    pub at: Timestamp,
    /// Its fields as they stand in the JSON; numbers may be texts.
    pub fields: Map<String, Value>,
}

/// What the row of the trade date says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalChoice {
    /// Both sides sold, at this one-day volatility (a decimal fraction).
    ShortCondor {
        /// `VixOne`.
        vix_one: Decimal,
    },
    /// The seed chooses each side's direction and a volatility from 0.10 to 0.50.
    Seeded,
}

/// The rows for a market that stands at its start: one for each of the ten sessions before the chain's trade
/// date, and the trade date's own, each published at 16:13:30 Eastern of its day plus `delay`. The strikes
/// are the first at least 20 points off the index on the listed five-point grid (6425 and 6470 on the chain
/// of 2025-09-03), the prices lie near the chain's mids, and the expiry is the first after the trade date.
#[must_use]
pub fn default_rows(
    market: &Market,
    seed: u64,
    delay: SignedDuration,
    choice: SignalChoice,
) -> Vec<PublishedRow> {
    let chain = market.chain();
    let today = chain.trade_date();
    let mut sessions: Vec<Date> = std::iter::successors(today.yesterday().ok(), |date| date.yesterday().ok())
        .filter(is_session)
        .take(HISTORY)
        .collect();
    sessions.reverse();
    let level = market.underlying();
    let mut rows: Vec<PublishedRow> = (0_u64..)
        .zip(&sessions)
        .map(|(index, date)| {
            let mut random = stream_at(seed, Stream::Signal, index + 1);
            let moved = Price::new(level.points() + Decimal::from(between(&mut random, -60, 60)));
            let signal = Signal::chosen(seed, index + 1, SignalChoice::Seeded);
            row(*date, session_after(*date), moved, signal, [Price::cents(95), Price::cents(105)], delay)
        })
        .collect();
    let expiry = chain.expiries().into_iter().find(|expiry| *expiry > today).unwrap_or(today);
    rows.push(row(today, expiry, level, Signal::chosen(seed, 0, choice), mids(chain, expiry, level), delay));
    rows
}

/// A row for each session from the market's day through `last`, published at 16:13:30 Eastern. Strikes and
/// prices are those of the market as it stands then, and the expiry is the session after.
#[must_use]
pub fn session_rows(market: &Market, seed: u64, choice: SignalChoice, last: Date) -> Vec<PublishedRow> {
    let mut market = market.clone();
    let days = std::iter::successors(Some(trade_date(market.now())), |date| date.tomorrow().ok())
        .take_while(|date| *date <= last);
    let row_of = |(index, date): (u64, Date)| {
        market.advance_to(at_eastern(date, time(16, 13, 30, 0)));
        let (level, expiry) = (market.underlying(), session_after(date));
        let (put, call) = strikes(level);
        let prices = [(Right::Put, put, put - 5), (Right::Call, call, call + 5)]
            .map(|(right, inner, outer)| quoted(&market, expiry, right, inner, outer));
        row(date, expiry, level, Signal::chosen(seed, index, choice), prices, SignedDuration::ZERO)
    };
    (0..).zip(days.filter(is_session)).map(row_of).collect()
}

/// The mid of a spread as the market quotes it; a point where it quotes none.
fn quoted(market: &Market, expiry: Date, right: Right, inner: i64, outer: i64) -> Price {
    let mid = |points: i64| {
        let quote = market.quote(&OptionSymbol::new(
            ROOT,
            expiry,
            right,
            Strike::whole(u32::try_from(points).ok()?)?,
        )?)?;
        quote.two_sided().map(|(bid, ask)| bid.halfway(ask))
    };
    mid(inner).zip(mid(outer)).map_or(Price::cents(100), |(inner, outer)| inner - outer)
}

struct Signal {
    left: i64,
    right: i64,
    vix_one: Decimal,
}

impl Signal {
    fn chosen(seed: u64, position: u64, choice: SignalChoice) -> Self {
        let mut random = stream_at(seed, Stream::Signal, position);
        match choice {
            SignalChoice::ShortCondor { vix_one } => Self { left: -1, right: -1, vix_one },
            SignalChoice::Seeded => Self {
                left: 2 * between(&mut random, 0, 1) - 1,
                right: 2 * between(&mut random, 0, 1) - 1,
                vix_one: Decimal::new(between(&mut random, 1000, 5000), 4),
            },
        }
    }
}

/// Numbers and numeric texts side by side, as the feed has them.
fn row(
    date: Date,
    expiry: Date,
    level: Price,
    signal: Signal,
    [put, call]: [Price; 2],
    delay: SignedDuration,
) -> PublishedRow {
    let (limit, call_limit) = strikes(level);
    let fields = json!({
        "Date": date.to_string(),
        "TDate": format!("{expiry}T00:00:00"),
        "SPX": level.to_string(),
        "Forward": (level + Price::cents(35)).to_string(),
        "VIX": "0.1635",
        "VixOne": signal.vix_one.to_string(),
        "Limit": limit,
        "CLimit": call_limit.to_string(),
        "Put": put.to_string(),
        "Call": call.to_string(),
        "LeftGo": signal.left,
        "RightGo": signal.right.to_string(),
        "LImp": "0.62",
        "RImp": "0.57",
        "LReturn": Value::Null,
        "RReturn": Value::Null,
        "RV": "0.0912",
        "RV5": "0.0874",
        "RV20": "0.1033",
        "AR": "0.0001",
    });
    let at = at_eastern(date, time(16, 13, 30, 0));
    PublishedRow {
        at: at.checked_add(delay).unwrap_or(at),
        fields: fields.as_object().cloned().unwrap_or_default(),
    }
}

/// The put strike at least 20 points below, the call strike at least 20 above, in whole fives.
fn strikes(level: Price) -> (i64, i64) {
    let five = Decimal::from(5);
    let put = ((level.points() - Decimal::from(20)) / five).floor() * five;
    let call = ((level.points() + Decimal::from(20)) / five).ceil() * five;
    (put.to_i64().unwrap_or(0), call.to_i64().unwrap_or(0))
}

/// The mids of the five-point put and call spreads outside the strikes.
fn mids(chain: &Chain, expiry: Date, level: Price) -> [Price; 2] {
    let (put, call) = strikes(level);
    [spread(chain, expiry, Right::Put, put, put - 5), spread(chain, expiry, Right::Call, call, call + 5)]
}

fn spread(chain: &Chain, expiry: Date, right: Right, inner: i64, outer: i64) -> Price {
    let mid = |points: i64| {
        let strike = Strike::whole(u32::try_from(points).ok()?)?;
        let option = chain.option(&OptionSymbol::new(ROOT, expiry, right, strike)?)?;
        Some(option.bid.halfway(option.ask?))
    };
    mid(inner).zip(mid(outer)).map_or(Price::cents(100), |(inner, outer)| inner - outer)
}

/// The session after `date`.
#[must_use]
pub fn session_after(date: Date) -> Date {
    std::iter::successors(date.tomorrow().ok(), |day| day.tomorrow().ok()).find(is_session).unwrap_or(date)
}

fn is_session(date: &Date) -> bool {
    matches!(session_day(*date), SessionDay::Open { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn rows(seed: u64, choice: SignalChoice) -> Vec<PublishedRow> {
        let market =
            Market::new(Chain::spxw_2025_09_03().unwrap(), seed, "2025-09-03T10:00-04:00".parse().unwrap());
        default_rows(&market, seed, SignedDuration::from_secs(4), choice)
    }

    #[test]
    fn the_default_row_fits_the_chain() {
        let rows = rows(1, SignalChoice::ShortCondor { vix_one: Decimal::new(20, 2) });
        assert_eq!(rows.len(), 11);
        let today = rows.last().unwrap();
        assert_eq!(today.at, "2025-09-03T16:13:34-04:00".parse().unwrap());
        for (field, value) in [
            ("Date", json!("2025-09-03")),
            ("TDate", json!("2025-09-04T00:00:00")),
            ("Limit", json!(6425)),
            ("CLimit", json!("6470")),
            ("LeftGo", json!(-1)),
            ("RightGo", json!("-1")),
            ("VixOne", json!("0.20")),
            ("Put", json!("0.95")),
            ("Call", json!("1.20")),
        ] {
            assert_eq!(today.fields[field], value, "{field}");
        }
        let before = &rows[rows.len() - 2];
        assert_eq!(
            (before.fields["Date"].as_str(), before.fields["TDate"].as_str()),
            (Some("2025-09-02"), Some("2025-09-03T00:00:00"))
        );
        assert!(rows.windows(2).all(|pair| pair[0].at < pair[1].at));
        assert_eq!(rows[8].fields["Date"], "2025-08-29", "Labor Day has no row");
    }

    #[test]
    fn seeds_choose_every_direction_and_a_sensible_volatility() {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 1..=40 {
            let rows = rows(seed, SignalChoice::Seeded);
            let today = rows.last().unwrap();
            let vix_one: Decimal = today.fields["VixOne"].as_str().unwrap().parse().unwrap();
            assert!((Decimal::new(10, 2)..=Decimal::new(50, 2)).contains(&vix_one));
            seen.insert((today.fields["LeftGo"].to_string(), today.fields["RightGo"].to_string()));
        }
        assert_eq!(seen.len(), 4, "{seen:?}");
    }

    #[test]
    fn every_session_has_a_row_that_fits_its_market() {
        let (friday, monday, tuesday) = (date(2025, 11, 28), date(2025, 12, 1), date(2025, 12, 2));
        let chain = Chain::spxw_2025_09_03().unwrap().dated(date(2025, 11, 27), [friday, monday, tuesday]);
        let mut market = Market::new(chain, 5, "2025-11-27T10:00-05:00".parse().unwrap());
        let rows =
            session_rows(&market, 5, SignalChoice::ShortCondor { vix_one: Decimal::new(20, 2) }, monday);
        let dates: Vec<_> = rows
            .iter()
            .map(|row| (row.fields["Date"].as_str().unwrap(), row.fields["TDate"].as_str().unwrap()))
            .collect();
        assert_eq!(
            dates,
            [("2025-11-28", "2025-12-01T00:00:00"), ("2025-12-01", "2025-12-02T00:00:00")],
            "Thanksgiving has none"
        );
        for (row, expiry) in rows.iter().zip([monday, tuesday]) {
            market.advance_to(row.at);
            assert_eq!(row.fields["SPX"], json!(market.underlying().to_string()));
            let strike =
                Strike::whole(u32::try_from(row.fields["Limit"].as_i64().unwrap()).unwrap()).unwrap();
            assert!(
                market.quote(&OptionSymbol::new(ROOT, expiry, Right::Put, strike).unwrap()).is_some(),
                "{expiry} {strike:?}"
            );
        }
        assert_ne!(rows[0].fields["SPX"], rows[1].fields["SPX"], "the market went on");
    }
}
