use super::*;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

fn rows(body: &[u8]) -> Result<Vec<SignalRow>, PayloadError> {
    view(body).map(|view| view.rows)
}

fn read(body: &Value) -> Result<Vec<SignalRow>, PayloadError> {
    rows(body.to_string().as_bytes())
}

fn days(body: &Value) -> Vec<String> {
    read(body).unwrap().iter().map(|row| row.date.to_string()).collect()
}

fn number(text: &str) -> Option<Decimal> {
    Some(text.parse().unwrap())
}

#[test]
fn a_full_row_field_by_field() {
    let row = json!({"Trade": {
        "Date": "2026-02-11", "TDate": "2026-02-12T00:00:00", "SPX": 6941.47, "Forward": 6943.1, "VIX": 0.1765, "VixOne": "0.1636779",
        "Limit": 6900, "CLimit": "7000.0", "Put": 0.95, "Call": "1.05", "LeftGo": -1, "RightGo": 1.5, "LImp": 0.25, "RImp": "1e-3", "FP": 3
    }});
    let volatilities = [("VIX", "0.1765"), ("VixOne", "0.1636779")];
    assert_eq!(
        read(&row).unwrap(),
        [SignalRow {
            date: date(2026, 2, 11),
            expiry: Some(date(2026, 2, 12)),
            put_strike: number("6900"),
            call_strike: number("7000"),
            left_go: number("-1"),
            right_go: number("1.5"),
            left_strength: number("0.25"),
            right_strength: number("0.001"),
            put_price: number("0.95"),
            call_price: number("1.05"),
            volatilities: volatilities.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).into(),
            spot: number("6941.47"),
            published: Default::default(),
        }]
    );
    let published = &read(&row).unwrap()[0].published.0;
    assert_eq!(
        (published.len(), published["Forward"].as_str(), published["RImp"].as_str()),
        (15, "6943.1", "1e-3"),
        "as it stands there"
    );
}

#[test]
fn every_shape_of_the_feed() {
    let (old, new) =
        (json!({"Date": "2026-02-10", "Limit": 6880}), json!({"Date": "2026-02-11", "Limit": 6900}));
    let both = ["2026-02-10", "2026-02-11"];
    let reversed = ["2026-02-11", "2026-02-10"];
    for (name, body, expected) in [
        ("trade object", json!({"Trade": new}), &both[1..]),
        ("trade list", json!({"Trade": [old, new]}), &both),
        ("predictions", json!({"Predictions": [new, old]}), &reversed),
        ("both, repeating", json!({"Trade": new, "Predictions": [old, new]}), &reversed),
        ("both, one empty", json!({"Trade": {}, "Predictions": [new]}), &both[1..]),
        ("both, one null", json!({"Trade": null, "Predictions": [new]}), &both[1..]),
        (
            "an envelope with fields of its own",
            json!({"Date": "2020-01-02", "VIX": 1, "Trade": new}),
            &both[1..],
        ),
        ("bare object", new.clone(), &both[1..]),
        ("bare list, newest first", json!([new, old]), &reversed),
        ("wrapped", json!({"status": 200, "data": {"result": {"Predictions": [old, new]}}}), &both),
        ("wrapped row", json!({"ok": true, "data": [[{"row": new}]]}), &both[1..]),
    ] {
        assert_eq!(days(&body), expected, "{name}");
    }
}

#[test]
fn a_trade_without_a_row_says_no_trade() {
    let today = json!({"Date": "2026-02-11", "Limit": 6900});
    let view = |trade: &Value| {
        view(json!({"data": {"Trade": trade, "Predictions": [today]}}).to_string().as_bytes()).unwrap()
    };
    for (trade, came) in [
        (json!(null), "null"),
        (json!({}), "an empty object"),
        (json!([]), "an empty list"),
        (json!([null]), "a list of 1"),
        (json!([{}, []]), "a list of 2"),
        (json!(""), "the text \"\""),
        (json!(false), "the truth value false"),
        (json!({"Message": "no trade"}), "an object with [\"Message\"]"),
        (json!({"Date": null, "Limit": null}), "an object with [\"Date\", \"Limit\"]"),
    ] {
        let view = view(&trade);
        assert_eq!(
            (view.no_trade, view.rows.len()),
            (Some(format!("Trade: got {came}, expected a row")), 1),
            "{trade}"
        );
    }
    for trade in [today.clone(), json!([today]), json!([{}, today]), json!({"row": today})] {
        assert_eq!(view(&trade).no_trade, None, "{trade}");
    }
    for body in [json!({"Predictions": [today]}), json!([today]), today] {
        assert_eq!(
            super::view(body.to_string().as_bytes()).unwrap().no_trade,
            None,
            "{body}: nothing is said of a trade"
        );
    }
}

