//! Changing a spreadsheet: one request, whole or not at all, never twice without knowing.

use std::time::Duration;

use gamma_sheets::SheetsError;
use gamma_sheets::grid::{Change, Tab, Workbook};
use serde_json::{Value, json};

use crate::google::{Bench, CELLS, CHANGES, Reply, TABS, TOKEN, fails, says};

fn workbook() -> Workbook {
    let tab = |id, rows, columns| Tab { id, rows, columns, cells: Vec::new() };
    Workbook { tabs: [("Log".to_owned(), tab(0, 10, 4)), ("Bob's".to_owned(), tab(7, 1, 1))].into() }
}

fn add(title: &str) -> Change {
    Change::AddTab { title: title.to_owned(), rows: 2, columns: 3 }
}

fn write(tab: &str, row: u32, column: u32, cells: &[&[&str]]) -> Change {
    let cells = cells.iter().map(|row| row.iter().map(|text| (*text).to_owned()).collect()).collect();
    Change::Write { tab: tab.to_owned(), row, column, cells }
}

/// The `requests` of the changes sent.
async fn sent(changes: &[Change]) -> Vec<Value> {
    let bench = Bench::new().await;
    bench.on(CHANGES, [says(200, &json!({"replies": [{}]}))]);
    bench.sheets().apply(changes, &workbook()).await.unwrap();
    assert_eq!(bench.targets(), [TOKEN, CHANGES]);
    let mut body: Value = serde_json::from_str(&bench.seen()[1].body).unwrap();
    serde_json::from_value(body["requests"].take()).unwrap()
}

#[tokio::test]
async fn a_whole_run_costs_four_requests() {
    let bench = Bench::new().await;
    let properties =
        json!({"sheetId": 3, "title": "Log", "gridProperties": {"rowCount": 9, "columnCount": 9}});
    bench.on(TABS, [says(200, &json!({"sheets": [{"properties": properties}]}))]);
    bench.on(CELLS, [says(200, &json!({"valueRanges": [{"range": "Log!A1:I9", "values": [["a"]]}]}))]);
    bench.on(CHANGES, [says(200, &json!({}))]);
    let sheets = bench.sheets();
    let read = sheets.read(&["Log", "New"]).await.unwrap();
    sheets
        .apply(&[add("New"), write("New", 0, 0, &[&["x"]]), write("Log", 1, 0, &[&["b"]])], &read)
        .await
        .unwrap();
    assert_eq!(bench.targets(), [TOKEN, TABS, CELLS, CHANGES]);
    assert_eq!(bench.http.requests_sent(), 4);
}

#[tokio::test]
async fn texts_stay_texts_and_an_empty_one_empties_the_cell() {
    let cell = |text: &str| json!({"userEnteredValue": {"stringValue": text}});
    let rows =
        json!([{"values": [cell("=1+1"), {}, cell("007")]}, {"values": []}, {"values": [cell("TRUE")]}]);
    let update = json!({"updateCells": {"start": {"sheetId": 0, "rowIndex": 2, "columnIndex": 1}, "rows": rows, "fields": "userEnteredValue"}});
    assert_eq!(sent(&[write("Log", 2, 1, &[&["=1+1", "", "007"], &[], &["TRUE"]])]).await, [update]);
}

#[tokio::test]
async fn the_grid_grows_by_what_is_lacking_and_once() {
    let grow = |id: i64, dimension: &str, length: u32| json!({"appendDimension": {"sheetId": id, "dimension": dimension, "length": length}});
    let is_growth = |request: &Value| request.get("appendDimension").is_some();
    let requests = sent(&[write("Log", 9, 2, &[&["a", "b"]])]).await;
    assert!(!requests.iter().any(is_growth), "it fits: {requests:?}");
    let requests = sent(&[
        write("Log", 9, 3, &[&["a", "b"], &["c"]]),
        write("Log", 10, 0, &[&["d"]]),
        write("Log", 11, 0, &[&["e"]]),
    ])
    .await;
    assert_eq!(requests[..2], [grow(0, "ROWS", 1), grow(0, "COLUMNS", 1)]);
    assert_eq!(requests[2]["updateCells"]["start"]["rowIndex"], 9);
    assert_eq!(requests[3]["updateCells"]["start"]["rowIndex"], 10);
    assert_eq!(requests[4], grow(0, "ROWS", 1));
    assert_eq!(requests.len(), 6);
}

