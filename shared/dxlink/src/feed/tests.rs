//! A quote read is the quote that was written, whatever the server makes of the request.

use gamma_market::{LegQuote, Price};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::subsequence;
use serde_json::Value;

use super::*;

fn events(data: &str, layout: &mut Layout) -> (Vec<QuoteEvent>, u64) {
    let data: &RawValue = serde_json::from_str(data).unwrap();
    let mut events = Vec::new();
    let senseless = read(data, layout, |row| events.extend(QuoteEvent::of(row)));
    (events, senseless)
}

fn shown(data: &str) -> (Vec<String>, u64) {
    let side = |price: Option<Price>| price.map_or("-".to_owned(), |price| price.to_string());
    let (events, senseless) = events(data, &mut Layout::default());
    (
        events
            .iter()
            .map(|event| format!("{} {} {}", event.symbol, side(event.quote.bid), side(event.quote.ask)))
            .collect(),
        senseless,
    )
}

#[test]
fn what_is_a_price() {
    for (bid, ask, expected) in [
        ("4.1", "4.2", ".A 4.10 4.20"),
        ("0", "0.05", ".A 0.00 0.05"),
        ("0.0", "0", ".A 0.00 -"),
        ("-0.0", "-0.0", ".A 0.00 -"),
        ("-1", "-1", ".A - -"),
        ("\"NaN\"", "\"Infinity\"", ".A - -"),
        ("\"-Infinity\"", "null", ".A - -"),
        ("5924.123456789012345", "1e4", ".A 5924.123456789012345 10000.00"),
        ("1.5E1", "2.5e-1", ".A 15.00 0.25"),
        ("1000000001", "1e300", ".A - -"),
        ("\"4.1\"", "\"\"", ".A 4.10 -"),
        ("[4.1]", "{\"a\":1}", ".A - -"),
        ("true", "1e-400", ".A - -"),
    ] {
        let row = format!(r#"["Quote", ["Quote", ".A", {bid}, {ask}, "NaN", 41.0, 0, 0]]"#);
        assert_eq!(shown(&row), (vec![expected.to_owned()], 0), "{row}");
    }
}

#[test]
fn many_rows_types_and_forms_in_one_frame() {
    let data = r#"[
        "Quote", ["Quote", ".A", 4.1, 4.2, 36.0, 41.0, 0, 0, "Quote", "SPX", 5924.1, 5926.6, "NaN", "NaN", 0, 0],
        "Greeks", ["Greeks", ".A", 1787250605000, 4.15, 0.134],
        {"eventType": "Quote", "eventSymbol": ".B", "askPrice": 1.05, "more": [1, {"a": 2}]},
        {"eventType": "Trade", "eventSymbol": ".B", "price": 1},
        ["Quote", ["eventSymbol", "bidPrice", "askPrice"]], [".C", 1, 2, ".D", 0, 0.05],
        "Quote", [".C", 1, 2],
        "Quote", []
    ]"#;
    let expected =
        [".A 4.10 4.20", "SPX 5924.10 5926.60", ".B - 1.05", ".C 1.00 2.00", ".D 0.00 0.05", ".C 1.00 2.00"];
    assert_eq!(shown(data), (expected.map(str::to_owned).to_vec(), 0));
}