#[test]
fn reference_vector_38i_the_newest_day_is_found_in_any_order() {
    let newest = |body: &Value| read(body).unwrap().iter().map(|row| row.date).max();
    let (old, new) = (json!({"Date": "2026-02-10"}), json!({"Date": "2026-02-11"}));
    for body in [
        json!({"Trade": [old, new]}),
        json!({"Trade": [new, old]}),
        json!({"Predictions": [new, old]}),
        json!({"Predictions": [old, new]}),
    ] {
        assert_eq!(newest(&body), Some(date(2026, 2, 11)), "{body}");
    }
    assert!(matches!(read(&json!([])), Err(PayloadError::NoRows { .. })));
}

#[test]
fn rows_of_one_day_that_disagree_are_all_returned() {
    let body = json!({
        "Trade": {"Date": "2026-02-11", "LeftGo": -1, "VixOne": "0.20"},
        "Predictions": [
            {"Date": "2026-02-11", "LeftGo": "-1.0", "VixOne": 0.2},
            {"Date": "2026-02-11", "LeftGo": 1, "VixOne": 0.2},
        ]
    });
    let sides: Vec<_> = read(&body).unwrap().iter().map(|row| row.left_go).collect();
    assert_eq!(sides, [number("-1"), number("1")]);
}

#[test]
fn what_counts_as_a_number() {
    for (value, expected) in [
        (json!(6900), "6900"),
        (json!(-0.25), "-0.25"),
        (json!("6900"), "6900"),
        (json!(" 6900.5 "), "6900.5"),
        (json!("+1"), "1"),
        (json!("2e-1"), "0.2"),
        (json!(0.1636779), "0.1636779"),
        (json!(0), "0"),
    ] {
        let row = json!({"Date": "2026-02-11", "Limit": value});
        assert_eq!(read(&row).unwrap()[0].put_strike, number(expected), "{value}");
    }
    for value in [
        json!(null),
        json!("NaN"),
        json!("inf"),
        json!(""),
        json!("6,900"),
        json!("6_900"),
        json!("6 900"),
        json!("0x10"),
        json!("n/a"),
        json!(true),
        json!([6900]),
        json!({"value": 6900}),
        json!("1e400"),
        json!(1e300),
    ] {
        let row = json!({"Date": "2026-02-11", "Limit": value, "VixOne": value});
        let read = &read(&row).unwrap()[0];
        assert_eq!((read.put_strike, read.volatilities.len()), (None, 0), "{value}");
    }
    // So small that its sign is all there is to it.
    let tiny = json!({"Date": "2026-02-11", "LeftGo": -1.2345678901234567e-17});
    assert!(read(&tiny).unwrap()[0].left_go.unwrap() < Decimal::ZERO);
}

#[test]
fn a_bare_nan_costs_its_own_field_only() {
    let body = br#"{"Trade": {"Date": "2026-02-11", "TDate": "NaN \" NaN", "RV5": NaN, "LeftGo": -Infinity, "RightGo":Infinity, "VIX": NaN, "VixOne": 0.2}}"#;
    let row = &rows(body).unwrap()[0];
    assert_eq!((row.left_go, row.right_go, row.expiry), (None, None, None));
    assert_eq!(row.volatilities, [("VixOne".to_owned(), number("0.2").unwrap())].into());
}

#[test]
fn what_counts_as_a_day() {
    for (value, expected) in [
        (json!("2026-02-11"), Some(date(2026, 2, 11))),
        (json!("2026-02-11T00:00:00"), Some(date(2026, 2, 11))),
        (json!("2026-02-11 16:00:00+00:00"), Some(date(2026, 2, 11))),
        (json!("2026-02-11T23:59:59Z"), Some(date(2026, 2, 11))),
        (json!("2026-02-30"), None),
        (json!("2026-2-11"), None),
        (json!("02/11/2026"), None),
        (json!("2026-02-110"), None),
        (json!("20260211"), None),
        (json!("20260211T0"), None),
        (json!("2026-02-1é"), None),
        (json!("NaT"), None),
        (json!(1_770_768_000), None),
        (json!(null), None),
    ] {
        let row = json!({"Date": "2026-02-10", "TDate": value});
        assert_eq!(read(&row).unwrap()[0].expiry, expected, "{value}");
        let with_another = json!([{"Date": value}, {"Date": "2026-02-10"}]);
        let all: Vec<Date> = read(&with_another).unwrap().iter().map(|row| row.date).collect();
        assert_eq!(all, expected.into_iter().chain([date(2026, 2, 10)]).collect::<Vec<_>>(), "{value}");
    }
}

