use proptest::prelude::*;

use super::*;

const FILLS: TableSpec = TableSpec {
    tab: "fills",
    columns: &["date", "account", "price", "tx", "run_id"],
    key: &[Key::date("date"), Key::text("account")],
    user_owned: &["tx"],
};

fn row(texts: &[(&str, &str)]) -> Row {
    texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn fill(date: &str, account: &str, price: &str) -> Row {
    row(&[("date", date), ("account", account), ("price", price), ("run_id", "r1")])
}

fn sheet(text: &str) -> Workbook {
    let cells: Vec<Vec<String>> =
        text.split('\n').map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect();
    let mut workbook = Workbook::default();
    let add = Change::AddTab { title: "fills".into(), rows: 10, columns: 5 };
    workbook.apply(&[add, Change::Write { tab: "fills".into(), row: 0, column: 0, cells }]).unwrap();
    workbook
}

fn after(workbook: &Workbook, rows: &[Row]) -> Workbook {
    let mut after = workbook.clone();
    after.apply(&upsert(workbook, &FILLS, rows).unwrap().changes).unwrap();
    assert_eq!(upsert(&after, &FILLS, rows).unwrap().changes, [], "a second time there is nothing to do");
    after
}

fn shown(workbook: &Workbook) -> String {
    workbook.tabs["fills"].cells.iter().map(|line| line.join("|")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_tab_that_is_missing_is_made_with_its_heading() {
    let made = after(&Workbook::default(), &[fill("2026-02-11", "schwab", "0.95")]);
    assert_eq!(shown(&made), "date|account|price|tx|run_id\n2026-02-11|schwab|0.95||r1");
    assert_eq!((made.tabs["fills"].rows, made.tabs["fills"].columns), (1000, 26));
}

#[test]
fn columns_are_found_by_name_and_what_is_new_comes_at_the_right() {
    let old = sheet("my notes| Price |DATE|tx\nkeep|0.90|2026-02-10|=B2*2");
    assert_eq!(
        shown(&after(&old, &[fill("2026-02-11", "schwab", "0.95")])),
        "my notes| Price |DATE|tx|account|run_id\nkeep|0.90|2026-02-10|=B2*2\n|0.95|2026-02-11||schwab|r1"
            .replace(" Price ", "Price")
    );
}

#[test]
fn a_row_of_unknown_account_is_never_taken_for_ours() {
    let old = sheet("date|price\n2026-02-11|0.90");
    let made = after(&old, &[fill("2026-02-11", "schwab", "0.95"), fill("2026-02-11", "tt-ira", "0.85")]);
    assert_eq!(
        shown(&made),
        "date|price|account|tx|run_id\n2026-02-11|0.90\n2026-02-11|0.95|schwab||r1\n2026-02-11|0.85|tt-ira||r1"
    );
}

#[test]
fn only_cells_that_differ_are_written_and_no_formula_is() {
    let old = sheet("date|account|price|tx|run_id\n2026-02-11|schwab|=A1|mine|r0");
    let Upsert { changes, .. } = upsert(&old, &FILLS, &[fill("2026-02-11", "schwab", "0.95")]).unwrap();
    assert_eq!(
        changes,
        [Change::Write { tab: "fills".into(), row: 1, column: 4, cells: vec![vec!["r1".into()]] }]
    );
}

/// What a person types is read back as what Google made of it.
#[test]
fn a_row_is_found_however_its_key_was_typed() {
    for (date, account) in [
        ("46064", "schwab"),
        ("46064.5", "schwab"),
        ("2/11/2026", "schwab"),
        ("'2026-02-11", "schwab"),
        ("2026-02-11\u{a0}", "Schwab"),
        ("2026-02-11T00:00:00", "'schwab"),
    ] {
        let old = sheet("date|account|price|tx|run_id");
        let mut typed = old.clone();
        let cells = vec![vec![date.to_owned(), account.to_owned(), "0.80".to_owned()]];
        typed.apply(&[Change::Write { tab: "fills".into(), row: 1, column: 0, cells }]).unwrap();
        let made = after(&typed, &[fill("2026-02-11", "schwab", "0.95")]);
        assert_eq!(
            shown(&made),
            format!("date|account|price|tx|run_id\n{date}|{account}|0.95||r1"),
            "brought up to date, the key as it was typed"
        );
    }
}

#[test]
fn a_row_of_another_key_is_never_taken_for_ours() {
    for (cells, date, account) in [
        ("46063|schwab", "2026-02-11", "schwab"),
        ("11/2/2026|schwab", "2026-02-11", "schwab"),
        ("2026-02-11|123", "2026-02-11", "0123"),
        ("2026-02-11|0123", "2026-02-11", "123"),
        ("=TODAY()|schwab", "2026-02-11", "schwab"),
        ("TRUE|schwab", "2026-02-11", "schwab"),
        ("|schwab", "2026-02-11", "schwab"),
    ] {
        let made = after(
            &sheet(&format!("date|account|price|tx|run_id\n{cells}|0.80")),
            &[fill(date, account, "0.95")],
        );
        assert_eq!(
            shown(&made),
            format!("date|account|price|tx|run_id\n{cells}|0.80\n{date}|{account}|0.95||r1")
        );
    }
}

#[test]
fn rows_that_stand_twice_are_said_and_none_is_changed() {
    let old = sheet(
        "date|account|price|tx|run_id\n2026-02-11|schwab|0.80\n46064|schwab|0.85\n2026-02-11|tt-ira|0.80",
    );
    let rows = [
        fill("2026-02-11", "schwab", "0.95"),
        fill("2026-02-11", "tt-ira", "0.90"),
        fill("2026-02-12", "schwab", "1.00"),
    ];
    let said: Vec<String> =
        upsert(&old, &FILLS, &rows).unwrap().doubled.iter().map(ToString::to_string).collect();
    let expected = "fills rows 2, 3: got the same key (2026-02-11, schwab), expected one row; none of them is changed until all but one are deleted";
    assert_eq!(said, [expected]);
    let rest =
        "2026-02-11|schwab|0.80\n46064|schwab|0.85\n2026-02-11|tt-ira|0.90||r1\n2026-02-12|schwab|1.00||r1";
    assert_eq!(
        shown(&after(&old, &rows)),
        format!("date|account|price|tx|run_id\n{rest}"),
        "the other rows are as they should be"
    );
}

#[test]
fn of_rows_to_write_with_one_key_the_last_counts() {
    let old = sheet("date|account|price\n2026-02-11|schwab|0.80");
    let made = after(&old, &[fill("2026-02-11", "schwab", "0.90"), fill("2026-02-11", "schwab", "0.95")]);
    assert_eq!(shown(&made), "date|account|price|tx|run_id\n2026-02-11|schwab|0.95||r1");
}

#[test]
fn rows_go_below_notes_and_beside_filled_down_formulas() {
    let old =
        sheet("date|account|price|tx\n2026-02-10|schwab|0.80|=C2\n|||=C3\n|a note||=C4\n|||=C5\n|||=C6");
    let made = after(&old, &[fill("2026-02-11", "schwab", "0.95")]);
    assert_eq!(
        shown(&made),
        "date|account|price|tx|run_id\n2026-02-10|schwab|0.80|=C2\n|||=C3\n|a note||=C4\n2026-02-11|schwab|0.95|=C5|r1\n|||=C6"
    );
}

#[test]
fn a_new_column_never_lands_on_a_note_without_a_heading() {
    let old = sheet("date|price\n2026-02-10|0.80||note");
    let made = after(&old, &[fill("2026-02-11", "schwab", "0.95")]);
    assert_eq!(
        shown(&made),
        "date|price|account||tx|run_id\n2026-02-10|0.80||note\n2026-02-11|0.95|schwab|||r1"
    );
}

#[test]
fn a_column_beyond_the_twenty_sixth_is_written_like_any_other() {
    let header = (0..30).map(|at| format!("u{at}")).collect::<Vec<_>>().join("|");
    let made = after(&sheet(&format!("date|account|{header}")), &[fill("2026-02-11", "schwab", "0.95")]);
    assert_eq!(made.tabs["fills"].cell(1, 32), "0.95");
    assert_eq!(made.tabs["fills"].columns, 35);
}

#[test]
fn a_column_that_a_row_does_not_name_keeps_its_text() {
    let old = sheet("date|account|price|run_id\n2026-02-11|schwab|0.95|r0");
    let made = after(&old, &[row(&[("date", "2026-02-11"), ("account", "schwab"), ("run_id", "")])]);
    assert_eq!(shown(&made), "date|account|price|run_id|tx\n2026-02-11|schwab|0.95");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let book = sheet("date|account");
    for (rows, error) in [
        (
            row(&[("date", "2026-02-11"), ("price", "1")]),
            "fills account: missing or empty in a row to be written, expected the part of its key",
        ),
        (
            row(&[("date", "2026-02-11"), ("account", " ")]),
            "fills account: missing or empty in a row to be written, expected the part of its key",
        ),
        (row(&[("tx", "1")]), "fills tx: in a row to be written, expected a column that is ours to write"),
        (
            row(&[("other", "1")]),
            "fills other: in a row to be written, expected a column that is ours to write",
        ),
    ] {
        assert_eq!(upsert(&book, &FILLS, &[rows]).unwrap_err().to_string(), error);
    }
    for text in ["\n2026-02-11|schwab", "shopping list\nmilk"] {
        let error = upsert(&sheet(text), &FILLS, &[fill("2026-02-11", "schwab", "1")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "fills row 1: names none of date, account, and the tab is not empty; expected the table's headings there"
        );
    }
}

#[test]
fn rows_are_read_by_name_wherever_their_columns_stand() {
    let book = sheet("mine|PRICE|date\nx| 0.95 |2026-02-11\nonly mine\n|0.90|");
    assert_eq!(
        rows(&book, &FILLS),
        Ok(vec![row(&[("date", "2026-02-11"), ("price", "0.95")]), row(&[("price", "0.90")])])
    );
    assert_eq!(rows(&Workbook::default(), &FILLS), Ok(Vec::new()));
}

fn any_cell() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 1 => Just("=A1".to_owned()), 2 => "[a-c]", 2 => Just("2026-02-11".to_owned())]
}

proptest! {
    /// Whatever people have made of a tab: what is in a column that is not ours, in a row that is not ours or
    /// is a formula stays where it is.
    #[test]
    fn no_cell_of_a_user_is_lost_or_moved(
        lines in proptest::collection::vec(proptest::collection::vec(any_cell(), 0..9), 0..12),
        keys in proptest::collection::vec(("[a-c]", "[a-c]"), 1..8),
    ) {
        let header = "mine|date|account|tx|price";
        let body = lines.iter().map(|line| line.join("|")).collect::<Vec<_>>().join("\n");
        let before = sheet(&format!("{header}\n{body}"));
        let rows: Vec<Row> = keys.iter().map(|(date, account)| fill(date, account, "0.95")).collect();
        let made = after(&before, &rows);
        let (old, new) = (&before.tabs["fills"], &made.tabs["fills"]);
        for line in 1..old.cells.len() {
            let ours = keys.iter().any(|(date, account)| (old.cell(line, 1), old.cell(line, 2)) == (date, account));
            for column in 0..old.columns as usize {
                let stands = old.cell(line, column);
                let may_change = stands.is_empty() || (ours && column == 4 && !is_formula(stands));
                if !may_change {
                    prop_assert_eq!(new.cell(line, column), stands, "line {} column {}", line, column);
                }
            }
        }
        for (date, account) in &keys {
            let found = (1..new.cells.len()).any(|line| (new.cell(line, 1), new.cell(line, 2)) == (date, account));
            prop_assert!(found, "{} {}", date, account);
        }
    }
}
