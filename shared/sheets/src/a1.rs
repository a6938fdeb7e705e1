//! A1 notation: how Google names cells. Rows and columns are counted from 0 here, from 1 and A there.

/// The letters of a column: 0 is A, 26 is AA.
#[must_use]
pub fn column(index: u32) -> String {
    let mut letters = Vec::new();
    let mut left = u64::from(index) + 1;
    while left > 0 {
        left -= 1;
        // A remainder by 26 fits a byte.
        letters.push(char::from(b'A' + u8::try_from(left % 26).unwrap_or_default()));
        left /= 26;
    }
    letters.iter().rev().collect()
}

/// A tab's title as a range begins with it: in single quotes, those in the title doubled.
#[must_use]
pub fn quoted(title: &str) -> String {
    format!("'{}'", title.replace('\'', "''"))
}

/// All rows of the first columns of a tab, also rows that are added later: `'Log'!A:F`.
///
/// Not the title alone: a named range may be called like a tab.
#[must_use]
pub fn columns(title: &str, count: u32) -> String {
    format!("{}!A:{}", quoted(title), column(count.max(1) - 1))
}

/// A rectangle of cells: `'Log'!B3:C4`, `'Log'!B3` when it is one cell.
#[must_use]
pub fn rectangle(title: &str, (row, column_index): (u32, u32), (height, width): (u32, u32)) -> String {
    let cell = |row: u32, index: u32| format!("{}{}", column(index), u64::from(row) + 1);
    let first = cell(row, column_index);
    let last = cell(row.saturating_add(height.max(1) - 1), column_index.saturating_add(width.max(1) - 1));
    if first == last {
        format!("{}!{first}", quoted(title))
    } else {
        format!("{}!{first}:{last}", quoted(title))
    }
}

/// The tab that a range names, quoted or not; `None` when it names none.
#[must_use]
pub fn tab_of(range: &str) -> Option<String> {
    let (title, _) = range.rsplit_once('!')?;
    match title.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\'')) {
        Some(inner) => Some(inner.replace("''", "'")),
        None => Some(title.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_have_letters_without_a_zero() {
        for (number, letters) in [
            (1, "A"),
            (26, "Z"),
            (27, "AA"),
            (52, "AZ"),
            (53, "BA"),
            (702, "ZZ"),
            (703, "AAA"),
            (18_278, "ZZZ"),
        ] {
            assert_eq!(column(number - 1), letters);
        }
        assert_eq!(column(u32::MAX), "MWLQKWV");
    }

    #[test]
    fn ranges_are_quoted_whatever_the_title() {
        assert_eq!(columns("Log", 6), "'Log'!A:F");
        assert_eq!(columns("Bob's! A1", 0), "'Bob''s! A1'!A:A");
        assert_eq!(rectangle("Log", (2, 1), (2, 2)), "'Log'!B3:C4");
        assert_eq!(rectangle("Log", (0, 26), (1, 1)), "'Log'!AA1");
        assert_eq!(rectangle("Log", (u32::MAX, 0), (9, 0)), "'Log'!A4294967296");
        assert_eq!((tab_of("Log!A1:F9").as_deref(), tab_of("A1:F9")), (Some("Log"), None));
    }

    proptest! {
        #[test]
        fn no_two_columns_share_letters(a: u32, b: u32) {
            prop_assert_eq!(column(a) == column(b), a == b);
            // Longer letters are further right; among equals the alphabet decides.
            prop_assert_eq!((column(a).len(), column(a)) < (column(b).len(), column(b)), a < b);
        }

        #[test]
        fn a_title_comes_back_from_its_range(title in ".{1,20}") {
            prop_assert_eq!(tab_of(&columns(&title, 3)), Some(title));
        }
    }
}
