//! What the stream shows of the market, and how it is written.

use crate::streaming::{Stage, feed_setup, pairs, rows};
use serde_json::{Value, json};

const PUT: &str = ".SPXW250904P6425";

fn at_the_close(config: &mut gamma_simulator::simulator::SimulatorConfig) {
    config.start = "2025-09-03T16:12:00-04:00".parse().unwrap();
}

#[tokio::test]
async fn quotes_are_the_chains_at_the_start() {
    let stage = Stage::with(at_the_close).await;
    let mut client = stage.quoting().await;
    let unknown =
        [".SPXW250904P6426", "SPXW250904P6425", ".spxw250904p6425", ".SPXW250904P06425000", "$SPX", "TULIP"];
    client.add(1, "Quote", &[&[PUT, ".SPXW250904P2600", "SPX"], &unknown[..]].concat()).await;
    let nan = "NaN";
    let sizes = |row: &[Value]| row[4..].iter().all(Value::is_f64);
    let quotes = client.quotes().await;
    assert_eq!(quotes.len(), 3, "the unknown are silent: {quotes:?}");
    assert_eq!(quotes[0][..4], [json!("Quote"), json!(PUT), json!(7.2), json!(7.3)]);
    assert!(sizes(&quotes[0]), "{quotes:?}");
    assert_eq!(quotes[1][2..5], [json!(0.0), json!(0.05), json!(0.0)], "a bid of nothing is a bid");
    assert_eq!(
        quotes[2],
        [json!("Quote"), json!("SPX"), json!(6446.8), json!(6449.3), json!(nan), json!(nan)]
    );
}

#[tokio::test]
async fn every_type_has_the_references_fields() {
    let stage = Stage::with(at_the_close).await;
    let mut client = stage.authorized().await;
    client.open(1).await;
    let reference: Vec<(&str, &str)> = vec![
        (
            "Quote",
            "eventType eventSymbol eventTime sequence timeNanoPart bidTime bidExchangeCode bidPrice bidSize askTime askExchangeCode askPrice askSize",
        ),
        (
            "Trade",
            "eventType eventSymbol eventTime time timeNanoPart sequence exchangeCode price change size dayId dayVolume dayTurnover tickDirection extendedTradingHours",
        ),
        (
            "Summary",
            "eventType eventSymbol eventTime dayId dayOpenPrice dayHighPrice dayLowPrice dayClosePrice dayClosePriceType prevDayId prevDayClosePrice prevDayClosePriceType prevDayVolume openInterest",
        ),
        (
            "Greeks",
            "eventType eventSymbol eventTime eventFlags index time sequence price volatility delta gamma theta rho vega",
        ),
        (
            "Profile",
            "eventType eventSymbol eventTime description shortSaleRestriction tradingStatus statusReason haltStartTime haltEndTime highLimitPrice lowLimitPrice high52WeekPrice low52WeekPrice beta earningsPerShare dividendFrequency exDividendAmount exDividendDayId shares freeFloat",
        ),
    ];
    let now = stage.simulator.clock().now().as_millisecond();
    for (kind, fields) in &reference {
        // Nothing was set up: the server says how it writes before it writes.
        client.add(1, kind, &[PUT]).await;
        let [config, data] = &client.said().await[..] else { panic!("{kind}: expected two messages") };
        let fields: Vec<&str> = fields.split(' ').collect();
        assert_eq!(
            (&config["type"], &config["eventFields"]),
            (&json!("FEED_CONFIG"), &json!({ *kind: fields }))
        );
        let row = &rows(data, fields.len())[0];
        assert!(row.iter().all(|value| !value.is_null()), "{kind}: {row:?}");
        let of = |name: &str| &row[fields.iter().position(|field| *field == name).unwrap()];
        assert_eq!(
            (of("eventType"), of("eventSymbol"), of("eventTime")),
            (&json!(kind), &json!(PUT), &json!(0))
        );
        match *kind {
            "Quote" => assert_eq!((of("bidTime"), of("askTime")), (&json!(0), &json!(0))),
            "Trade" => assert!(
                of("price").is_f64() && *of("time") == json!(now) && *of("dayId") == json!(20334),
                "{row:?}"
            ),
            "Summary" => assert!(
                of("prevDayClosePrice").is_f64()
                    && of("openInterest").is_u64()
                    && *of("dayClosePrice") == json!("NaN"),
                "{row:?}"
            ),
            "Greeks" => {
                let number = |name: &str| of(name).as_f64().unwrap();
                assert!(
                    (-0.5..-0.05).contains(&number("delta")) && (0.05..0.5).contains(&number("volatility")),
                    "{row:?}"
                );
                assert!(
                    *of("price") == json!(7.25) && of("index").is_i64() && number("theta") < 0.0,
                    "{row:?}"
                );
            }
            _ => assert_eq!(of("tradingStatus"), &json!("ACTIVE")),
        }
    }
    // Where no volatility explains the price, Greeks say nothing. An index has none.
    client.add(1, "Greeks", &[".SPXW250904P7000"]).await;
    let greeks = &rows(&client.next().await, 14)[0];
    assert!(greeks[7].is_f64() && greeks[8..].iter().all(|value| value == "NaN"), "{greeks:?}");
    client.add(1, "Greeks", &["SPX"]).await;
    assert_eq!(client.said().await, Vec::<Value>::new());
    client.add(1, "Trade", &["SPX", "VIX"]).await;
    let trades = rows(&client.next().await, 15);
    assert_eq!(
        (&trades[0][7], &trades[1][7], &trades[0][9]),
        (&json!(6448.05), &json!(16.35), &json!("NaN"))
    );
}

