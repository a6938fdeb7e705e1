use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use gamma_execution::ports::Broker;
use gamma_market::{LegQuote, OptionSymbol, Price, QuoteBook, QuoteState};
use serde_json::{Value, json};

use super::fake::{Reply, Stage};
use crate::{QuoteStream, QuoteStreamError, QuoteTokens, StreamerSymbol};

const BY_TYPE: &str = "GET /market-data/by-type";
const CHAIN: &str = "GET /option-chains/SPX/nested";

/// Answers as told, and remembers what it was asked for.
struct Scripted {
    answer: Result<QuoteBook, QuoteStreamError>,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl QuoteStream for Scripted {
    async fn quotes(
        &self,
        symbols: &[(OptionSymbol, StreamerSymbol)],
    ) -> Result<QuoteBook, QuoteStreamError> {
        self.asked.lock().unwrap().extend(symbols.iter().map(|(_, name)| name.to_string()));
        self.answer.clone()
    }
}

fn scripted(answer: Result<QuoteBook, QuoteStreamError>) -> Arc<Scripted> {
    Arc::new(Scripted { answer, asked: Mutex::default() })
}

fn symbols() -> [OptionSymbol; 2] {
    ["SPXW260821P5895".parse().unwrap(), "SPXW260821P5900".parse().unwrap()]
}

fn quote(bid: Option<i64>, ask: Option<i64>) -> LegQuote {
    LegQuote { bid: bid.map(Price::cents), ask: ask.map(Price::cents), ..LegQuote::default() }
}

fn rest() -> Reply {
    Reply::new(200, include_str!("../../fixtures/market_data__batch_with_index.json"))
}

fn bids(book: &QuoteBook) -> Vec<String> {
    book.values().map(|quote| quote.bid.map_or("-".to_owned(), |bid| bid.to_string())).collect()
}

async fn staged(answer: Result<QuoteBook, QuoteStreamError>, reply: Reply) -> (Stage, Arc<Scripted>) {
    let mut stage = Stage::new().await;
    let stream = scripted(answer);
    stage.broker = stage.broker.with_stream(stream.clone());
    stage.on(BY_TYPE, [reply]);
    (stage, stream)
}

#[tokio::test]
async fn the_stream_comes_first_and_rest_fills_what_it_leaves_open() {
    let [low, high] = symbols();
    let failed = || Err(QuoteStreamError("closed".into()));
    let whole = quote(Some(100), Some(110));
    for (name, answer, shown, asked) in [
        ("all streamed", Ok(QuoteBook::from([(low, whole), (high, whole)])), ["1.00", "1.00"], None),
        (
            "one streamed",
            Ok(QuoteBook::from([(low, whole)])),
            ["1.00", "4.10"],
            Some("equity-option=SPXW%20%20260821P05900000"),
        ),
        (
            "half a quote",
            Ok(QuoteBook::from([(low, whole), (high, quote(Some(1), None))])),
            ["1.00", "4.10"],
            Some("equity-option=SPXW%20%20260821P05900000"),
        ),
        (
            "silent",
            Ok(QuoteBook::new()),
            ["3.90", "4.10"],
            Some("equity-option=SPXW%20%20260821P05895000%2CSPXW%20%20260821P05900000"),
        ),
        (
            "failed",
            failed(),
            ["3.90", "4.10"],
            Some("equity-option=SPXW%20%20260821P05895000%2CSPXW%20%20260821P05900000"),
        ),
    ] {
        let (stage, stream) = staged(answer, rest()).await;
        let book = stage.broker.quotes(&symbols()).await.unwrap();
        assert_eq!(bids(&book), shown, "{name}");
        assert_eq!(
            stage.seen(BY_TYPE).first().map(|seen| seen.query.clone()),
            asked.map(str::to_owned),
            "{name}"
        );
        assert_eq!(*stream.asked.lock().unwrap(), [".SPXW260821P5895", ".SPXW260821P5900"], "{name}");
    }
}

#[tokio::test]
async fn a_leg_that_nobody_knows_is_absent_and_never_invented() {
    let [low, _] = symbols();
    let none = Reply::json(&json!({"data": {"items": []}, "pagination": null}));
    let (stage, _) = staged(Ok(QuoteBook::from([(low, quote(Some(100), Some(110)))])), none.clone()).await;
    assert_eq!(bids(&stage.broker.quotes(&symbols()).await.unwrap()), ["1.00"]);
    let down = Reply::new(502, "<html>Bad Gateway</html>");
    let (stage, _) = staged(Ok(QuoteBook::from([(low, quote(Some(100), Some(110)))])), down.clone()).await;
    assert_eq!(
        bids(&stage.broker.quotes(&symbols()).await.unwrap()),
        ["1.00"],
        "what the stream gave is not lost with REST"
    );
    let (stage, _) = staged(Err(QuoteStreamError("closed".into())), down).await;
    assert!(
        stage
            .broker
            .quotes(&symbols())
            .await
            .unwrap_err()
            .to_string()
            .contains("GET market-data: unavailable: 502")
    );
    let one_sided =
        Reply::json(&json!({"data": {"items": [{"symbol": "SPXW  260821P05895000", "bid": "0.0"}]}}));
    let (stage, _) = staged(Ok(QuoteBook::new()), one_sided).await;
    assert_eq!(
        bids(&stage.broker.quotes(&symbols()).await.unwrap()),
        ["0.00"],
        "half a quote says more than none"
    );
}

/// As the kernel asks for what a batch left open.
#[tokio::test]
async fn one_leg_alone_is_answered_while_the_stream_is_silent() {
    let [low, high] = symbols();
    for answer in [
        Ok(QuoteBook::new()),
        Err(QuoteStreamError("closed".into())),
        Ok(QuoteBook::from([(low, quote(Some(100), None))])),
    ] {
        let (stage, stream) = staged(answer, rest()).await;
        assert_eq!(bids(&stage.broker.quotes(&[low]).await.unwrap()), ["3.90"]);
        assert_eq!(bids(&stage.broker.quotes(&[high]).await.unwrap()), ["4.10"]);
        assert_eq!(
            (stage.seen(BY_TYPE)[0].query.as_str(), stream.asked.lock().unwrap().len()),
            ("equity-option=SPXW%20%20260821P05895000", 2)
        );
        assert!(stage.clock.elapsed().as_secs() < 3);
    }
}

#[tokio::test]
async fn a_row_that_does_not_read_costs_no_other_leg() {
    let row = |symbol: Value| json!({"symbol": symbol, "bid": "1.0", "ask": "1.1"});
    for odd in
        [row(json!(5)), row(Value::Null), json!({"bid": []}), json!("SPXW  260821P05900000"), Value::Null]
    {
        let stage = Stage::new().await;
        stage.on(
            BY_TYPE,
            [Reply::json(&json!({"data": {"items": [odd, row(json!("SPXW  260821P05895000"))]}}))],
        );
        assert_eq!(bids(&stage.broker.quotes(&symbols()).await.unwrap()), ["1.00"], "{odd}");
    }
}

#[tokio::test]
async fn a_halted_contract_is_shown_as_halted() {
    // The test's clock stands at 2026-09-21T17:00:00Z.
    let (before, after) = (json!(1_790_009_000_000_i64), json!(1_790_010_900_000_i64));
    for (halted, start, end, state) in [
        (json!(false), json!(-1), json!(-1), QuoteState::Live),
        (Value::Null, Value::Null, Value::Null, QuoteState::Live),
        (json!(true), json!(-1), json!(-1), QuoteState::Halted),
        (json!("true"), Value::Null, Value::Null, QuoteState::Halted),
        (json!(true), before.clone(), before.clone(), QuoteState::Halted),
        // Without the flag the times say it.
        (Value::Null, before.clone(), json!(-1), QuoteState::Halted),
        (Value::Null, before.clone(), json!(0), QuoteState::Halted),
        (Value::Null, json!("1790009000000"), after.clone(), QuoteState::Halted),
        (Value::Null, before.clone(), before.clone(), QuoteState::Live),
        (Value::Null, after.clone(), json!(-1), QuoteState::Live),
        (Value::Null, json!(0), json!(0), QuoteState::Live),
        (json!(false), before, json!(-1), QuoteState::Live),
        // A flag that does not read says that something is different from what it always was.
        (json!("HALTED"), json!(-1), json!(-1), QuoteState::Halted),
    ] {
        let stage = Stage::new().await;
        let row = json!({"symbol": "SPXW  260821P05895000", "bid": "1.0", "ask": "1.1", "updated-at": "2026-09-21T16:55:00.000Z",
            "is-trading-halted": halted, "halt-start-time": start, "halt-end-time": end});
        stage.on(BY_TYPE, [Reply::json(&json!({"data": {"items": [row]}}))]);
        let book = stage.broker.quotes(&symbols()[..1]).await.unwrap();
        let shown = &book[&symbols()[0]];
        assert_eq!(
            (shown.state, shown.at.unwrap().to_string()),
            (state, "2026-09-21T16:55:00Z".to_owned()),
            "{halted} {start} {end}"
        );
    }
}

#[tokio::test]
async fn more_than_a_hundred_symbols_go_in_several_requests() {
    let stage = Stage::new().await;
    stage.on(BY_TYPE, [rest()]);
    let many: Vec<OptionSymbol> =
        (0..201).map(|step| format!("SPXW260821P{}", 5000 + 5 * step).parse().unwrap()).collect();
    assert_eq!(stage.broker.quotes(&many).await.unwrap().len(), 2);
    let lengths: Vec<usize> =
        stage.seen(BY_TYPE).iter().map(|seen| seen.query.split("%2C").count()).collect();
    assert_eq!(lengths, [100, 100, 1]);
    assert!(stage.broker.quotes(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn chain_symbols_are_read_once_and_their_absence_is_harmless() {
    let mut chain: Value =
        serde_json::from_str(include_str!("../../fixtures/option_chain__nested_two_roots.json")).unwrap();
    chain["data"]["items"][1]["expirations"][0]["strikes"][0]["put-streamer-symbol"] = json!(".SPXW.X");
    let (stage, stream) = staged(Ok(QuoteBook::new()), rest()).await;
    stage.on(CHAIN, [Reply::json(&chain)]);
    stage.broker.learn_symbols().await;
    stage.broker.learn_symbols().await;
    stage.broker.quotes(&symbols()).await.unwrap();
    assert_eq!(
        (stage.seen(CHAIN).len(), stream.asked.lock().unwrap().join(" ")),
        (1, ".SPXW260821P5895 .SPXW.X".to_owned())
    );

    for answer in [
        Reply::new(502, ""),
        Reply::new(200, "<html>"),
        Reply::json(&json!({"data": {}})),
        Reply::new(200, "").cut(),
    ] {
        let (stage, stream) = staged(Ok(QuoteBook::new()), rest()).await;
        stage.on(CHAIN, [answer]);
        stage.broker.learn_symbols().await;
        assert_eq!(stage.broker.quotes(&symbols()).await.unwrap().len(), 2);
        assert_eq!((stage.seen(CHAIN).len(), stream.asked.lock().unwrap().len()), (1, 2), "one try");
        assert_eq!(stage.clock.elapsed().as_secs(), 0);
    }
}

#[tokio::test]
async fn a_token_of_delayed_quotes_opens_no_stream() {
    const TOKENS: &str = "GET /api-quote-tokens";
    let token = |level: Value| {
        Reply::json(
            &json!({"data": {"token": "canary", "dxlink-url": "wss://tasty-demo-ws.dxfeed.com/delayed", "level": level}}),
        )
    };
    for (level, shown) in [
        (json!("api"), None),
        (Value::Null, None),
        (json!("demo"), Some("level: got \"demo\", expected \"api\"")),
    ] {
        let stage = Stage::new().await;
        stage.on(TOKENS, [token(level)]);
        let tokens = QuoteTokens::default();
        let ready = stage.broker.ready_quote_token(&tokens).await.map_err(|error| error.to_string());
        assert_eq!(ready.is_ok(), shown.is_none(), "{ready:?}");
        assert!(shown.is_none_or(|shown| ready.unwrap_err().contains(shown)));
        assert_eq!(
            format!("{tokens:?}").contains("true"),
            shown.is_none(),
            "one that is not used is not kept"
        );
    }
}
