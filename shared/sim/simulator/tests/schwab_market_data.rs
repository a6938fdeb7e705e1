//! Quotes, chains and hours over Schwab's wire.

use crate::session::{Session, assert_shape};
use gamma_simulator::simulator::SimulatorConfig;
use serde_json::{Value, json};

fn quote_reference() -> Value {
    serde_json::from_str(
        r#"{"$SPX":{"assetMainType":"INDEX","symbol":"$SPX","ssid":1819771877,"realtime":true,"quote":{"52WeekHigh":6920.34,"52WeekLow":4835.04,
          "closePrice":5912.1,"highPrice":5931.5,"lastPrice":5925.4,"lowPrice":5899.9,"netChange":13.3,"netPercentChange":0.22,"openPrice":5910.2,
          "securityStatus":"Unknown","totalVolume":0,"tradeTime":1787250605123},
          "reference":{"description":"S&P 500 INDEX","exchange":"0","exchangeName":"Index"}},
        "SPXW  250904P06425000":{"assetMainType":"OPTION","symbol":"SPXW  260821P05900000","ssid":71234567,"realtime":true,
          "quote":{"52WeekHigh":60.2,"52WeekLow":3.1,"askPrice":4.2,"askSize":41,"bidPrice":4.1,"bidSize":36,"closePrice":7.9,"delta":-0.1612,"gamma":0.0041,
          "highPrice":8.0,"impliedYield":0.0,"indAskPrice":0,"indBidPrice":0,"indQuoteTime":0,"lastPrice":4.15,"lastSize":1,"lowPrice":3.1,"mark":4.15,
          "markChange":-3.75,"markPercentChange":-47.46,"moneyIntrinsicValue":-25.4,"netChange":-3.75,"netPercentChange":-47.46,"openInterest":2214,
          "openPrice":7.5,"quoteTime":1787250605010,"rho":-0.012,"securityStatus":"Normal","theoreticalOptionValue":4.15,"theta":-4.02,"timeValue":4.15,
          "totalVolume":5120,"tradeTime":1787250604000,"underlyingPrice":5925.4,"vega":0.61,"volatility":13.4},
          "reference":{"contractType":"P","daysToExpiration":1,"description":"SPXW 08/21/2026 5900.00 P","exchange":"o","exchangeName":"OPR",
          "exerciseType":"E","expirationDay":21,"expirationMonth":8,"expirationYear":2026,"expirationType":"W","isPennyPilot":false,
          "lastTradingDay":1787342400000,"multiplier":100,"settlementType":"P","strikePrice":5900,"underlying":"$SPX"}}}"#,
    )
    .unwrap()
}

#[tokio::test]
async fn quotes_start_as_the_chains_and_have_the_documented_shape() {
    let session = Session::start(1).await;
    let quotes = session.read("/marketdata/v1/quotes?symbols=%24SPX,SPXW%20%20250904P06425000").await;
    assert_shape(&quotes, &quote_reference(), "quotes");
    let put = &quotes["SPXW  250904P06425000"];
    assert_eq!((&put["quote"]["bidPrice"], &put["quote"]["askPrice"]), (&json!(7.2), &json!(7.3)));
    assert_eq!(
        (&put["reference"]["daysToExpiration"], &put["reference"]["description"]),
        (&json!(1), &json!("SPXW 09/04/2025 6425.00 P"))
    );
    assert_eq!(quotes["$SPX"]["quote"]["lastPrice"], json!(6448.05));
    assert_eq!(put["quote"]["quoteTime"], json!(session.now().as_millisecond()));
    assert!(session.read("/marketdata/v1/quotes?symbols=$VIX").await["$VIX"]["quote"]["lastPrice"].is_f64());

    let worthless = session.read("/marketdata/v1/quotes?symbols=SPXW++250904P02600000&fields=quote").await;
    let worthless = &worthless["SPXW  250904P02600000"];
    assert_eq!(
        (&worthless["quote"]["bidPrice"], &worthless["quote"]["askPrice"]),
        (&json!(0.0), &json!(0.05))
    );
    assert!(worthless.get("reference").is_none(), "only the parts that were asked for");
}

