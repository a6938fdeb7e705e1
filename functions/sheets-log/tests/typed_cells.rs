//! Cells that a person has typed, in the simulated Google: what was typed is read back as a number of days, a
//! number, a boolean.

use std::sync::Arc;

use crate::support::{Day, shown};
use async_trait::async_trait;
use gamma_execution::ports::Clock;
use gamma_http::{HttpClient, HttpConfig};
use gamma_market::{Effect, Right};
use gamma_sheets::{ServiceAccount, Sheets, SheetsConfig, SheetsTokens};
use gamma_sheets_log::TABS;
use gamma_simulator::google::{Entered, Locale, Spreadsheets};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use jiff::{SignedDuration, Timestamp};

const ID: &str = "journal";
const PUT: (Right, Effect, u32) = (Right::Put, Effect::Credit, 6900);

struct StandingClock(Timestamp);

#[async_trait]
impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    async fn sleep_until(&self, _at: Timestamp) {}
}

/// A spreadsheet at the simulated Google, with the client that the function uses.
struct Journal {
    simulator: Simulator,
    http: HttpClient,
    tokens: SheetsTokens,
}

impl Journal {
    async fn new() -> Self {
        let simulator = Simulator::start(SimulatorConfig::of_2025_09_03(1).unwrap()).await.unwrap();
        simulator.spreadsheets().create(ID, "Journal", []);
        Self {
            simulator,
            http: HttpClient::new(&HttpConfig::default()).unwrap(),
            tokens: SheetsTokens::default(),
        }
    }

    /// Hands a day off as the function does; what a person is told of it.
    async fn hand_off(&self, day: &Day) -> Vec<String> {
        let now = self.simulator.clock().now();
        let config = SheetsConfig {
            base_url: self.simulator.google_url(),
            spreadsheet: ID.to_owned(),
            deadline: now + SignedDuration::from_mins(5),
        };
        let account = ServiceAccount::parse(&self.simulator.google_service_account()).unwrap();
        let sheets = Sheets::new(
            self.http.clone(),
            Arc::new(StandingClock(now)),
            config,
            account,
            self.tokens.clone(),
        );
        let workbook = sheets.read(&TABS).await.unwrap();
        let told = day.told(&workbook).unwrap();
        sheets.apply(&told.changes, &workbook).await.unwrap();
        told.notes
    }

    fn sheets(&self) -> Spreadsheets {
        self.simulator.spreadsheets()
    }

    fn type_into(&self, cells: &[(&str, &str)]) {
        cells.iter().for_each(|(cell, text)| self.sheets().type_into(ID, cell, text).unwrap());
    }

    /// Named cells of each row below the headings, in the row's order.
    fn rows(&self, tab: &str, columns: &str) -> Vec<String> {
        let lines = self.sheets().text(ID, tab).unwrap();
        let (names, rows) = lines.split_first().unwrap();
        rows.iter()
            .map(|row| shown(&names.iter().cloned().zip(row.iter().cloned()).collect(), columns))
            .collect()
    }

    /// The dates of the summary, from the top.
    fn dates(&self) -> Vec<String> {
        self.sheets().text(ID, "CS_Summary").unwrap().into_iter().skip(10).map(|row| row[0].clone()).collect()
    }
}

/// The day after its first rung, and when it was over.
fn day(account: &'static str, over: bool) -> Day {
    let rungs: &[(&str, &[(u32, &str)])] = if over {
        &[("0.95", &[(1, "0.95")]), ("0.90", &[(3, "0.90")])]
    } else {
        &[("0.95", &[(1, "0.95")])]
    };
    Day::new(account, "2026-02-11", "2026-02-12").side(PUT, 1, 4, rungs).reported()
}

#[tokio::test]
async fn a_typed_date_doubles_no_row_in_any_tab() {
    for (locale, typed) in [
        (Locale::UnitedStates, "2026-02-11"),
        (Locale::UnitedStates, "2/11/2026"),
        (Locale::UnitedStates, "Feb 11, 2026"),
        (Locale::UnitedStates, "'2/11/2026"),
        (Locale::UnitedStates, "' 2026-02-11 "),
        (Locale::Britain, "11/02/2026"),
    ] {
        let journal = Journal::new().await;
        journal.hand_off(&day("schwab", false)).await;
        journal.sheets().set_locale(ID, locale);
        // The keys of every tab: dates, an expiry, an account, the number of the day's plan.
        let dates = ["GW_Signal!A2", "ConstantStableTrades!C2", "CS_Tracking!A2", "CS_Summary!A11"]
            .map(|cell| (cell, typed));
        journal.type_into(&dates);
        journal.type_into(&[
            ("ConstantStableTrades!D2", "2026-02-12"),
            ("CS_Tracking!C2", "Schwab "),
            ("ConstantStableTrades!AH2", "1"),
        ]);
        assert_eq!(
            journal.sheets().cell(ID, "ConstantStableTrades!AH2"),
            Some(Entered::Number { value: 1.0, shown: "1".into() }),
            "revision"
        );
        let entered = dates.map(|(cell, _)| journal.sheets().cell(ID, cell));

        assert_eq!(journal.hand_off(&day("schwab", true)).await, [""; 0], "{typed}");
        assert_eq!(journal.rows("GW_Signal", "spx put_strike"), ["6950.25 | 6900"], "{typed}");
        assert_eq!(
            journal.rows("ConstantStableTrades", "name qty_filled reason"),
            ["PUT_SHORT | 4 | OK"],
            "{typed}"
        );
        assert_eq!(
            journal.rows("CS_Tracking", "put_filled put_status"),
            ["4 | OK"],
            "{typed}: a sum of put_filled counts the day once"
        );
        assert_eq!(journal.dates().len(), 1, "{typed}: {:?}", journal.dates());
        assert_eq!(
            dates.map(|(cell, _)| journal.sheets().cell(ID, cell)),
            entered,
            "{typed}: what a person typed stays"
        );
        let writes = journal.sheets().writes(ID);
        journal.hand_off(&day("schwab", true)).await;
        assert_eq!(journal.sheets().writes(ID), writes, "{typed}: nothing is left to do");
    }
}