#[tokio::test]
async fn a_new_tab_has_an_id_of_its_own_and_is_written_to_at_once() {
    let requests = sent(&[add("New"), add("Newer"), write("New", 2, 0, &[&["x"]])]).await;
    let properties = &requests[0]["addSheet"]["properties"];
    assert_eq!(
        (&properties["title"], &properties["gridProperties"]),
        (&json!("New"), &json!({"rowCount": 2, "columnCount": 3}))
    );
    let id = properties["sheetId"].as_i64().unwrap();
    assert!(i32::try_from(id).is_ok_and(|id| id > 0 && id != 7));
    assert_ne!(requests[1]["addSheet"]["properties"]["sheetId"], id);
    assert_eq!(requests[2], json!({"appendDimension": {"sheetId": id, "dimension": "ROWS", "length": 1}}));
    assert_eq!(requests[3]["updateCells"]["start"]["sheetId"], id);

    // Where a tab has that id already, another is chosen.
    let mut taken = workbook();
    taken.tabs.insert("Taken".to_owned(), Tab { id, ..Tab::default() });
    let bench = Bench::new().await;
    bench.on(CHANGES, [says(200, &json!({}))]);
    bench.sheets().apply(&[add("New")], &taken).await.unwrap();
    let body: Value = serde_json::from_str(&bench.seen()[1].body).unwrap();
    assert_eq!(body["requests"][0]["addSheet"]["properties"]["sheetId"], id + 1);
}

#[tokio::test]
async fn nothing_to_change_is_no_request() {
    let bench = Bench::new().await;
    let sheets = bench.sheets();
    sheets.apply(&[], &workbook()).await.unwrap();
    sheets.apply(&[write("Log", 99, 0, &[]), write("Log", 0, 0, &[&[], &[]])], &workbook()).await.unwrap();
    assert_eq!(bench.targets().len(), 0);
}

#[tokio::test]
async fn impossible_changes_name_tab_and_range_and_send_nothing() {
    let long = "é".repeat(50_001);
    let bench = Bench::new().await;
    for (change, message) in [
        (
            write("Nowhere", 1, 0, &[&["a", "b"]]),
            "sheets: 'Nowhere'!A2:B2: got no such tab, expected one that was read or is added before",
        ),
        (add("Bob's"), "sheets: 'Bob''s': got a tab that is there already, expected a new title to add"),
        (
            write("Log", 0, 1, &[&[&long]]),
            "sheets: 'Log'!B1: got a cell of 50001 characters, expected 50000 at most",
        ),
    ] {
        let error =
            bench.sheets().apply(&[write("Log", 0, 0, &[&["a"]]), change], &workbook()).await.unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert_eq!(bench.targets().len(), 0);
}

#[tokio::test]
async fn changes_of_unknown_outcome_are_reported_and_never_resent() {
    for (name, reply) in [
        ("500", fails(500)),
        ("503", fails(503)),
        ("408", fails(408)),
        ("409", fails(409)),
        ("broken", Reply::Breaks),
    ] {
        let bench = Bench::new().await;
        bench.on(CHANGES, [reply]);
        let error = bench.sheets().apply(&[write("Log", 0, 0, &[&["a"]])], &workbook()).await.unwrap_err();
        assert!(
            matches!(&error, SheetsError::Unknown { what, .. } if what == "changes to 'Log'!A1"),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains("canary"), "{name}: {error}");
        assert_eq!((bench.targets().len(), bench.clock.waited_ms()), (2, 0), "{name}");
    }
    // No answer within the time that is left.
    let bench = Bench::new().await;
    bench.on(CHANGES, [Reply::Hangs]);
    let sheets = bench.sheets_for(2);
    let changes = [write("Log", 0, 0, &[&["a"]])];
    let workbook = workbook();
    let call = tokio::time::timeout(Duration::from_secs(9), sheets.apply(&changes, &workbook));
    let error = call.await.expect("bounded by the deadline").unwrap_err();
    assert!(
        matches!(&error, SheetsError::Unknown { reason, .. } if reason.contains("answer lost")),
        "{error}"
    );
}

#[tokio::test]
async fn changes_proven_not_made_are_resent_while_there_is_time() {
    let bench = Bench::new().await;
    bench.on(CHANGES, [Reply::Later("2"), fails(429), says(200, &json!({}))]);
    bench.sheets().apply(&[write("Log", 0, 0, &[&["a"]])], &workbook()).await.unwrap();
    assert_eq!(bench.targets(), [TOKEN, CHANGES, CHANGES, CHANGES]);
    assert!((2500..=3500).contains(&bench.clock.waited_ms()), "{}", bench.clock.waited_ms());

    // A change is not begun where it would be cut off.
    let bench = Bench::new().await;
    let error = bench.sheets_for(1).apply(&[write("Log", 0, 0, &[&["a"]])], &workbook()).await.unwrap_err();
    assert!(
        matches!(&error, SheetsError::Unavailable { reason, .. } if reason == "no time left (tries: 0)"),
        "{error}"
    );
    assert_eq!(bench.targets(), [TOKEN]);
}

#[tokio::test]
async fn changes_that_google_refuses_are_named_by_their_places() {
    let bench = Bench::new().await;
    bench.on(CHANGES, [fails(400)]);
    let changes = [
        add("New"),
        write("New", 0, 0, &[&["a"]]),
        write("Log", 4, 1, &[&["a", "b"], &["c"]]),
        add("B"),
        add("C"),
    ];
    let error = bench.sheets().apply(&changes, &workbook()).await.unwrap_err().to_string();
    assert_eq!(
        error,
        "sheets: changes to new tab 'New', 'New'!A1, 'Log'!B5:C6 and 2 more: refused with 400: WORDS: [hidden] said Google"
    );
    assert_eq!(bench.targets().len(), 2);
}
