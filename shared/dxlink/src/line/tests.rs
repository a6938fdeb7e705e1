//! The connection, against a server that plays a script over a real socket.

mod peer;
mod speed;
mod trouble;

use std::time::Duration;

use gamma_market::{LegQuote, Price};
use serde_json::{Value, json};

use crate::{ConnectError, DxLink, DxLinkConfig, Quotes, QuotesError, StreamerSymbol, Why};
use peer::{Server, TOKEN};

const PATIENCE: Duration = Duration::from_secs(20);
const LEGS: [&str; 2] = [".SPXW260821P5895", ".SPXW260821P5900"];

fn symbols(names: &[&str]) -> Vec<StreamerSymbol> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn config(server: &Server) -> DxLinkConfig {
    let mut config = DxLinkConfig::new(server.url(), TOKEN.into());
    config.pace.wait = Duration::from_millis(1);
    config
}

fn connect(server: &Server) -> DxLink {
    DxLink::connect(config(server)).unwrap()
}

/// `bid/ask` of what came, in order of the symbols.
fn shown(quotes: &Quotes) -> Vec<String> {
    let side = |price: Option<Price>| price.map_or("-".to_owned(), |price| price.to_string());
    assert_eq!(quotes.missing, [], "nothing is missing");
    quotes
        .complete
        .values()
        .map(|LegQuote { bid, ask, .. }| format!("{}/{}", side(*bid), side(*ask)))
        .collect()
}

