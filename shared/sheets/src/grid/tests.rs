use super::*;

fn lines(text: &str) -> Vec<Vec<String>> {
    text.split('\n').map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

fn write(row: u32, column: u32, text: &str) -> Change {
    Change::Write { tab: "t".into(), row, column, cells: lines(text) }
}

fn tab() -> Change {
    Change::AddTab { title: "t".into(), rows: 3, columns: 2 }
}

#[test]
fn a_write_changes_its_cells_alone_and_the_grid_grows_to_it() {
    let mut workbook = Workbook::default();
    workbook.apply(&[tab(), write(0, 0, "a|b\nc|d"), write(1, 1, "x|y\nz|"), write(0, 0, "")]).unwrap();
    let tab = &workbook.tabs["t"];
    assert_eq!(tab.cells, lines("|b\nc|x|y\n|z"));
    assert_eq!((tab.rows, tab.columns), (3, 3));
    assert_eq!((tab.cell(1, 2), tab.cell(1, 3), tab.cell(9, 0)), ("y", "", ""));
}

#[test]
fn what_is_emptied_reads_as_if_it_had_never_been() {
    let mut workbook = Workbook::default();
    workbook.apply(&[tab(), write(4, 3, "far")]).unwrap();
    workbook.apply(&[write(4, 3, "")]).unwrap();
    let tab = &workbook.tabs["t"];
    assert_eq!(tab.cells, Vec::<Vec<String>>::new());
    assert_eq!((tab.rows, tab.columns), (5, 4), "a grid does not shrink");
}

#[test]
fn a_list_of_changes_happens_as_a_whole_or_not_at_all() {
    let mut workbook = Workbook::default();
    let error = workbook.apply(&[tab(), tab()]).unwrap_err();
    assert_eq!(error.to_string(), "tab \"t\": already in the spreadsheet, expected a new title");
    assert_eq!(workbook, Workbook::default());
    assert_eq!(workbook.apply(&[write(0, 0, "a")]), Err(GridError::NoTab { tab: "t".into() }));
}

#[test]
fn neighbours_become_one_write() {
    let texts = [
        ((1, 0), "a"),
        ((1, 1), "b"),
        ((2, 0), "c"),
        ((2, 1), "d"),
        ((2, 3), "e"),
        ((4, 0), "f"),
        ((4, 1), "g"),
    ];
    let texts = texts.map(|(at, text)| (at, text.to_owned())).into();
    assert_eq!(writes("t", texts), [write(1, 0, "a|b\nc|d"), write(4, 0, "f|g"), write(2, 3, "e")]);
}
