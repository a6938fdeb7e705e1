//! Quotes over REST and over the stream, which is asked first.

use std::time::Duration;

use gamma_execution::ports::Broker;
use gamma_market::{OptionSymbol, Price, QuoteBook};
use gamma_simulator::dxlink::{Counters, HangUp, Switch, Which};
use gamma_simulator::requests::Service;
use gamma_tastytrade::QuoteTokens;
use tokio::time::timeout;

use crate::tastytrade_packages::desk::{Desk, condor};

const BY_TYPE: &str = "/market-data/by-type";
const QUOTE_TOKENS: &str = "/api-quote-tokens";

fn legs() -> Vec<OptionSymbol> {
    condor().legs().iter().map(|(leg, _)| leg.symbol).collect()
}

/// A desk whose client streams, with the tokens it keeps.
async fn streaming() -> (Desk, QuoteTokens) {
    let desk = Desk::open().await;
    let tokens = QuoteTokens::default();
    desk.tastytrade.stream_quotes(&tokens);
    (desk, tokens)
}

type Sides = Vec<(OptionSymbol, Option<Price>, Option<Price>)>;

fn sides(book: &QuoteBook) -> Sides {
    book.iter().map(|(symbol, quote)| (*symbol, quote.bid, quote.ask)).collect()
}

/// The quotes of the four legs, which must be the market's.
async fn quoted(desk: &Desk) {
    let (wanted, market) = (legs(), desk.simulator.market());
    let book = desk.tastytrade.quotes(&wanted).await.unwrap();
    assert_eq!(sides(&book), sides(&market.quotes(&wanted)));
    assert_eq!(book.len(), 4);
}

fn counters(desk: &Desk) -> Counters {
    desk.simulator.dxlink().counters()
}

fn questions(desk: &Desk) -> Vec<usize> {
    legs().iter().map(|symbol| counters(desk).questions_of(&symbol.streamer())).collect()
}

#[tokio::test]
async fn quotes_of_150_contracts_are_asked_for_in_two_chunks() {
    let desk = Desk::open().await;
    let market = desk.simulator.market();
    let quoted = market.chain().all_series().filter(|(expiry, ..)| expiry.to_string() == "2025-09-04");
    let symbols: Vec<OptionSymbol> = quoted
        .flat_map(|(expiry, right, series)| {
            series.iter().map(move |listed| OptionSymbol::new("SPXW", expiry, right, listed.strike).unwrap())
        })
        .take(150)
        .collect();
    let book = desk.tastytrade.quotes(&symbols).await.unwrap();
    assert_eq!((symbols.len(), book.len(), desk.asked("GET", BY_TYPE)), (150, 150, 2));
    for (symbol, quote) in &book {
        let kept = market.quote(symbol).unwrap();
        // The face shows a bid of nobody's as 0.00, and no ask where there is none.
        assert_eq!(
            (quote.bid, quote.ask, quote.at),
            (Some(kept.bid.unwrap_or_default()), kept.ask, Some(desk.start)),
            "{symbol}"
        );
    }
    assert!(
        book.values().any(|quote| quote.bid == Some(Price::ZERO)),
        "among them those that nobody bids for"
    );
    let stranger: OptionSymbol = "SPXW250904P0001".parse().unwrap();
    assert!(desk.tastytrade.quotes(&[stranger]).await.unwrap().is_empty(), "what nobody knows is absent");
}

#[tokio::test]
async fn four_legs_are_one_question_on_one_connection() {
    let (desk, _tokens) = streaming().await;
    for rung in 1..=3 {
        quoted(&desk).await;
        // Asked and unsubscribed, one message each; the second is on its way while we have the answer.
        let heard = async {
            while counters(&desk).subscriptions < 2 * rung {
                tokio::task::yield_now().await
            }
        };
        timeout(Duration::from_secs(10), heard).await.unwrap();
        assert_eq!(
            (counters(&desk).connections, questions(&desk), counters(&desk).subscriptions),
            (1, vec![rung; 4], 2 * rung)
        );
        desk.pass(20).await;
    }
    assert_eq!((desk.asked("GET", BY_TYPE), desk.asked("GET", QUOTE_TOKENS)), (0, 1));
    let log = desk.simulator.requests();
    assert!(
        log.iter().all(|request| request.service != Service::DxLink || request.method != "ERROR"),
        "{log:?}"
    );
}

#[tokio::test]
async fn the_next_invocation_streams_with_the_token_of_the_last() {
    let (mut desk, tokens) = streaming().await;
    quoted(&desk).await;
    desk.renew_client();
    desk.tastytrade.stream_quotes(&tokens);
    quoted(&desk).await;
    assert_eq!(
        (counters(&desk).connections, desk.asked("GET", QUOTE_TOKENS), desk.asked("GET", BY_TYPE)),
        (2, 1, 0)
    );
}

