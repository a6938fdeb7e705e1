//! Quotes: the market's, or absent.

use std::time::Duration;

use gamma_market::{LegQuote, OptionSymbol, Price, QuoteState, Right};
use gamma_simulator::faults::{Fault, Odd, Route};

use crate::conformance::desk::{Desk, contract};

/// Bid and ask, without the time, which not every source tells.
pub(crate) fn sides(quote: Option<LegQuote>) -> Option<(Option<Price>, Option<Price>)> {
    quote.map(|quote| (quote.bid, quote.ask))
}

/// The quotes shown of `symbols` are the market's own.
pub(crate) async fn assert_the_markets(desk: &Desk, symbols: &[OptionSymbol]) {
    let shown = desk.broker().quotes(symbols).await.unwrap();
    let market = desk.simulator.market();
    for symbol in symbols {
        assert!(market.quote(symbol).is_some());
        assert_eq!(sides(shown.get(symbol).copied()), sides(market.quote(symbol)), "{symbol}");
    }
    assert_eq!(shown.len(), symbols.len());
}

pub(crate) async fn quotes_are_the_markets_and_what_is_not_quoted_is_absent(desk: &Desk) {
    let legs = ["P6425", "P6420", "C6470", "C6475"].map(contract);
    assert_the_markets(desk, &legs).await;
    desk.pass(5).await;
    assert_the_markets(desk, &legs).await;

    let unlisted = contract("P6422");
    let shown = desk.broker().quotes(&[legs[0], unlisted]).await.unwrap();
    assert_eq!(
        shown.keys().copied().collect::<Vec<_>>(),
        [legs[0]],
        "no price is made up for a contract that is not listed"
    );

    desk.at.drop_quote(&desk.simulator, legs[1]);
    let shown = desk.connect("run-2").await.adapter.quotes(&legs).await.unwrap();
    assert_eq!((shown.contains_key(&legs[1]), shown.len()), (false, 3), "absent, and nothing else with it");

    for leg in legs {
        desk.at.drop_quote(&desk.simulator, leg);
    }
    let shown = desk.connect("run-3").await.adapter.quotes(&legs).await.unwrap();
    assert!(shown.is_empty(), "{shown:?}");
}

pub(crate) async fn a_bid_of_nothing_is_a_price(desk: &Desk) {
    let market = desk.simulator.market();
    let (expiry, root) = (contract("P6425").expiry(), "SPXW");
    let worthless = [Right::Put, Right::Call]
        .into_iter()
        .flat_map(|right| market.series_quotes(expiry, right).into_iter().map(move |quoted| (right, quoted)));
    let (right, strike, quote) = worthless
        .map(|(right, (strike, quote))| (right, strike, quote))
        .find(|(.., quote)| quote.bid == Some(Price::ZERO))
        .unwrap();
    let letter = if right == Right::Put { "P" } else { "C" };
    let symbol: OptionSymbol =
        format!("{root}{}{letter}{strike}", expiry.strftime("%y%m%d")).parse().unwrap();
    let shown = desk.broker().quotes(&[symbol]).await.unwrap();
    assert_eq!(sides(shown.get(&symbol).copied()), Some((Some(Price::ZERO), quote.ask)), "{symbol}");
}

/// What nobody should trade on is told as the broker tells it; the other leg is as it was.
pub(crate) async fn odd_quotes_are_told_as_the_broker_tells_them(desk: &Desk) {
    let [odd_leg, other] = ["P6425", "P6420"].map(contract);
    let truth = desk.simulator.market().quote(&odd_leg).unwrap();
    type Told = fn(Option<&LegQuote>, &LegQuote) -> bool;
    let cases: [(Odd, Told); 6] = [
        (Odd::Missing, |shown, _| shown.is_none_or(|quote| quote.bid.is_none() && quote.ask.is_none())),
        (Odd::NoBid, |shown, truth| shown.is_some_and(|quote| (quote.bid, quote.ask) == (None, truth.ask))),
        (Odd::NoAsk, |shown, truth| shown.is_some_and(|quote| (quote.bid, quote.ask) == (truth.bid, None))),
        (Odd::Crossed, |shown, _| {
            shown.is_some_and(|quote| quote.two_sided().is_none() && quote.bid > quote.ask)
        }),
        (Odd::Wide, |shown, _| {
            shown.is_some_and(|quote| {
                quote.bid == Some(Price::cents(5)) && quote.ask >= Some(Price::cents(900))
            })
        }),
        (Odd::Halted, |shown, truth| {
            shown.is_some_and(|quote| quote.state == QuoteState::Halted && quote.bid == truth.bid)
        }),
    ];
    for (odd, told) in cases {
        let fault = Fault::OddQuote(Some(odd_leg), odd);
        desk.next(Route::Quotes, fault.clone());
        let shown = desk.broker().quotes(&[odd_leg, other]).await.unwrap();
        assert!(told(shown.get(&odd_leg), &truth), "{odd:?}: {:?}", shown.get(&odd_leg));
        assert_eq!(
            (sides(shown.get(&other).copied()), shown[&other].state),
            (sides(desk.simulator.market().quote(&other)), QuoteState::Live),
            "{odd:?}"
        );
        desk.struck(&[fault]);
    }
    let old = Fault::OddQuote(Some(odd_leg), Odd::Old(Duration::from_secs(240)));
    desk.next(Route::Quotes, old.clone());
    let shown = desk.broker().quotes(&[odd_leg]).await.unwrap();
    assert!(shown[&odd_leg].at.is_none_or(|at| desk.now().duration_since(at).as_secs() == 240), "{shown:?}");
    desk.struck(&[old]);
}