#[tokio::test]
async fn the_last_event_comes_at_once_and_then_what_changes() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    let symbols = ["SPX", PUT, ".SPXW250904P2600"];
    client.add(1, "Quote", &symbols).await;
    assert_eq!(client.quoted().await, symbols);
    client.add(1, "Quote", &symbols).await;
    assert!(client.quoted().await.is_empty(), "adding again is nothing new");
    let mut last = json!(null);
    for _ in 0..3 {
        stage.pass(30).await;
        let quotes = client.quotes().await;
        let of = |symbol: &str| quotes.iter().filter(|row| row[1] == symbol).collect::<Vec<_>>();
        assert_eq!(
            (of("SPX").len(), of(".SPXW250904P2600").len()),
            (1, 0),
            "the worthless stay as they are: {quotes:?}"
        );
        assert_ne!(of("SPX")[0][2], last);
        last = of("SPX")[0][2].clone();
        // The stream and the broker's REST face show one market.
        let level = stage.simulator.market().underlying().to_string().parse::<f64>().unwrap();
        assert!((of("SPX")[0][2].as_f64().unwrap() + 1.25 - level).abs() < 1e-6);
    }
    client
        .send(json!({ "type": "FEED_SUBSCRIPTION", "channel": 1, "remove": pairs("Quote", &["SPX"]) }))
        .await;
    client.said().await;
    stage.pass(30).await;
    assert!(!client.quoted().await.contains(&"SPX".to_owned()));
}

#[tokio::test]
async fn one_message_resets_then_removes_then_adds() {
    let stage = Stage::start().await;
    let mut client = stage.quoting().await;
    client.add(1, "Quote", &["SPX"]).await;
    client.said().await;
    // What is removed and added is there afterwards, and new.
    client.send(json!({ "type": "FEED_SUBSCRIPTION", "channel": 1, "add": pairs("Quote", &["SPX"]), "remove": pairs("Quote", &["SPX"]) })).await;
    assert_eq!(client.quoted().await, ["SPX"]);
    client.send(json!({ "type": "FEED_SUBSCRIPTION", "channel": 1, "add": pairs("Quote", &["VIX"]), "reset": true })).await;
    assert_eq!(client.quoted().await, ["VIX"]);
    stage.pass(120).await;
    assert_eq!(client.quoted().await, ["VIX"], "the index went with the reset");
}

#[tokio::test]
async fn fields_are_the_known_ones_requested_and_a_setup_adds_types() {
    let stage = Stage::start().await;
    let mut client = stage.authorized().await;
    client.open(1).await;
    client.send(feed_setup(1, json!({ "Quote": ["askPrice", "petals", "eventSymbol"] }))).await;
    assert_eq!(client.next().await["eventFields"], json!({ "Quote": ["askPrice", "eventSymbol"] }));
    client.send(json!({ "type": "FEED_SETUP", "channel": 1, "acceptDataFormat": "FULL", "acceptEventFields": { "Trade": ["eventSymbol", "price"] } })).await;
    let config = client.next().await;
    let expected = json!({ "type": "FEED_CONFIG", "channel": 1, "aggregationPeriod": 0.5, "dataFormat": "COMPACT", "eventFields": { "Trade": ["eventSymbol", "price"] } });
    assert_eq!(config, expected, "COMPACT whatever was asked, the period as before");
    client
        .send(json!({ "type": "FEED_SUBSCRIPTION", "channel": 1, "add": [{ "type": "Trade", "symbol": "SPX" }, { "type": "Quote", "symbol": "SPX" }] }))
        .await;
    let [quote, trade] = &client.said().await[..] else { panic!("expected one frame a type") };
    assert_eq!((&quote["data"][0], rows(quote, 2)[0][1].as_str()), (&json!("Quote"), Some("SPX")));
    assert_eq!((&trade["data"][0], rows(trade, 2)[0][0].as_str()), (&json!("Trade"), Some("SPX")));
}
