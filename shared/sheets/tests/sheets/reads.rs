//! Reading tabs and cells.

use gamma_sheets::SheetsError;
use gamma_sheets::grid::Tab;
use serde_json::{Value, json};

use crate::google::{Bench, CELLS, Reply, TABS, TOKEN, fails, says};

fn tab(id: Option<i64>, title: &str, rows: u32, columns: u32) -> Value {
    let mut properties =
        json!({"title": title, "gridProperties": {"rowCount": rows, "columnCount": columns}});
    if let Some(id) = id {
        properties["sheetId"] = id.into();
    }
    json!({ "properties": properties })
}

fn two_tabs() -> Reply {
    says(
        200,
        &json!({"sheets": [tab(None, "Log", 2, 28), tab(Some(7), "Bob's", 5, 1), {"properties": {"sheetId": 9, "title": "Chart"}}]}),
    )
}

#[tokio::test]
async fn cells_are_texts_as_they_were_entered() {
    let bench = Bench::new().await;
    bench.on(TABS, [two_tabs()]);
    let values = r#"{"spreadsheetId": "sheet-1", "valueRanges": [
        {"range": "'Bob''s'!A1:A5", "majorDimension": "ROWS"},
        {"range": "Log!A1:AB2", "majorDimension": "ROWS", "values": [
            ["date", "", "=SUM(A1:A2)", null], [], [1, -0.10, 1.5E+3, 12345678901234567890123, true, false, "a\"\u00e9"]]}]}"#;
    bench.on(CELLS, [Reply::Says(200, values.to_owned())]);
    let workbook = bench.sheets().read(&["Log", "Missing", "Chart", "Bob's", "Log"]).await.unwrap();
    assert_eq!(bench.targets(), [TOKEN, TABS, CELLS]);
    assert_eq!(
        bench.seen()[1].query,
        "fields=sheets.properties%28sheetId%2Ctitle%2CgridProperties%28rowCount%2CcolumnCount%29%29"
    );
    let ranges = "ranges=%27Bob%27%27s%27%21A%3AA&ranges=%27Log%27%21A%3AAB";
    assert_eq!(bench.seen()[2].query, format!("valueRenderOption=FORMULA&majorDimension=ROWS&{ranges}"));
    let texts = |row: &[&str]| row.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let cells = vec![
        texts(&["date", "", "=SUM(A1:A2)", ""]),
        Vec::new(),
        texts(&["1", "-0.10", "1.5E+3", "12345678901234567890123", "TRUE", "FALSE", "a\"é"]),
    ];
    // A row was added between the two reads.
    assert_eq!(workbook.tabs["Log"], Tab { id: 0, rows: 3, columns: 28, cells });
    assert_eq!(workbook.tabs["Bob's"], Tab { id: 7, rows: 5, columns: 1, cells: Vec::new() });
    assert_eq!(workbook.tabs["Chart"], Tab { id: 9, ..Tab::default() });
    assert_eq!(workbook.tabs.len(), 3);
}

#[tokio::test]
async fn no_cells_are_asked_for_when_no_tab_is_there() {
    let bench = Bench::new().await;
    bench.on(TABS, [two_tabs()]);
    assert_eq!(bench.sheets().read(&["New"]).await.unwrap().tabs.len(), 3);
    assert_eq!(bench.targets(), [TOKEN, TABS]);
}

