use super::*;

#[test]
fn a_day_is_the_same_however_it_was_entered() {
    for cell in [
        "2026-02-11",
        " 2026-02-11\u{a0}",
        "'2026-02-11",
        "46064",
        "46064.0",
        "46064.675752",
        "4.6064E4",
        "2/11/2026",
        "02/11/2026",
        "2/11/26",
        "2/11/2026 16:13:05",
        "2026/2/11",
        "2026-2-11",
        "20260211",
        "2026-02-11T16:13:05",
        "2026-02-11 16:13:05",
        "2026-02-12T02:00:00Z",
    ] {
        assert!(Kind::Date.same(cell, "2026-02-11"), "{cell}");
    }
    for cell in [
        "",
        "46063",
        "46065",
        "11/2/2026",
        "13/2/2026",
        "2/11",
        "2-11-2026",
        "-46064",
        "=DATE(2026,2,11)",
        "Total",
        "TRUE",
    ] {
        assert!(!Kind::Date.same(cell, "2026-02-11"), "{cell}");
    }
}

#[test]
fn what_is_no_day_or_number_is_compared_as_a_name() {
    assert!(Kind::Date.same("Total", " total"));
    assert!(Kind::Number.same("n/a", "N/A ") && !Kind::Number.same("n/a", "0"));
    assert!(!Kind::Date.same("99999999", "36526"), "a number that is no day of this century");
}

#[test]
fn a_number_is_the_same_as_text_and_as_number() {
    for cell in ["1", "1.0", " 1 ", "'1", "01", "1E0"] {
        assert!(Kind::Number.same(cell, "1"), "{cell}");
    }
    for cell in ["", "2", "10", "TRUE", "one"] {
        assert!(!Kind::Number.same(cell, "1"), "{cell}");
    }
}

#[test]
fn a_name_keeps_its_zeros_and_loses_its_blanks() {
    for (cell, other) in [
        ("tt-ira", "TT-IRA "),
        ("\u{a0}schwab", "schwab"),
        ("'0123", "0123"),
        ("0123", "0123 "),
        ("123", "123"),
        ("TRUE", "true"),
    ] {
        assert!(Kind::Text.same(cell, other), "{cell} {other}");
    }
    for (cell, other) in [
        ("0123", "123"),
        ("123", "123.0"),
        ("1E5", "100000"),
        ("tt-ira", "tt ira"),
        ("46064", "2026-02-11"),
        ("", "schwab"),
    ] {
        assert!(!Kind::Text.same(cell, other), "{cell} {other}");
    }
}
