use super::*;
use jiff::ToSpan;
use proptest::prelude::*;
use std::collections::BTreeMap;

const START: &str = "2025-09-03T10:00:00-04:00";

fn start() -> Timestamp {
    START.parse().unwrap()
}

fn market(seed: u64) -> Market {
    Market::new(Chain::spxw_2025_09_03().unwrap(), seed, start())
}

fn at(seed: u64, seconds: i64) -> Market {
    let mut market = market(seed);
    market.advance_to(start() + seconds.seconds());
    market
}

type Snapshot = BTreeMap<(Date, Right), Vec<(Strike, LegQuote)>>;

fn snapshot(market: &Market) -> Snapshot {
    market.chain().all_series().map(|(expiry, right, _)| ((expiry, right), market.series_quotes(expiry, right))).collect()
}

#[test]
fn the_start_is_the_file() {
    for chain in [Chain::spxw_2025_09_03().unwrap(), Chain::spxw_2019_06_26().unwrap()] {
        let market = Market::new(chain.clone(), 7, start());
        for (expiry, right, options) in chain.all_series() {
            let real: Vec<_> = options.iter().map(|option| (option.strike, Some(option.bid), option.ask)).collect();
            let quoted: Vec<_> = market.series_quotes(expiry, right).iter().map(|(strike, quote)| (*strike, quote.bid, quote.ask)).collect();
            assert_eq!(quoted, real, "{expiry} {right}");
        }
    }
}

#[test]
fn the_level_is_the_parity_level_plus_the_walk() {
    assert_eq!(market(1).underlying(), "6448.05".parse().unwrap());
    let later = at(1, 600);
    assert_ne!(later.shift(), Price::ZERO);
    assert_eq!(later.underlying(), Price::new((market(1).underlying() + later.shift()).points().round_dp(2)));
}

#[test]
fn quotes_follow_the_index() {
    let call: OptionSymbol = "SPXW250904C6450".parse().unwrap();
    let put: OptionSymbol = "SPXW250904P6450".parse().unwrap();
    let mid = |market: &Market, symbol| market.quote(symbol).and_then(|quote| quote.two_sided()).map(|(bid, ask)| bid.halfway(ask)).unwrap();
    let mut moved = 0;
    for seed in 1..=20 {
        let later = at(seed, 300);
        if later.shift().abs() > Price::cents(300) {
            moved += 1;
            assert_eq!(mid(&later, &call) > mid(&market(seed), &call), later.shift() > Price::ZERO, "seed {seed}");
            assert_eq!(mid(&later, &put) < mid(&market(seed), &put), later.shift() > Price::ZERO, "seed {seed}");
        }
    }
    assert!(moved >= 10, "only {moved} of 20 seeds moved by three points in five minutes");
}

#[test]
fn the_walk_has_the_stated_size_and_stops_at_the_close() {
    let squares: i64 = (1..=60).map(|seed| at(seed, 100).walk.shift().pow(2)).sum();
    let deviation = (squares / 60).isqrt();
    assert!((3_000..5_000).contains(&deviation), "after 100 seconds: {deviation} thousandths, expected about 4000");

    let mut market = market(3);
    market.advance_to("2025-09-03T16:15:00-04:00".parse().unwrap());
    let at_close = (market.shift(), snapshot(&market).values().map(Vec::len).sum::<usize>());
    market.advance_to("2025-09-04T09:30:00-04:00".parse().unwrap());
    assert_eq!((market.shift(), snapshot(&market).values().map(Vec::len).sum::<usize>()), at_close);
    market.advance_to("2025-09-04T09:31:00-04:00".parse().unwrap());
    assert_ne!(market.shift(), at_close.0);
    assert_eq!(market.walk.steps(), 6 * 3600 + 900 + 60);
}

#[test]
fn unlisted_contracts_have_no_quote() {
    for symbol in ["SPX250904C6450", "SPXW250904C6451", "SPXW250911C6450"] {
        assert_eq!(market(1).quote(&symbol.parse().unwrap()), None, "{symbol}");
    }
}

/// Quotes are ordered, not negative and on tick, and no spread of neighbouring strikes is free.
fn sound(expiry: Date, right: Right, quotes: &[(Strike, LegQuote)]) -> Result<(), TestCaseError> {
    let mut mids = Vec::new();
    for (strike, quote) in quotes {
        let (bid, ask) = quote.two_sided().ok_or_else(|| TestCaseError::fail(format!("{expiry} {right} {strike}: {quote:?}")))?;
        for side in [bid, ask] {
            prop_assert!(gamma_market::PriceRule::Spx.leg_tick(side).holds(side), "{} {} {}: {} off tick", expiry, right, strike, side);
        }
        mids.push((*strike, bid.halfway(ask)));
    }
    for pair in mids.windows(2) {
        let [(low, at_low), (high, at_high)] = pair else { continue };
        let worth = if right == Right::Put { *at_high - *at_low } else { *at_low - *at_high };
        let width = Price::new(high.points() - low.points());
        prop_assert!(!worth.is_negative() && worth <= width, "{} {} {}/{}: worth {}", expiry, right, low, high, worth);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn quotes_are_sound_at_every_later_second(seed in any::<u64>(), seconds in 1_i64..20_000, old in any::<bool>()) {
        let chain = if old { Chain::spxw_2019_06_26() } else { Chain::spxw_2025_09_03() };
        let mut market = Market::new(chain.unwrap(), seed, start());
        market.advance_to(start() + seconds.seconds());
        for ((expiry, right), quotes) in snapshot(&market) {
            sound(expiry, right, &quotes)?;
        }
    }

    #[test]
    fn a_shift_off_the_listed_strikes_is_sound_too(shift in -9_000_000_i64..9_000_000, seed in any::<u64>()) {
        let mut market = at(seed, 1);
        market.walk.set_shift(shift);
        for ((expiry, right), quotes) in snapshot(&market) {
            sound(expiry, right, &quotes)?;
        }
    }

    #[test]
    fn reading_and_the_size_of_steps_change_nothing(seed in any::<u64>(), stops in proptest::collection::vec(1_i64..200, 1..8)) {
        let mut read = market(seed);
        let total: i64 = stops.iter().sum();
        for stop in stops {
            let next = read.now() + stop.seconds();
            read.advance_to(next);
            read.advance_to(start());
            prop_assert_eq!(snapshot(&read), snapshot(&read.clone()));
        }
        prop_assert_eq!(snapshot(&read), snapshot(&at(seed, total)));
    }
}

#[test]
fn seeds_differ() {
    assert_ne!(snapshot(&at(1, 10)), snapshot(&at(2, 10)));
}