#[tokio::test]
async fn passing_trouble_is_asked_again_until_the_deadline() {
    let empty = || says(200, &json!({}));
    for (name, replies, waited) in [
        ("broken answers", vec![fails(500), Reply::Breaks, empty()], 750..=1500),
        ("a quota", vec![Reply::Later(""), Reply::Later("0"), empty()], 2000..=2000),
        ("a quota that says for how long", vec![Reply::Later("45"), empty()], 45_000..=45_000),
    ] {
        let bench = Bench::new().await;
        let tries = replies.len();
        bench.on(TABS, replies);
        bench.sheets().read(&[]).await.unwrap();
        assert_eq!(bench.targets().len(), 1 + tries, "{name}");
        assert!(waited.contains(&bench.clock.waited_ms()), "{name}: {}", bench.clock.waited_ms());
    }
    for (name, reply, tries) in
        [("down", fails(503), 5), ("a quota beyond the deadline", Reply::Later("60"), 1)]
    {
        let bench = Bench::new().await;
        bench.on(TABS, [reply]);
        let error = bench.sheets_for(10).read(&[]).await.unwrap_err();
        assert!(
            matches!(&error, SheetsError::Unavailable { reason, .. } if reason.ends_with(&format!("(tries: {tries})"))),
            "{name}: {error}"
        );
        assert_eq!(bench.targets().len(), 1 + tries, "{name}");
        assert!(bench.clock.waited_ms() < 10_000, "{name}");
    }
    let bench = Bench::new().await;
    let error = bench.sheets_for(0).read(&[]).await.unwrap_err();
    assert_eq!(error.to_string(), "sheets: token: unavailable: no time left (tries: 0)");
    assert_eq!(bench.targets().len(), 0);
}

#[tokio::test]
async fn a_refusal_is_final_and_carries_googles_words_and_no_token() {
    for (status, hint) in [
        (400, ""),
        (403, " (is the spreadsheet shared"),
        (404, " (is the spreadsheet's id right?)"),
        (302, ""),
    ] {
        let bench = Bench::new().await;
        bench.on(TABS, [two_tabs()]);
        bench.on(CELLS, [fails(status)]);
        let error = bench.sheets().read(&["Log"]).await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!(
                "sheets: cells of 'Log'!A:AB: refused with {status}: WORDS: [hidden] said Google{hint}"
            )),
            "{error}"
        );
        assert_eq!(bench.targets().len(), 3);
    }
    let bench = Bench::new().await;
    bench.on(TABS, [says(400, &json!({"error": {"message": "x".repeat(1000)}}))]);
    assert!(bench.sheets().read(&[]).await.unwrap_err().to_string().len() < 400);
}

#[tokio::test]
async fn an_answer_that_is_not_about_what_was_asked_is_no_answer() {
    for (cells, message) in [
        (json!({}), "valueRanges: got 0, expected 1"),
        (
            json!({"valueRanges": [{"range": "Other!A1:A2"}]}),
            "valueRanges.range: got Other!A1:A2, expected one of 'Log'",
        ),
        (
            json!({"valueRanges": [{"range": "Log!A1:A2", "values": [["a"], ["b", {}]]}]}),
            "'Log'!B2: got a list or an object",
        ),
        (json!(77), "body: got 2 bytes that do not read"),
    ] {
        let bench = Bench::new().await;
        bench.on(TABS, [two_tabs()]);
        bench.on(CELLS, [says(200, &cells)]);
        let error = bench.sheets().read(&["Log"]).await.unwrap_err();
        assert!(matches!(error, SheetsError::Malformed { .. }), "{error}");
        assert!(error.to_string().starts_with(&format!("sheets: cells of 'Log'!A:AB: {message}")), "{error}");
    }
}

#[tokio::test]
async fn settings_that_lead_elsewhere_are_refused_before_sending() {
    let bench = Bench::new().await;
    let account = crate::google::account(&crate::google::key_file(&format!("{}/token", bench.url)));
    for (base_url, spreadsheet, message) in [
        ("http://sheets.example.org", "sheet-1", "sheets: base_url: got another address, expected https://"),
        (bench.url.as_str(), "sheet/../other", "sheets: spreadsheet: got another text, expected its id"),
        (bench.url.as_str(), "", "sheets: spreadsheet: got another text, expected its id"),
    ] {
        let config = gamma_sheets::SheetsConfig {
            base_url: base_url.to_owned(),
            spreadsheet: spreadsheet.to_owned(),
            deadline: jiff::Timestamp::MAX,
        };
        let sheets = gamma_sheets::Sheets::new(
            bench.http.clone(),
            bench.clock.clone(),
            config,
            account.clone(),
            bench.tokens.clone(),
        );
        let error = sheets.read(&[]).await.unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
    assert_eq!(bench.targets().len(), 0);
}
