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
    market
        .chain()
        .all_series()
        .map(|(expiry, right, _)| ((expiry, right), market.series_quotes(expiry, right)))
        .collect()
}

#[test]
fn the_start_is_the_file() {
    for chain in [Chain::spxw_2025_09_03().unwrap(), Chain::spxw_2019_06_26().unwrap()] {
        let market = Market::new(chain.clone(), 7, start());
        for (expiry, right, options) in chain.all_series() {
            let real: Vec<_> =
                options.iter().map(|option| (option.strike, Some(option.bid), option.ask)).collect();
            let quoted: Vec<_> = market
                .series_quotes(expiry, right)
                .iter()
                .map(|(strike, quote)| (*strike, quote.bid, quote.ask))
                .collect();
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
    let mid = |market: &Market, symbol| {
        market.quote(symbol).and_then(|quote| quote.two_sided()).map(|(bid, ask)| bid.halfway(ask)).unwrap()
    };
    let mut moved = 0;
    for seed in 1..=20 {
        let later = at(seed, 300);
        if later.shift().abs() > Price::cents(300) {
            moved += 1;
            assert_eq!(
                mid(&later, &call) > mid(&market(seed), &call),
                later.shift() > Price::ZERO,
                "seed {seed}"
            );
            assert_eq!(
                mid(&later, &put) < mid(&market(seed), &put),
                later.shift() > Price::ZERO,
                "seed {seed}"
            );
        }
    }
    assert!(moved >= 10, "only {moved} of 20 seeds moved by three points in five minutes");
}

#[test]
fn the_walk_has_the_stated_size_and_stops_at_the_close() {
    let squares: i64 = (1..=60).map(|seed| at(seed, 100).walk.shift().pow(2)).sum();
    let deviation = (squares / 60).isqrt();
    assert!(
        (3_000..5_000).contains(&deviation),
        "after 100 seconds: {deviation} thousandths, expected about 4000"
    );

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
        let (bid, ask) = quote
            .two_sided()
            .ok_or_else(|| TestCaseError::fail(format!("{expiry} {right} {strike}: {quote:?}")))?;
        for side in [bid, ask] {
            prop_assert!(
                gamma_market::PriceRule::Spx.leg_tick(side).holds(side),
                "{} {} {}: {} off tick",
                expiry,
                right,
                strike,
                side
            );
        }
        mids.push((*strike, bid.halfway(ask)));
    }
    for pair in mids.windows(2) {
        let [(low, at_low), (high, at_high)] = pair else { continue };
        let worth = if right == Right::Put { *at_high - *at_low } else { *at_low - *at_high };
        let width = Price::new(high.points() - low.points());
        prop_assert!(
            !worth.is_negative() && worth <= width,
            "{} {} {}/{}: worth {}",
            expiry,
            right,
            low,
            high,
            worth
        );
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

fn point(at: &str, cents: i64) -> PathPoint {
    PathPoint { at: format!("{at}-04:00").parse().unwrap(), shift: Price::cents(cents) }
}

/// Ten points up in a hundred seconds, down to minus five by the close, and a gap overnight.
fn scripted() -> Path {
    let points = [
        ("2025-09-04T09:30:00", 2_000),
        ("2025-09-03T10:01:40", 1_000),
        ("2025-09-03T16:15:00", -500),
        ("2025-09-03T09:00:00", 99),
    ];
    Path::Scripted(points.map(|(at, cents)| point(at, cents)).to_vec())
}

#[test]
fn the_index_follows_a_script() {
    let mut market = market(1).along(&scripted());
    let level = market.underlying();
    assert_eq!(snapshot(&market), snapshot(&Market::new(Chain::spxw_2025_09_03().unwrap(), 1, start())));
    let mut shift_at = |time: &str| {
        market.advance_to(format!("{time}-04:00").parse().unwrap());
        assert_eq!(market.underlying(), level + market.shift());
        market.shift()
    };
    assert_eq!(shift_at("2025-09-03T10:00:50"), Price::cents(500));
    assert_eq!(shift_at("2025-09-03T10:01:40"), Price::cents(1_000));
    assert_eq!(shift_at("2025-09-03T16:15:00"), Price::cents(-500));
    // Closed: it rests, and opens where the script is.
    assert_eq!(shift_at("2025-09-04T09:30:00"), Price::cents(-500));
    assert_eq!(shift_at("2025-09-04T09:30:01"), Price::cents(2_000));
    assert_eq!(shift_at("2025-09-04T15:00:00"), Price::cents(2_000));
}

#[test]
fn options_follow_a_scripted_index() {
    let market = |seconds: i64| {
        let mut market = market(1).along(&scripted());
        market.advance_to(start() + seconds.seconds());
        market
    };
    let mid = |market: &Market, symbol: &str| {
        let quote = market.quote(&symbol.parse().unwrap()).and_then(|quote| quote.two_sided());
        quote.map(|(bid, ask)| bid.halfway(ask)).unwrap()
    };
    assert!(mid(&market(100), "SPXW250904C6450") > mid(&market(0), "SPXW250904C6450") + Price::cents(200));
    assert!(mid(&market(100), "SPXW250904P6450") < mid(&market(0), "SPXW250904P6450") - Price::cents(200));
    for ((expiry, right), quotes) in snapshot(&market(100)) {
        sound(expiry, right, &quotes).unwrap();
    }
}

fn share(path: Path) -> Share {
    Share { ticker: "SPY".into(), price: Price::cents(64_350), spread: Price::cents(3), path }
}

#[test]
fn a_share_is_quoted_beside_the_chain() {
    let spy = Instrument::Share("SPY".into());
    let call: OptionSymbol = "SPXW250904C6450".parse().unwrap();
    let mut market = market(1).with_share(share(scripted()));
    let quote = market.quote_of(&spy).unwrap();
    assert_eq!(quote.two_sided(), Some((Price::cents(64_349), Price::cents(64_352))));
    market.advance_to("2025-09-03T10:01:40-04:00".parse().unwrap());
    assert_eq!(market.share_price("SPY"), Some(Price::cents(65_350)));
    assert_eq!(market.quote_of(&call.into()), market.quote(&call));
    assert_eq!(market.quote_of(&Instrument::Share("QQQ".into())), None);
    // Shares rest when the stock market closes, a quarter of an hour before the options do.
    market.advance_to("2025-09-03T16:00:00-04:00".parse().unwrap());
    let at_close = market.share_price("SPY");
    market.advance_to("2025-09-03T16:15:00-04:00".parse().unwrap());
    assert_eq!(market.share_price("SPY"), at_close);
}

#[test]
fn a_seeded_share_moves_and_moves_nothing_else() {
    let alone = at(5, 600);
    let mut beside = market(5).with_share(share(Path::Seeded));
    beside.advance_to(start() + 600.seconds());
    assert_ne!(beside.share_price("SPY"), Some(Price::cents(64_350)));
    assert_eq!(snapshot(&beside), snapshot(&alone));
    let mut by_steps = market(5).with_share(share(Path::Seeded));
    (1..=600_i64).for_each(|second| by_steps.advance_to(start() + second.seconds()));
    assert_eq!(by_steps.share_price("SPY"), beside.share_price("SPY"));
}

#[test]
fn a_share_never_falls_below_a_cent() {
    let path = Path::Scripted(vec![point("2025-09-03T10:00:01", -9_999_900)]);
    let mut market = market(1).with_share(share(path));
    market.advance_to(start() + 1.seconds());
    assert_eq!(market.share_price("SPY"), Some(Price::cents(1)));
    let (bid, ask) =
        market.quote_of(&Instrument::Share("SPY".into())).and_then(|quote| quote.two_sided()).unwrap();
    assert!(!bid.is_negative() && bid < ask);
}

#[test]
fn seeds_differ() {
    assert_ne!(snapshot(&at(1, 10)), snapshot(&at(2, 10)));
}