#[test]
fn an_answer_without_a_signal_says_what_came() {
    let nested = |levels: usize| (0..levels).fold(json!({"Date": "2026-02-11"}), |inner, _| json!([inner]));
    assert_eq!(days(&nested(DEEPEST)), ["2026-02-11"]);
    let long: Vec<Value> = (0..=MOST_ROWS).map(|_| json!({"Date": "2026-02-11"})).collect();
    assert_eq!(days(&Value::from(&long[1..])).len(), 1);
    for (body, message) in [
        ("<html><b>secret</b>".to_owned(), "body: got 19 bytes beginning with Some('<') "),
        (String::new(), "body: got 0 bytes beginning with None "),
        ("{\"Date\": \"2026".into(), "body: got 14 bytes beginning with Some('{') "),
        ("null".into(), "rows: got null, expected"),
        ("\"text\"".into(), "rows: got the text \"text\", expected"),
        ("[]".into(), "rows: got an empty list, expected"),
        (
            "{\"error\": \"no\", \"code\": 1}".into(),
            "rows: got an object with [\"code\", \"error\"], expected",
        ),
        (
            "{\"Trade\": [], \"Predictions\": null}".into(),
            "rows: got an object with [\"Predictions\", \"Trade\"], expected",
        ),
        ("{\"Limit\": 6900}".into(), "Date: got nothing in the first of 1 rows"),
        (
            "[{\"Date\": \"11.02.2026\"}, {\"Date\": null}]".into(),
            "Date: got the text \"11.02.2026\" in the first of 2 rows",
        ),
        (nested(DEEPEST + 1).to_string(), "body: got lists and objects nested deeper than 8 levels"),
        ("[".repeat(100_000), "body: got 100000 bytes beginning with Some('[') "),
        (Value::from(long).to_string(), "rows: got more than 5000"),
    ] {
        let error = rows(body.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,14}".prop_map(Value::from),
        "[-+0-9.eE]{1,40}".prop_map(Value::from),
        "20[0-9]{2}-[01][0-9]-[0-3][0-9]".prop_map(Value::from),
    ];
    let key = prop_oneof![
        proptest::sample::select(vec![
            "Trade",
            "Predictions",
            "Date",
            "TDate",
            "Limit",
            "LeftGo",
            "VixOne",
            "Vix"
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,3}",
    ];
    leaf.prop_recursive(12, 64, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = rows(&body);
    }

    #[test]
    fn no_text_of_the_feeds_own_words_panics(body in "([\\[\\]{}:,\" ]|\"Date\"|\"Trade\"|\"\\\\\"|NaN|-Infinity|2026-02-11|-?[0-9]{1,40}){0,30}") {
        let _ = rows(body.as_bytes());
    }

    #[test]
    fn no_json_panics_and_what_is_read_stands_in_it(body in any_json()) {
        if let Ok(found) = read(&body) {
            prop_assert!(!found.is_empty() && found.len() <= MOST_ROWS);
            for row in &found {
                prop_assert!(body.to_string().contains(&row.date.to_string()));
            }
        }
    }

    #[test]
    fn every_day_of_a_history_is_returned_once_and_in_order(ahead in proptest::collection::btree_set(0_i64..9000, 1..30), wrapped in any::<bool>()) {
        let history: Vec<String> = ahead.iter().map(|days| date(2010, 1, 1).checked_add(jiff::Span::new().days(*days)).unwrap().to_string()).collect();
        let list: Vec<Value> = history.iter().map(|day| json!({"Date": day, "Limit": 6900})).collect();
        let newest = list.last().cloned();
        let body = if wrapped { json!({"Predictions": list, "Trade": newest}) } else { json!({"data": list}) };
        let mut found = days(&body);
        if wrapped {
            // `Trade` is read first, so the newest day stands at the front.
            found.rotate_left(1);
        }
        prop_assert_eq!(found, history);
    }
}