#[tokio::test]
async fn unknown_symbols_are_named_and_a_dropped_quote_is_not() {
    let session = Session::start(1).await;
    session.simulator.drop_quote("SPXW250904P6425".parse().unwrap());
    let body = session
        .read("/marketdata/v1/quotes?symbols=BAD,%24SPX,SPXW%20250904P06420000,SPXW%20%20250904P06425000")
        .await;
    assert_eq!(body["errors"], json!({ "invalidSymbols": ["BAD", "SPXW 250904P06420000"] }));
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["$SPX", "errors"]);

    let single = session.read("/marketdata/v1/SPXW%20%20250904P06420000/quotes").await;
    assert_eq!(single["SPXW  250904P06420000"]["quote"]["bidPrice"], json!(6.2));
    let (status, body) = session.get("/marketdata/v1/BAD/quotes").await;
    assert_eq!(status, 404);
    assert_shape(
        &body["errors"][0],
        &json!({ "id": "", "status": "404", "title": "", "detail": "" }),
        "error",
    );
    for query in ["", "?symbols=", "?symbols=$SPX&fields=greeks"] {
        let (status, body) = session.get(&format!("/marketdata/v1/quotes{query}")).await;
        assert_eq!(status, 400, "{query}");
        assert!(body["errors"][0]["source"]["parameter"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn chains_are_bounded_and_have_the_observed_keys() {
    let reference: Value = serde_json::from_str(
        r#"{"putCall":"PUT","symbol":"SPXW  260821P05900000","description":"SPXW 08/21/2026 5900.00 P","exchangeName":"OPR","bid":4.1,"ask":4.2,"last":4.15,
        "mark":4.15,"bidSize":36,"askSize":41,"bidAskSize":"36X41","lastSize":1,"highPrice":8.0,"lowPrice":3.1,"openPrice":0.0,"closePrice":7.9,
        "totalVolume":5120,"tradeTimeInLong":1787250604000,"quoteTimeInLong":1787250605010,"netChange":-3.75,"volatility":13.4,"delta":-0.161,"gamma":0.004,
        "theta":-4.02,"vega":0.61,"rho":-0.012,"openInterest":2214,"timeValue":4.15,"theoreticalOptionValue":4.15,"theoreticalVolatility":29.0,
        "optionDeliverablesList":[{"symbol":"$SPX","assetType":"INDEX","deliverableUnits":100.0}],"strikePrice":5900.0,
        "expirationDate":"2026-08-21T20:00:00.000+00:00","daysToExpiration":1,"expirationType":"W","lastTradingDay":1787342400000,"multiplier":100.0,
        "settlementType":"P","deliverableNote":"$100 SPX","percentChange":-47.46,"markChange":-3.75,"markPercentChange":-47.46,"intrinsicValue":-25.4,
        "extrinsicValue":29.55,"optionRoot":"SPXW","exerciseType":"E","high52Week":60.2,"low52Week":3.1,"inTheMoney":false,"mini":false,
        "nonStandard":false,"pennyPilot":false}"#,
    )
    .unwrap();
    let session = Session::start(1).await;
    let query = "symbol=%24SPX&contractType=ALL&strikeCount=10&includeUnderlyingQuote=true&strategy=SINGLE&fromDate=2025-09-04&toDate=2025-09-04";
    let chain = session.read(&format!("/marketdata/v1/chains?{query}")).await;
    assert_eq!((&chain["status"], &chain["numberOfContracts"]), (&json!("SUCCESS"), &json!(20)));
    for map in ["putExpDateMap", "callExpDateMap"] {
        assert_eq!(chain[map].as_object().unwrap().keys().collect::<Vec<_>>(), ["2025-09-04:1"]);
        let strikes: Vec<_> = chain[map]["2025-09-04:1"].as_object().unwrap().keys().cloned().collect();
        assert_eq!((strikes.len(), strikes[0].as_str(), strikes[9].as_str()), (10, "6425.0", "6470.0"));
    }
    let put = &chain["putExpDateMap"]["2025-09-04:1"]["6425.0"][0];
    assert_shape(put, &reference, "contract");
    assert_eq!(
        (&put["bid"], &put["ask"], &put["expirationDate"]),
        (&json!(7.2), &json!(7.3), &json!("2025-09-04T20:00:00.000+00:00"))
    );
    assert!(chain["underlying"]["last"].is_f64());

    let whole = session
        .read("/marketdata/v1/chains?symbol=$SPX&contractType=PUT&fromDate=2025-09-05&toDate=2025-09-12")
        .await;
    assert_eq!(whole["numberOfContracts"], json!(266 + 176 + 227));
    assert!(whole["callExpDateMap"].as_object().unwrap().is_empty() && whole.get("underlying").is_none());
    let none = session.read("/marketdata/v1/chains?symbol=$SPX&fromDate=2026-01-01&toDate=2026-01-02").await;
    assert_eq!((&none["status"], &none["putExpDateMap"]), (&json!("FAILED"), &json!({})));
    for query in [
        "",
        "symbol=SPX",
        "symbol=$SPX&contractType=BOTH",
        "symbol=$SPX&fromDate=today",
        "symbol=$SPX&strikeCount=ten",
    ] {
        assert_eq!(session.get(&format!("/marketdata/v1/chains?{query}")).await.0, 400, "{query}");
    }
    let expirations = session.read("/marketdata/v1/expirationchain?symbol=$SPX").await;
    let first = json!({
        "expirationDate": "2025-09-04", "daysToExpiration": 1, "expirationType": "W", "settlementType": "P", "optionRoots": "SPXW", "standard": false,
    });
    assert_eq!(
        (expirations["expirationList"].as_array().unwrap().len(), &expirations["expirationList"][0]),
        (4, &first)
    );
}

#[tokio::test]
async fn hours_follow_the_calendar() {
    let session = Session::start(1).await;
    let open = session.read("/marketdata/v1/markets?markets=option,equity").await;
    assert_eq!(
        open["option"]["IND"],
        json!({
            "date": "2025-09-03", "marketType": "OPTION", "product": "IND", "productName": "index option", "isOpen": true,
            "sessionHours": { "regularMarket": [{ "start": "2025-09-03T09:30:00-04:00", "end": "2025-09-03T16:15:00-04:00" }] },
        })
    );
    assert_eq!(open["equity"]["EQ"]["sessionHours"]["postMarket"][0]["end"], "2025-09-03T20:00:00-04:00");
    let early = session.read("/marketdata/v1/markets/option?date=2025-11-28").await;
    assert_eq!(
        early["option"]["EQO"]["sessionHours"]["regularMarket"][0]["end"],
        "2025-11-28T13:00:00-05:00"
    );
    let closed = session.read("/marketdata/v1/markets?markets=option&date=2025-09-01").await;
    assert_eq!(closed["option"]["option"]["isOpen"], json!(false));
    for path in [
        "/marketdata/v1/markets",
        "/marketdata/v1/markets?markets=option&date=soon",
        "/marketdata/v1/markets/tulip",
    ] {
        assert_eq!(session.get(path).await.0, 400, "{path}");
    }
}

#[tokio::test]
async fn quotes_move_with_time_and_not_with_reading() {
    let at = "2025-09-03T10:00:00-04:00".parse().unwrap();
    let path = "/marketdata/v1/quotes?symbols=$SPX,SPXW%20%20250904P06425000&fields=quote";
    let mut config = SimulatorConfig::of_2025_09_03(4).unwrap();
    config.start = at;
    let (read, unread) = (Session::with(config.clone()).await, Session::with(config).await);
    let first = read.read(path).await;
    for _ in 0..30 {
        read.pass(jiff::Span::new().seconds(2)).await;
        read.read(path).await;
    }
    unread.pass(jiff::Span::new().seconds(60)).await;
    assert_eq!(read.read(path).await, unread.read(path).await);
    assert_ne!(read.read(path).await, first);
}
