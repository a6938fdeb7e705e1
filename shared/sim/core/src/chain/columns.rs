//! The two file layouts: which columns, and how one row becomes contracts.

use gamma_market::{Price, Right, Strike};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::ListedOption;
use super::parse::Row;
use crate::chain::ChainError;

const BY_STRIKE: &[&str] = &[
    "Date",
    "ExpDate",
    "Strike",
    "CallBid",
    "CallAsk",
    "CallPrice",
    "CallVolume",
    "CallOI",
    "PutBid",
    "PutAsk",
    "PutPrice",
    "PutVolume",
    "PutOI",
];

const BY_CONTRACT: &[&str] = &[
    "quote_date",
    "expiration",
    "strike",
    "option_type",
    "bid_size_1545",
    "bid_1545",
    "ask_size_1545",
    "ask_1545",
    "underlying_bid_1545",
    "underlying_ask_1545",
    "trade_volume",
    "open_interest",
];

/// How the rows of a file are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    ByStrike,
    ByContract,
}

/// One contract of a row with where it belongs.
pub(super) struct Listing {
    pub(super) trade_date: Date,
    pub(super) expiry: Date,
    pub(super) right: Right,
    pub(super) option: ListedOption,
}

impl Layout {
    pub(super) fn of_header(header: &[&str]) -> Option<Self> {
        [Self::ByStrike, Self::ByContract].into_iter().find(|layout| layout.columns() == header)
    }

    pub(super) const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::ByStrike => BY_STRIKE,
            Self::ByContract => BY_CONTRACT,
        }
    }

    pub(super) fn listings(self, row: &Row<'_>) -> Result<Vec<Listing>, ChainError> {
        let (trade_date, expiry) = (date(row, 0)?, date(row, 1)?);
        let strike = strike(row, 2)?;
        let listing = |right, option| Listing { trade_date, expiry, right, option };
        Ok(match self {
            Self::ByStrike => {
                vec![
                    listing(Right::Call, option(row, strike, [3, 4, 6, 7], Some(5))?),
                    listing(Right::Put, option(row, strike, [8, 9, 11, 12], Some(10))?),
                ]
            }
            Self::ByContract => vec![listing(right(row, 3)?, option(row, strike, [5, 7, 10, 11], None)?)],
        })
    }
}

/// The contract whose bid, ask, volume and open interest stand in `columns`.
fn option(
    row: &Row<'_>,
    strike: Strike,
    columns: [usize; 4],
    last: Option<usize>,
) -> Result<ListedOption, ChainError> {
    let [bid_at, ask_at, volume_at, interest_at] = columns;
    let bid = price(row, bid_at)?;
    let ask = Some(price(row, ask_at)?).filter(|ask| *ask > Price::ZERO);
    if ask.is_some_and(|ask| ask < bid) {
        return Err(row.error(ask_at, "an ask that is 0 or not below the bid"));
    }
    let last = last.map(|at| price(row, at)).transpose()?.filter(|last| *last > Price::ZERO);
    Ok(ListedOption {
        strike,
        bid,
        ask,
        last,
        volume: count(row, volume_at)?,
        open_interest: count(row, interest_at)?,
    })
}

fn date(row: &Row<'_>, at: usize) -> Result<Date, ChainError> {
    row.field(at).parse().map_err(|_| row.error(at, "a date such as 2025-09-03"))
}

fn strike(row: &Row<'_>, at: usize) -> Result<Strike, ChainError> {
    row.field(at)
        .parse::<Decimal>()
        .ok()
        .and_then(|points| points.checked_mul(Decimal::ONE_THOUSAND))
        .filter(Decimal::is_integer)
        .and_then(|thousandths| Strike::thousandths(thousandths.to_u32()?))
        .ok_or_else(|| row.error(at, "a strike in points such as 6420"))
}

fn right(row: &Row<'_>, at: usize) -> Result<Right, ChainError> {
    match row.field(at) {
        "C" => Ok(Right::Call),
        "P" => Ok(Right::Put),
        _ => Err(row.error(at, "C or P")),
    }
}

/// Digits and a point only: a file never writes an exponent, and more than three decimals is no option price.
fn price(row: &Row<'_>, at: usize) -> Result<Price, ChainError> {
    row.field(at)
        .parse::<Decimal>()
        .ok()
        .filter(|points| {
            !points.is_sign_negative() && points.scale() <= 3 && *points < Decimal::from(100_000)
        })
        .map(Price::new)
        .ok_or_else(|| row.error(at, "a price in points such as 0.05, not negative"))
}

fn count(row: &Row<'_>, at: usize) -> Result<u64, ChainError> {
    row.field(at).parse().map_err(|_| row.error(at, "a whole number, not negative"))
}
