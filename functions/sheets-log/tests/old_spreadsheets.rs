//! Spreadsheets of the previous system, in each form they had, are carried on: no cell of a user's is lost,
//! moved or written over.

use crate::support::{Day, add, shown, summary, table};
use gamma_market::{Effect, Right};
use gamma_sheets::grid::{Change, Tab, Workbook};

fn fixture(name: &str) -> String {
    let path = format!("{}/fixtures/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().trim_end_matches('\n').to_owned()
}

fn old(tabs: [(&str, &str); 4]) -> Workbook {
    let mut workbook = Workbook::default();
    tabs.iter().for_each(|(title, name)| add(&mut workbook, title, &fixture(name)));
    workbook
}

/// As it was when the old system was at its baseline.
fn baseline() -> Workbook {
    old([
        ("ConstantStableTrades", "trades__baseline"),
        ("GW_Signal", "gw_signal__with_tx"),
        ("CS_Tracking", "cs_tracking__with_date"),
        ("CS_Summary", "cs_summary__total_with_comm"),
    ])
}

/// As it was before `tx` had a heading, and after the tracking had lost its date.
fn other_forms() -> Workbook {
    old([
        ("ConstantStableTrades", "trades__baseline"),
        ("GW_Signal", "gw_signal__without_tx"),
        ("CS_Tracking", "cs_tracking__without_date"),
        ("CS_Summary", "cs_summary__p_and_l"),
    ])
}

/// Two days of all accounts, of which the old trades tab has the first already, without saying whose.
fn hand_off(workbook: &mut Workbook) {
    for account in ["schwab", "tt-ira", "tt-individual"] {
        for (date, expiry) in [("2026-02-11", "2026-02-12"), ("2026-02-12", "2026-02-13")] {
            let put = (Right::Put, Effect::Credit, 6900);
            Day::new(account, date, expiry)
                .side(put, 1, 5, &[("0.95", &[(5, "0.95")])])
                .reported()
                .hand_off(workbook);
        }
    }
}

/// Cells of the summary that are written: the dates and three of each block, and the fourth where the old
/// system wrote it.
fn written(tab: &Tab, line: usize, column: usize) -> bool {
    let results =
        column.is_multiple_of(4) && tab.cell(9, column) == "P&L" && !tab.cell(line, column).starts_with('=');
    line >= 10 && column < 17 && (column == 0 || !column.is_multiple_of(4) || results)
}

#[test]
fn no_cell_is_lost_or_moved_in_any_form() {
    for before in [baseline(), other_forms()] {
        let mut after = before.clone();
        hand_off(&mut after);
        for (title, tab) in &before.tabs {
            for (line, cells) in tab.cells.iter().enumerate() {
                for (column, text) in cells.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
                    // Of the columns that are written the summary's own lines move down as dates come in;
                    // checked by name below.
                    let dated = title == "CS_Summary"
                        && written(tab, line, column)
                        && tab.cell(line, 0).starts_with("2026-");
                    if !dated {
                        assert_eq!(
                            after.tabs[title].cell(line, column),
                            text,
                            "{title} line {line} column {column}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn trades_without_account_stay_and_new_ones_go_below_the_notes() {
    let mut workbook = baseline();
    hand_off(&mut workbook);
    let tab = &workbook.tabs["ConstantStableTrades"];
    let header = &tab.cells[0];
    assert_eq!(header[30..].join("|"), "reason||my notes|account|run_id|revision|fill_price");
    let old = fixture("trades__baseline");
    for (line, text) in old.split('\n').enumerate().skip(1) {
        assert_eq!(tab.cells.get(line).map(|cells| cells.join("|")).unwrap_or_default(), text, "line {line}");
    }
    let rows = &table(&workbook, "ConstantStableTrades")[old.split('\n').count() - 1..];
    let shown: Vec<String> =
        rows.iter().map(|row| shown(row, "account trade_date name qty_filled")).collect();
    assert_eq!(shown.len(), 6);
    assert_eq!(shown[0], "schwab | 2026-02-11 | PUT_SHORT | 5");
    assert_eq!(shown[5], "tt-individual | 2026-02-12 | PUT_SHORT | 5");
}

#[test]
fn the_signal_comes_beside_the_formulas_that_wait_for_it() {
    let mut workbook = baseline();
    hand_off(&mut workbook);
    let tab = &workbook.tabs["GW_Signal"];
    assert_eq!(
        (tab.cell(4, 0), tab.cell(4, 25), tab.cell(5, 0), tab.cell(5, 25)),
        ("2026-02-11", "=I5+J5", "2026-02-12", "=I6+J6")
    );

    let mut workbook = other_forms();
    hand_off(&mut workbook);
    let tab = &workbook.tabs["GW_Signal"];
    assert_eq!(
        (tab.cell(0, 25), tab.cell(1, 25), tab.cell(0, 26), tab.cell(4, 0)),
        ("", "=C2-C1", "tx", "2026-02-11"),
        "a column with cells is somebody's"
    );
}

#[test]
fn tracking_without_date_gets_the_column_but_old_rows_no_value() {
    let mut workbook = other_forms();
    hand_off(&mut workbook);
    let tab = &workbook.tabs["CS_Tracking"];
    assert_eq!(
        tab.cells[0][29..].join("|"),
        "total_cost||note|date",
        "the column under which old rows still hold a cell is left alone"
    );
    assert_eq!(
        (tab.cell(1, 32), tab.cell(5, 32), tab.cell(5, 0), tab.cell(5, 1)),
        ("", "2026-02-11", "2026-02-12", "schwab")
    );
}

#[test]
fn the_summary_moves_its_own_cells_around_what_is_the_users() {
    let mut workbook = baseline();
    hand_off(&mut workbook);
    let tab = &workbook.tabs["CS_Summary"];
    let dates: Vec<&str> = (10..16).map(|line| tab.cell(line, 0)).collect();
    assert_eq!(
        dates,
        ["2026-02-12", "2026-02-11", "2026-02-09", "2026-01-30", "end of the list, do not write here", ""]
    );
    // 2026-01-30 is not in the tracking any more: what was known of it is kept.
    assert_eq!(
        summary(&workbook, 14),
        "2026-01-30|1|0.94|1.01|=B14*(C14+D14)|6|0.9|1.0|=F14*(G14+H14)|5|0.9|1.0|=J14*(K14+L14)|5|0.9|1.0|=N14*(O14+P14)"
    );
    // 2026-02-10 settled at 6941.50, between the strikes: 6 × (0.90 + 1.00 − 0.0388), 5 × (1.90 − 0.0688).
    let row = "2026-02-09|1|0.94|1.01|=B13*(C13+D13)|6|0.9|1.0|=F13*(G13+H13)|5|0.9|1.0|=J13*(K13+L13)|5|0.9|1.0|=N13*(O13+P13)";
    assert_eq!(
        summary(&workbook, 13),
        format!("{row}|||6941.5|1.95|11.1672|9.156|9.156"),
        "right of what the user has there"
    );
    assert_eq!(
        (tab.cell(8, 19), tab.cell(9, 19), tab.cell(9, 23)),
        ("P&L at expiry", "settlement", "TT IND")
    );

    // One date more than the list has room for: it goes below the user's line.
    Day::new("schwab", "2026-02-13", "2026-02-17")
        .side((Right::Put, Effect::Credit, 6900), 1, 2, &[])
        .reported()
        .hand_off(&mut workbook);
    let tab = &workbook.tabs["CS_Summary"];
    assert_eq!(
        (tab.cell(10, 0), tab.cell(13, 0), tab.cell(14, 0), tab.cell(15, 0)),
        ("2026-02-13", "2026-02-09", "end of the list, do not write here", "2026-01-30")
    );
}

#[test]
fn results_that_the_later_form_wrote_stay_beside_their_date() {
    let mut workbook = other_forms();
    hand_off(&mut workbook);
    // The tracking's rows of 2026-02-10 have no date; the signal that had this expiry says which day it was.
    assert!(
        summary(&workbook, 13)
            .starts_with("2026-02-09|1|0.94|1.01|1.86|6|0.9|1.0|1.86|5|0.9|1.0|1.86|5|0.9|1.0|1.86|"),
        "{}",
        summary(&workbook, 13)
    );
    assert!(
        summary(&workbook, 11).starts_with("2026-02-12|1|0.93|-1.02||5|0.95|||5|0.95|||5|0.95||||6|=I11*2"),
        "{}",
        summary(&workbook, 11)
    );
    assert_eq!(
        summary(&workbook, 9),
        "|GW||||schwab||||TT IRA||||TT IND|||||schwab - adjusted||P&L at expiry"
    );
}

#[test]
fn a_formula_among_the_summary_s_own_cells_is_left_where_it_is() {
    let mut workbook = baseline();
    let formula =
        Change::Write { tab: "CS_Summary".into(), row: 10, column: 5, cells: vec![vec!["=6-1".into()]] };
    workbook.apply(&[formula]).unwrap();
    hand_off(&mut workbook);
    assert!(
        summary(&workbook, 11).starts_with("2026-02-12|1|0.93|-1.02|=B11*(C11+D11)|=6-1|0.95|"),
        "{}",
        summary(&workbook, 11)
    );
}

#[test]
fn a_row_without_date_whose_expiry_two_days_share_is_neithers() {
    let mut workbook = other_forms();
    let other = Day::new("schwab", "2026-02-07", "2026-02-10");
    other.hand_off(&mut workbook);
    // Known to the summary before, so it is kept; the tracking adds nothing to what it showed.
    let before = fixture("cs_summary__p_and_l").split('\n').nth(10).unwrap().to_owned();
    assert_eq!(summary(&workbook, 11), before);
    // Neither does the row whose cells stand under the wrong headings.
    let dates: Vec<&str> = (10..13).map(|line| workbook.tabs["CS_Summary"].cell(line, 0)).collect();
    assert_eq!(dates, ["2026-02-09", "2026-01-30", ""]);
}