#[tokio::test]
async fn a_stream_that_is_cut_or_closed_is_connected_anew() {
    let (desk, _tokens) = streaming().await;
    quoted(&desk).await;
    for (connections, how) in [(2, HangUp::Cut), (3, HangUp::Close(1000))] {
        assert_eq!(desk.simulator.dxlink().hang_up(how), 1);
        quoted(&desk).await;
        assert_eq!(counters(&desk).connections, connections, "{how:?}");
    }
    assert_eq!(
        (desk.asked("GET", BY_TYPE), desk.asked("GET", QUOTE_TOKENS)),
        (0, 1),
        "with the same token, and without REST"
    );
}

#[tokio::test]
async fn a_refused_quote_token_is_replaced_once() {
    let (mut desk, tokens) = streaming().await;
    quoted(&desk).await;
    desk.renew_client();
    desk.simulator.dxlink().once(Switch::AuthRefused);
    desk.tastytrade.stream_quotes(&tokens);
    quoted(&desk).await;
    assert_eq!(
        (desk.simulator.dxlink().fired().len(), desk.asked("GET", QUOTE_TOKENS), desk.asked("GET", BY_TYPE)),
        (1, 2, 0)
    );

    desk.renew_client();
    desk.simulator.dxlink().set(Switch::AuthRefused);
    desk.tastytrade.stream_quotes(&tokens);
    quoted(&desk).await;
    assert_eq!(
        (desk.simulator.dxlink().fired().len(), desk.asked("GET", QUOTE_TOKENS)),
        (3, 3),
        "the kept one, a new one, and no more"
    );
    assert_eq!(desk.asked("GET", BY_TYPE), 1, "then REST");
}

/// Servers that ask in an odd way, or have lost their own session: the token is good, and kept.
#[tokio::test]
async fn a_quote_token_is_kept_while_it_may_be_good() {
    for (switch, connections) in [
        (Switch::AsksLate, 1),
        (Switch::AsksTwice, 1),
        (Switch::FirstAuthUnheard, 1),
        (Switch::SessionNotFound, 2),
    ] {
        let (desk, _tokens) = streaming().await;
        let face = desk.simulator.dxlink();
        face.once(switch.clone());
        let deliver_once_it_struck = async {
            while face.fired().is_empty() {
                tokio::task::yield_now().await;
            }
            face.deliver();
        };
        tokio::join!(quoted(&desk), deliver_once_it_struck);
        let asked =
            (desk.asked("GET", QUOTE_TOKENS), desk.asked("GET", BY_TYPE), counters(&desk).connections);
        assert_eq!(asked, (1, 0, connections), "{switch:?}");
    }
}

#[tokio::test]
async fn a_silent_leg_alone_is_asked_of_rest() {
    let (desk, _tokens) = streaming().await;
    let silent = legs()[0].streamer();
    desk.simulator.dxlink().set(Switch::Silent(Which::only(&silent)));
    quoted(&desk).await;
    assert_eq!(
        (counters(&desk).connections, questions(&desk), desk.asked("GET", BY_TYPE)),
        (1, vec![1; 4], 1)
    );
    // REST does not know it either: it is absent, and the others are there.
    desk.simulator.tastytrade().drop_quote(legs()[0]);
    let book = desk.tastytrade.quotes(&legs()).await.unwrap();
    assert_eq!(sides(&book), sides(&desk.simulator.market().quotes(&legs()[1..])));
}

#[tokio::test]
async fn a_leg_that_nobody_offers_on_the_stream_is_asked_of_rest() {
    let (desk, _tokens) = streaming().await;
    desk.simulator.dxlink().set(Switch::OneSided(Which::only(&legs()[1].streamer())));
    quoted(&desk).await;
    assert_eq!(desk.asked("GET", BY_TYPE), 1);
}

#[tokio::test]
async fn without_events_or_without_a_stream_rest_answers() {
    for (switch, connections) in [
        (Some(Switch::KeepaliveOnly), 1),
        (Some(Switch::Freeze), 1),
        (Some(Switch::RefuseUpgrade(502)), 0),
        (None, 0),
    ] {
        let desk = Desk::open().await;
        match &switch {
            Some(switch) => desk.simulator.dxlink().set(switch.clone()),
            None => desk.simulator.refuse(Service::DxLink, true).unwrap(),
        }
        let tokens = QuoteTokens::default();
        desk.tastytrade.stream_quotes(&tokens);
        for asked in 1..=2 {
            quoted(&desk).await;
            assert_eq!(
                (desk.asked("GET", BY_TYPE), desk.asked("GET", QUOTE_TOKENS)),
                (asked, 1),
                "{switch:?}"
            );
        }
        assert_eq!(counters(&desk).connections, connections, "{switch:?}");
    }
}