#[tokio::test]
async fn all_legs_in_one_round_trip_and_nothing_streams_after_it() {
    let server = Server::start().await;
    let link = connect(&server);
    let mut peer = server.greeted().await;
    for question in 1..=3_u64 {
        let legs = symbols(&LEGS);
        let script = async {
            assert_eq!(peer.asked().await, LEGS);
            peer.quote(LEGS[0], 1.05, 1.1).await;
            peer.quote(LEGS[1], "NaN", 4.2).await;
            peer.quote(".NOBODY", 1, 2).await;
            peer.quote(LEGS[1], 4.1, 4.2).await;
        };
        let (quotes, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
        assert_eq!(shown(&quotes.unwrap()), ["1.05/1.10", "4.10/4.20"]);
        peer.unsubscribed().await;
        assert_eq!((link.connections_opened(), link.questions()), (1, question));
    }
}

#[tokio::test]
async fn what_came_before_the_question_does_not_answer_it() {
    let server = Server::start().await;
    let link = connect(&server);
    let mut peer = server.greeted().await;
    peer.quote(LEGS[0], 9, 10).await;
    peer.heard_out().await;
    let legs = symbols(&LEGS[..1]);
    let script = async {
        peer.asked().await;
        peer.quote(LEGS[0], 0, 0.05).await;
    };
    let (quotes, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    assert_eq!(shown(&quotes.unwrap()), ["0.00/0.05"], "a bid of 0 is a price");
}

#[tokio::test]
async fn at_the_timeout_a_caller_gets_what_came_and_why_the_rest_not() {
    let server = Server::start().await;
    let link = connect(&server);
    let mut peer = server.greeted().await;
    let names = [".COMPLETE", ".CROSSED", ".ONE", ".SILENT"];
    let legs = symbols(&names);
    let script = async {
        peer.asked().await;
        peer.quote(".CROSSED", 2, 1).await;
        peer.quote(".ONE", 2, "NaN").await;
        peer.quote(".COMPLETE", 1, 2).await;
        peer.unsubscribed().await;
    };
    let (quotes, ()) = tokio::join!(link.quotes(&legs, Duration::from_millis(300)), script);
    let quotes = quotes.unwrap();
    assert_eq!(quotes.complete.keys().map(StreamerSymbol::as_str).collect::<Vec<_>>(), [".COMPLETE"]);
    let reasons: Vec<_> = quotes.missing.iter().map(ToString::to_string).collect();
    assert_eq!(
        reasons,
        [
            ".CROSSED: got bid 2.00 and ask 1.00, expected two sides",
            ".ONE: got bid 2.00 and ask nothing, expected two sides",
            ".SILENT: got no quote, expected one within the time given",
        ]
    );
}

#[tokio::test]
async fn questions_that_overlap_are_answered_one_after_the_other() {
    let server = Server::start().await;
    let link = connect(&server);
    let (first, second, third) = (symbols(&[".A", ".B"]), symbols(&[".B", ".C"]), symbols(&[".D"]));
    let script = async {
        // All three are asked before the connection is up.
        let mut peer = server.accept().await;
        peer.greet().await;
        for (at, asked) in [&[".A", ".B"][..], &[".B", ".C"], &[".D"]].into_iter().enumerate() {
            assert_eq!(peer.asked().await, asked);
            for name in asked {
                peer.quote(name, at + 1, 10).await;
            }
            peer.unsubscribed().await;
        }
    };
    let (a, b, c, ()) = tokio::join!(
        link.quotes(&first, PATIENCE),
        link.quotes(&second, PATIENCE),
        link.quotes(&third, PATIENCE),
        script
    );
    let answers = [a, b, c].map(|quotes| shown(&quotes.unwrap()));
    assert_eq!(answers, [vec!["1.00/10.00"; 2], vec!["2.00/10.00"; 2], vec!["3.00/10.00"]]);
    assert_eq!((link.connections_opened(), link.questions()), (1, 3));
}

#[tokio::test]
async fn a_caller_that_goes_away_makes_room_for_the_next() {
    let server = Server::start().await;
    let link = connect(&server);
    let mut peer = server.greeted().await;
    let (gone, late, next) = (symbols(&[".GONE"]), symbols(&[".LATE"]), symbols(&[".NEXT"]));
    {
        let abandoned = link.quotes(&gone, PATIENCE);
        tokio::pin!(abandoned);
        tokio::select! {
            biased;
            _ = &mut abandoned => panic!("nothing was sent"),
            asked = peer.asked() => assert_eq!(asked, [".GONE"]),
        }
        let hasty = link.quotes(&late, Duration::ZERO).await.unwrap();
        assert_eq!(
            hasty.missing[0].to_string(),
            ".LATE: got no turn, expected a connection within the time given"
        );
    }
    let script = async {
        peer.unsubscribed().await;
        assert_eq!(peer.asked().await, [".NEXT"], "nobody waits for .LATE any more");
        peer.quote(".NEXT", 1, 2).await;
    };
    let (quotes, ()) = tokio::join!(link.quotes(&next, PATIENCE), script);
    assert_eq!(shown(&quotes.unwrap()), ["1.00/2.00"]);
}

#[tokio::test]
async fn dropping_the_handle_closes_the_connection() {
    let server = Server::start().await;
    let link = connect(&server);
    let mut peer = server.greeted().await;
    drop(link);
    assert!(peer.closed().await);
    let link = connect(&server);
    let mut waiting = server.accept().await;
    waiting.expect("SETUP").await;
    drop(link);
    assert!(waiting.closed().await, "also in the middle of the greeting");
}

#[tokio::test]
async fn many_symbols_go_out_in_messages_that_a_server_takes() {
    let server = Server::start().await;
    let link = connect(&server);
    let mut peer = server.greeted().await;
    let names: Vec<String> = (0..500).map(|at| format!(".SPXW260821P{:05}", 10_000 + at)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let legs = symbols(&names);
    let script = async {
        let mut asked = Vec::new();
        while asked.len() < names.len() {
            let text = peer.text().await;
            assert!(text.len() <= 8192, "{} bytes", text.len());
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(message.get("reset").is_some(), asked.is_empty(), "one reset, before everything");
            asked.extend(
                message["add"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|add| add["symbol"].as_str().unwrap().to_owned()),
            );
        }
        let rows: Vec<Value> = asked
            .iter()
            .flat_map(|name| {
                [json!("Quote"), json!(name), json!(1.05), json!(1.1), json!(1), json!(1), json!(0), json!(0)]
            })
            .collect();
        peer.say(json!({"type": "FEED_DATA", "channel": 1, "data": ["Quote", rows]})).await;
    };
    let (quotes, ()) = tokio::join!(link.quotes(&legs, PATIENCE), script);
    assert_eq!(shown(&quotes.unwrap()).len(), 500);
    assert_eq!(link.questions(), 1);
}