#[test]
fn unreadable_rows_are_dropped_and_counted_and_the_rest_is_read() {
    let good = r#""Quote", ["Quote", ".A", 4.1, 4.2, 1, 1, 0, 0]"#;
    for (bad, senseless) in [
        (r#""Quote", ["Quote", ".X", 4.1, 4.2, 1, 1, 0]"#, 1),
        (r#""Quote", ["Quote", ".X", 4.1, 4.2, 1, 1, 0, 0, "Quote"]"#, 1),
        (r#""Quote", ["Trade", ".X", 4.1, 4.2, 1, 1, 0, 0]"#, 1),
        (r#""Quote", [".X", "Quote", 4.1, 4.2, 1, 1, 0, 0]"#, 1),
        (r#""Quote", {"eventSymbol": ".X"}"#, 1),
        (r#""Quote", 7"#, 1),
        ("7", 1),
        (r#"[[["Quote"]]], []"#, 1),
        ("{}", 1),
        (r#"{"eventType": ["Quote"]}"#, 1),
    ] {
        let (read, count) = shown(&format!("[{bad}, {good}]"));
        assert_eq!((read, count), (vec![".A 4.10 4.20".to_owned()], senseless), "{bad}");
    }
    for (data, senseless) in [("{}", 1), ("null", 1), (r#"["Quote"]"#, 1), ("[]", 0)] {
        assert_eq!(shown(data), (Vec::new(), senseless), "{data}");
    }
}

#[test]
fn the_time_is_the_later_of_the_two() {
    for (bid, ask, expected) in [
        ("0", "0", None),
        ("1787250605000", "0", Some(1_787_250_605)),
        ("1787250605000", "1787250606000", Some(1_787_250_606)),
    ] {
        let data = format!(r#"["Quote", ["Quote", ".A", 4.1, 4.2, 1, 1, {bid}, {ask}]]"#);
        let (events, _) = events(&data, &mut Layout::default());
        assert_eq!(events[0].quote.at, expected.map(|seconds| Timestamp::from_second(seconds).unwrap()));
    }
    let (events, _) = events(
        r#"["Quote", ["Quote", ".A", 4.1, 4.2, 1, 1, 9223372036854775807, "NaN"]]"#,
        &mut Layout::default(),
    );
    assert_eq!(events[0].quote.at, None);
}

/// Cents and thousandths as the feed might write them, or a side that is absent.
fn side() -> impl Strategy<Value = (Option<Price>, String)> {
    prop_oneof![
        4 => (1_i64..10_000_000).prop_map(|cents| (Some(Price::cents(cents)), format!("{}.{:02}", cents / 100, cents % 100))),
        1 => (1_i64..100_000).prop_map(|points| (Some(Price::cents(points * 100)), format!("{points}"))),
        1 => (1_i64..100_000).prop_map(|points| (Some(Price::cents(points * 100)), format!("{points}.0E0"))),
        1 => prop::sample::select(vec!["\"NaN\"", "\"Infinity\"", "\"-Infinity\"", "null"]).prop_map(|text| (None, text.to_owned())),
    ]
}

proptest! {
    #[test]
    fn a_quote_read_is_the_quote_written_in_every_order_of_fields(
        quotes in prop::collection::vec((side(), side(), 0_i64..2_000_000_000_000, 0_i64..2_000_000_000_000), 1..6),
        optional in subsequence(vec!["eventType", "bidSize", "askSize", "sequence", "eventTime", "bidExchangeCode"], 0..=6),
        order in Just(()).prop_perturb(|(), mut rng| (0..16).map(|_| rng.random::<u64>()).collect::<Vec<_>>()),
        form in 0_u8..4,
    ) {
        let mut fields: Vec<&str> = ["eventSymbol", "bidPrice", "askPrice", "bidTime", "askTime"].into_iter().chain(optional).collect();
        fields.sort_by_key(|field| order[fields_at(field)]);
        let value = |field: &str, at: usize| {
            let ((_, bid), (_, ask), bid_time, ask_time) = &quotes[at];
            match field {
                "eventType" => "\"Quote\"".to_owned(),
                "eventSymbol" => format!("\".L{at}\""),
                "bidPrice" => bid.clone(),
                "askPrice" => ask.clone(),
                "bidTime" => bid_time.to_string(),
                "askTime" => ask_time.to_string(),
                "bidSize" | "askSize" => "\"NaN\"".to_owned(),
                "bidExchangeCode" => "\"C\"".to_owned(),
                _ => "7".to_owned(),
            }
        };
        let rows: Vec<String> = (0..quotes.len()).map(|at| fields.iter().map(|field| value(field, at)).collect::<Vec<_>>().join(",")).collect();
        let names = serde_json::to_string(&fields).unwrap();
        let object = |at: usize| {
            let pairs = fields.iter().filter(|field| **field != "eventType").map(|field| format!("\"{field}\":{}", value(field, at)));
            format!("{{\"eventType\":\"Quote\",{}}}", pairs.collect::<Vec<_>>().join(","))
        };
        let data = match form {
            0 => format!("[\"Quote\",[{}]]", rows.join(",")),
            1 => format!("[[\"Quote\",{names}],[{}]]", rows.join(",")),
            2 => format!("[{}]", rows.iter().map(|row| format!("\"Quote\",[{row}]")).collect::<Vec<_>>().join(",")),
            _ => format!("[{}]", (0..quotes.len()).map(object).collect::<Vec<_>>().join(",")),
        };
        let mut layout = Layout::default();
        if matches!(form, 0 | 2) {
            let config: Value = serde_json::json!({"Quote": fields, "Trade": ["price"]});
            layout.merge(serde_json::from_str(&config.to_string()).unwrap());
        }
        let expected: Vec<QuoteEvent> = quotes.iter().enumerate().map(|(at, ((bid, _), (ask, _), bid_time, ask_time))| {
            let time = Some(*bid_time.max(ask_time)).filter(|millis| *millis > 0).map(|millis| Timestamp::from_millisecond(millis).unwrap());
            QuoteEvent { symbol: format!(".L{at}").parse().unwrap(), quote: LegQuote { bid: *bid, ask: *ask, at: time, ..LegQuote::default() } }
        }).collect();
        prop_assert_eq!(events(&data, &mut layout), (expected, 0), "{}", data);
    }

    #[test]
    fn no_data_panics(data in r#"[\[\]{}",: 0-9.eE+NaQuotevnSymbl-]{0,80}"#) {
        if let Ok(data) = serde_json::from_str::<&RawValue>(&data) {
            read(data, &mut Layout::default(), |row| drop(QuoteEvent::of(row)));
        }
    }
}

fn fields_at(field: &str) -> usize {
    [
        "eventSymbol",
        "bidPrice",
        "askPrice",
        "bidTime",
        "askTime",
        "eventType",
        "bidSize",
        "askSize",
        "sequence",
        "eventTime",
        "bidExchangeCode",
    ]
    .iter()
    .position(|known| *known == field)
    .unwrap()
}
