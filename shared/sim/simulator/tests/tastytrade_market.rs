//! Chains, quotes, sessions and quote tokens over tastytrade's wire.

use crate::tasty::{Tasty, assert_shape};
use gamma_market::Right;
use gamma_simulator::simulator::SimulatorConfig;
use jiff::ToSpan;
use serde_json::{Value, json};

#[tokio::test]
async fn the_nested_chain_has_an_item_a_root() {
    let reference: Value = serde_json::from_str(
        r#"{"underlying-symbol":"SPX","root-symbol":"SPXW","option-chain-type":"Standard","shares-per-contract":100,"tick-sizes":[{"value":"0.05","threshold":"3.0"},{"value":"0.1"}],"deliverables":[{"id":1,"root-symbol":"SPXW","deliverable-type":"Cash","description":"100 x SPX","amount":"0.0","percent":"100"}],
        "expirations":[{"expiration-type":"Weekly","expiration-date":"2026-08-21","days-to-expiration":1,"settlement-type":"PM","strikes":[{"strike-price":"5900.0","call":"SPXW  260821C05900000","call-streamer-symbol":".SPXW260821C5900","put":"SPXW  260821P05900000","put-streamer-symbol":".SPXW260821P5900"}]}]}"#,
    )
    .unwrap();
    let tasty = Tasty::start(1).await;
    let items = tasty.read("/option-chains/SPX/nested").await["items"].clone();
    assert_eq!(
        (&items[0]["root-symbol"], &items[1]["root-symbol"], items.as_array().unwrap().len()),
        (&json!("SPX"), &json!("SPXW"), 2)
    );
    for item in items.as_array().unwrap() {
        assert_shape(item, &reference, "chain");
    }
    let dates = |item: &Value| {
        item["expirations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|expiration| expiration["expiration-date"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(dates(&items[1]), ["2025-09-04", "2025-09-05", "2025-09-10", "2025-09-12"]);
    assert_eq!(
        (dates(&items[0]), &items[0]["expirations"][0]["settlement-type"]),
        (vec!["2025-09-19".to_owned()], &json!("AM"))
    );
    let market = tasty.simulator.market();
    let expiry = "2025-09-04".parse().unwrap();
    assert_eq!(
        items[1]["expirations"][0]["strikes"].as_array().unwrap().len(),
        market.chain().series(expiry, Right::Put).len()
    );

    let whole = tasty.read("/option-chains/SPX").await["items"].as_array().unwrap().len();
    let compact = tasty.read("/option-chains/SPX/compact").await["items"].clone();
    let symbols: usize =
        compact.as_array().unwrap().iter().map(|item| item["symbols"].as_array().unwrap().len()).sum();
    assert_eq!(whole, symbols);
    assert_eq!(tasty.get("/option-chains/SPY/nested").await.0, 404);
}

#[tokio::test]
async fn instruments_say_their_ticks_and_streamer_symbols() {
    let tasty = Tasty::start(1).await;
    let index = tasty.read("/instruments/equities/SPX").await;
    let ticks = json!([{ "value": "0.05", "threshold": "3.0" }, { "value": "0.1" }]);
    assert_eq!(
        (&index["is-index"], &index["streamer-symbol"], &index["option-tick-sizes"]),
        (&json!(true), &json!("SPX"), &ticks)
    );
    let options = tasty.read("/instruments/equity-options?symbol[]=SPXW%20%20250904P06425000&symbol[]=SPXW%20%20250904P06421000").await["items"].clone();
    let shown = [
        &options[0]["streamer-symbol"],
        &options[0]["option-type"],
        &options[0]["stops-trading-at"],
        &options[0]["strike-price"],
    ];
    assert_eq!(
        shown,
        [&json!(".SPXW250904P6425"), &json!("P"), &json!("2025-09-04T20:00:00.000+00:00"), &json!("6425.0")]
    );
    assert_eq!(options.as_array().unwrap().len(), 1, "what is unknown is left out");
    assert_eq!(tasty.get("/instruments/equity-options/SPXW%20%20250904P06421000").await.0, 404);
    let monthly = tasty.read("/instruments/equity-options/SPX%20%20%20250919P06425000").await;
    assert_eq!(
        (&monthly["settlement-type"], &monthly["stops-trading-at"]),
        (&json!("AM"), &json!("2025-09-18T20:15:00.000+00:00"))
    );
    assert_eq!(tasty.get("/instruments/equities/SPY").await.0, 404);
}

#[tokio::test]
async fn quotes_are_those_of_every_other_face_at_the_same_time() {
    let reference: Value = serde_json::from_str(
        r#"{"symbol":"SPXW  260821P05900000","instrument-type":"Equity Option","updated-at":"2026-08-20T18:30:05.100Z","bid":"4.1","bid-size":"36.0","ask":"4.2","ask-size":"41.0","mid":"4.15","mark":"4.15","last":"4.15","last-mkt":"4.15","open":"7.5","day-high-price":"8.0","day-low-price":"3.1","close-price-type":"Unknown","prev-close":"7.9","prev-close-price-type":"Final","summary-date":"2026-08-20","prev-close-date":"2026-08-19","is-trading-halted":false,"halt-start-time":-1,"halt-end-time":-1,"volume":"5120.0","open-interest":"2214"}"#,
    )
    .unwrap();
    let tasty = Tasty::start(1).await;
    let symbols = ["SPXW  250904P06425000", "SPXW  250904C06470000"];
    let path = "/market-data/by-type?index=SPX&equity-option=SPXW%20%20250904P06425000,SPXW%20%20250904C06470000&equity=SPY";
    for seconds in [0, 7, 60] {
        tasty.pass(seconds.seconds()).await;
        let items = tasty.read(path).await["items"].clone();
        let schwab = format!(
            "{}/marketdata/v1/quotes?symbols={}&fields=quote",
            tasty.simulator.schwab_url(),
            symbols.join(",").replace(' ', "%20")
        );
        let theirs = reqwest::Client::new()
            .get(schwab)
            .bearer_auth("I0.simulated-access-token@")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let theirs: Value = serde_json::from_str(&theirs).unwrap();
        for (at, symbol) in symbols.iter().enumerate() {
            let shown = |name: &str| items[at + 1][name].as_str().unwrap().parse::<f64>().unwrap();
            let quote = &theirs[symbol]["quote"];
            assert_eq!(
                (&items[at + 1]["symbol"], json!(shown("bid")), json!(shown("ask"))),
                (&json!(symbol), quote["bidPrice"].clone(), quote["askPrice"].clone())
            );
            assert_shape(&items[at + 1], &reference, "quote");
        }
        let level: f64 = items[0]["last"].as_str().unwrap().parse().unwrap();
        assert_eq!(json!(level), theirs[symbols[0]]["quote"]["underlyingPrice"]);
        assert!(
            items[0].get("bid").is_none() && items.as_array().unwrap().len() == 3,
            "an index has no bid; what is unknown is left out"
        );
    }
    tasty.simulator.drop_quote(symbols[0].parse().unwrap());
    assert_eq!(tasty.read(path).await["items"].as_array().unwrap().len(), 2);
    tasty.simulator.tastytrade().restore_quote(&symbols[0].parse().unwrap());
    assert_eq!(tasty.read(path).await["items"].as_array().unwrap().len(), 3);
    let many = vec!["SPXW%20%20250904P06425000"; 101].join(",");
    for query in [format!("equity-option={many}"), String::new()] {
        assert_eq!(tasty.get(&format!("/market-data/by-type?{query}")).await.0, 400);
    }
    let metrics = tasty.read("/market-metrics?symbols=SPX,SPY").await["items"].clone();
    assert_eq!((metrics.as_array().unwrap().len(), &metrics[0]["symbol"]), (1, &json!("SPX")));
}

#[tokio::test]
async fn sessions_say_what_state_the_market_is_in() {
    for (start, state) in [
        ("2025-09-03T03:00:00-04:00", "Closed"),
        ("2025-09-03T09:00:00-04:00", "Pre-market"),
        ("2025-09-03T10:00:00-04:00", "Open"),
        ("2025-09-03T16:12:00-04:00", "Extended"),
        ("2025-09-06T12:00:00-04:00", "Closed"),
    ] {
        let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
        config.start = start.parse().unwrap();
        let tasty = Tasty::with(config).await;
        let items =
            tasty.read("/market-time/sessions/current?instrument-collections[]=Equity").await["items"]
                .clone();
        assert_eq!(
            (&items[0]["state"], &items[0]["instrument-collection"]),
            (&json!(state), &json!("Equity")),
            "{start}"
        );
        assert_eq!(tasty.read("/market-time/equities/sessions/current").await, items[0]);
        let next = if start.starts_with("2025-09-06") { "2025-09-08" } else { "2025-09-04" };
        assert_eq!(items[0]["next-session"]["session-date"], next);
    }
}

#[tokio::test]
async fn a_quote_token_lasts_a_day_and_names_the_stream() {
    let tasty = Tasty::start(1).await;
    tasty.simulator.tastytrade().set_dxlink_url("ws://127.0.0.1:4321/realtime");
    let shown = tasty.read("/api-quote-tokens").await;
    assert_eq!(
        (&shown["dxlink-url"], &shown["level"]),
        (&json!("ws://127.0.0.1:4321/realtime"), &json!("api"))
    );
    assert_eq!(
        (&shown["issued-at"], &shown["expires-at"]),
        (&json!("2025-09-03T20:12:00.000+00:00"), &json!("2025-09-04T20:12:00.000+00:00"))
    );
    let token = shown["token"].as_str().unwrap();
    let known = |token: &str| tasty.simulator.tastytrade().knows_quote_token(token);
    assert!(known(token) && !known("other"));
    assert_ne!(tasty.read("/api-quote-tokens").await["token"], token);
    tasty.pass(24.hours()).await;
    assert!(!known(token));
}