#[tokio::test]
async fn a_typed_date_moves_down_the_summary_as_a_date() {
    let journal = Journal::new().await;
    journal.hand_off(&day("schwab", true)).await;
    journal.type_into(&[("CS_Summary!A11", "2/11/2026"), ("GW_Signal!B2", "2/12/2026")]);
    let next = Day::new("schwab", "2026-02-12", "2026-02-13")
        .side(PUT, 1, 2, &[("0.95", &[(2, "0.95")])])
        .reported();
    journal.hand_off(&next).await;
    assert_eq!(journal.dates(), ["2026-02-12", "2026-02-11"]);
    let summary = journal.sheets().text(ID, "CS_Summary").unwrap();
    // Settled at 6950.25 on the typed expiry: 4 at (0.9125 - 0.0194).
    assert_eq!(
        (summary[11][5].as_str(), summary[11][17].as_str(), summary[11][19].as_str()),
        ("4", "6950.25", "3.5724")
    );
}

#[tokio::test]
async fn accounts_that_differ_in_zeros_have_a_row_each() {
    let journal = Journal::new().await;
    journal.hand_off(&day("0123", true)).await;
    journal.hand_off(&day("123", true)).await;
    assert_eq!(journal.rows("CS_Tracking", "account"), ["0123", "123"]);
    // Typed as a number: still the account it was, and not the other.
    journal.type_into(&[("CS_Tracking!C3", "123")]);
    journal.hand_off(&day("0123", true)).await;
    journal.hand_off(&day("123", true)).await;
    assert_eq!(journal.rows("CS_Tracking", "account"), ["0123", "123"]);
}

#[tokio::test]
async fn a_row_that_stands_twice_is_said_and_counted_once() {
    let journal = Journal::new().await;
    journal.hand_off(&day("schwab", false)).await;
    // A copy by hand, and a copied line of the summary with a figure of its own.
    journal.type_into(&[
        ("CS_Tracking!A3", "2/11/2026"),
        ("CS_Tracking!B3", "2/12/2026"),
        ("CS_Tracking!C3", "schwab"),
        ("CS_Tracking!T3", "1"),
    ]);
    journal.type_into(&[("CS_Summary!A12", "2/11/2026"), ("CS_Summary!F12", "7")]);
    let told = journal.hand_off(&day("schwab", true)).await;
    let key = "2026-02-11, 2026-02-12, schwab";
    assert_eq!(
        told,
        [
            format!("CS_Tracking rows 2, 3: got the same key ({key}), expected one row; none of them is changed until all but one are deleted"),
            "CS_Summary row 12: got 2026-02-11 once more, with other figures, expected one row a date; it is left as it is".to_owned(),
        ]
    );
    assert_eq!(journal.rows("CS_Tracking", "put_filled"), ["1", "1"], "neither is written over");
    let summary = journal.sheets().text(ID, "CS_Summary").unwrap();
    assert_eq!(
        (summary[10][5].as_str(), summary[11][5].as_str()),
        ("1", "7"),
        "not the sum of both rows, and the other line as it was"
    );

    // The copies are deleted: the day is as it should be.
    journal.type_into(
        &["A", "B", "C", "T"]
            .map(|column| (format!("CS_Tracking!{column}3"), ""))
            .each_ref()
            .map(|(cell, text)| (cell.as_str(), *text)),
    );
    journal.type_into(&[("CS_Summary!A12", ""), ("CS_Summary!F12", "")]);
    assert_eq!(journal.hand_off(&day("schwab", true)).await, [""; 0]);
    assert_eq!((journal.rows("CS_Tracking", "put_filled"), journal.dates().len()), (vec!["4".to_owned()], 1));
}

#[tokio::test]
async fn a_summary_line_that_only_repeats_is_taken_away() {
    let journal = Journal::new().await;
    journal.hand_off(&day("schwab", true)).await;
    journal.type_into(&[("CS_Summary!A12", "2/11/2026"), ("CS_Summary!B12", "1"), ("CS_Summary!F12", "4")]);
    assert_eq!(journal.hand_off(&day("schwab", true)).await, [""; 0]);
    assert_eq!(journal.dates(), ["2026-02-11"], "sums over the column count the day once");
}
