//! Ranges as texts: A1 notation, and absolute R1C1 notation, which Google reads too.

use std::fmt::Write;

use super::errors::ApiError;
use super::tab::Tab;

/// Columns have at most three letters; a longer word is a title.
const MOST_LETTERS: usize = 3;

/// A range as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// `None` for the first tab.
    pub(super) title: Option<String>,
    rows: Ends,
    columns: Ends,
}

/// Where a range begins and ends in one direction, counted from 0, the end included; `None` for the edge of
/// the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Ends {
    from: Option<usize>,
    to: Option<usize>,
}

impl Ends {
    fn between(one: Option<usize>, other: Option<usize>) -> Self {
        match (one, other) {
            (Some(one), Some(other)) => Self { from: Some(one.min(other)), to: Some(one.max(other)) },
            (one, other) => Self { from: one.or(other), to: None },
        }
    }
}

/// Cells of a grid: rows and columns counted from 0, the ends left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) bottom: usize,
    pub(super) right: usize,
}

impl Area {
    pub(super) const fn height(&self) -> usize {
        self.bottom.saturating_sub(self.top)
    }

    pub(super) const fn width(&self) -> usize {
        self.right.saturating_sub(self.left)
    }

    pub(super) const fn holds(&self, (row, column): (usize, usize)) -> bool {
        row >= self.top && row < self.bottom && column >= self.left && column < self.right
    }

    pub(super) const fn meets(&self, other: &Self) -> bool {
        self.top < other.bottom
            && other.top < self.bottom
            && self.left < other.right
            && other.left < self.right
    }

    /// `Trades!A1:C2`, of one cell `Trades!A1`.
    pub(super) fn text(&self, title: &str) -> String {
        let mut text = format!("{}!{}{}", quoted(title), letters(self.left), self.top + 1);
        if self.height() > 1 || self.width() > 1 {
            let _ = write!(text, ":{}{}", letters(self.right.saturating_sub(1)), self.bottom);
        }
        text
    }
}

impl Written {
    /// Reads a range. A bare word that could be a cell is one; everything else is a title.
    pub(super) fn read(text: &str) -> Result<Self, ApiError> {
        let unknown = || ApiError::no_such_range(text);
        if let Some(rest) = text.strip_prefix('\'') {
            let (title, rest) = quoted_title(rest).ok_or_else(unknown)?;
            return match rest.strip_prefix('!') {
                _ if rest.is_empty() => Ok(Self::whole(title)),
                Some(cells) => cells_of(cells, Some(title)).ok_or_else(unknown),
                None => Err(unknown()),
            };
        }
        match text.rsplit_once('!') {
            Some((title, cells)) if !title.is_empty() => {
                cells_of(cells, Some(title.to_owned())).ok_or_else(unknown)
            }
            Some(_) => Err(unknown()),
            None if text.is_empty() => Err(unknown()),
            None => Ok(cells_of(text, None).unwrap_or_else(|| Self::whole(text.to_owned()))),
        }
    }

    fn whole(title: String) -> Self {
        Self { title: Some(title), rows: Ends::default(), columns: Ends::default() }
    }

    /// Whether it is one cell, from which a write may go on.
    pub(super) fn is_cell(&self) -> bool {
        let one = |ends: Ends| ends.from.is_some() && ends.from == ends.to;
        one(self.rows) && one(self.columns)
    }

    /// The cells of `tab` that are meant, cut at the edge of the grid. A range that begins beyond the grid is
    /// refused.
    pub(super) fn on(&self, tab: &Tab) -> Result<Area, ApiError> {
        let (top, left) = (self.rows.from.unwrap_or(0), self.columns.from.unwrap_or(0));
        if top >= tab.rows || left >= tab.columns {
            return Err(self.beyond(tab));
        }
        let end = |to: Option<usize>, most: usize| to.map_or(most, |to| most.min(to + 1));
        Ok(Area { top, left, bottom: end(self.rows.to, tab.rows), right: end(self.columns.to, tab.columns) })
    }

    /// The same for a write, which nothing is cut from.
    pub(super) fn for_writing(&self, tab: &Tab) -> Result<Area, ApiError> {
        let beyond = |to: Option<usize>, most: usize| to.is_some_and(|to| to >= most);
        if beyond(self.rows.to, tab.rows) || beyond(self.columns.to, tab.columns) {
            Err(self.beyond(tab))
        } else {
            self.on(tab)
        }
    }

    fn beyond(&self, tab: &Tab) -> ApiError {
        let corner = |row: Option<usize>, column: Option<usize>| {
            format!(
                "{}{}",
                column.map(letters).unwrap_or_default(),
                row.map(|row| (row + 1).to_string()).unwrap_or_default()
            )
        };
        let mut text = format!("{}!{}", quoted(&tab.title), corner(self.rows.from, self.columns.from));
        if !self.is_cell() {
            let _ = write!(text, ":{}", corner(self.rows.to, self.columns.to));
        }
        beyond(&text, tab)
    }
}

/// The refusal of a range that the grid does not have.
pub(super) fn beyond(range: &str, tab: &Tab) -> ApiError {
    ApiError::invalid(format!(
        "Range ({range}) exceeds grid limits. Max rows: {}, max columns: {}",
        tab.rows, tab.columns
    ))
}

/// The title before the closing quote, with `''` as one, and what follows.
fn quoted_title(rest: &str) -> Option<(String, &str)> {
    let mut title = String::new();
    let mut letters = rest.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\'' if letters.next_if(|(_, next)| *next == '\'').is_some() => title.push('\''),
            '\'' => return Some((title, &rest[at + 1..])),
            letter => title.push(letter),
        }
    }
    None
}

fn cells_of(text: &str, title: Option<String>) -> Option<Written> {
    let (one, other) = match text.split_once(':') {
        Some((one, other)) => (corner(one)?, corner(other)?),
        None => {
            let cell = corner(text)?;
            (cell.0.is_some() && cell.1.is_some()).then_some((cell, cell))?
        }
    };
    Some(Written { title, columns: Ends::between(one.0, other.0), rows: Ends::between(one.1, other.1) })
}

/// `B`, `7`, `$B$7`, `b7`, `R7C2`: the column and the row, counted from 0.
fn corner(text: &str) -> Option<(Option<usize>, Option<usize>)> {
    if let Some((row, column)) = text.strip_prefix(['R', 'r']).and_then(|rest| rest.split_once(['C', 'c'])) {
        return Some((Some(place(column)?), Some(place(row)?)));
    }
    let text = text.strip_prefix('$').unwrap_or(text);
    let (column, row) =
        text.split_at(text.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(text.len()));
    let row = row.strip_prefix('$').unwrap_or(row);
    let column = if column.is_empty() { None } else { Some(column_number(column)?) };
    let row = if row.is_empty() { None } else { Some(place(row)?) };
    (column.is_some() || row.is_some()).then_some((column, row))
}

/// A number from 1 on, counted from 0.
fn place(text: &str) -> Option<usize> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse::<u32>().ok())??
        .checked_sub(1)?
        .try_into()
        .ok()
}

fn column_number(letters: &str) -> Option<usize> {
    // A longer one is a tab's title.
    let number = || {
        letters
            .bytes()
            .fold(0, |number, letter| number * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1)
    };
    (letters.len() <= MOST_LETTERS).then(|| number() - 1)
}

/// `A`, `Z`, `AA`.
pub(super) fn letters(column: usize) -> String {
    let mut text = String::new();
    let mut rest = column + 1;
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or(0);
        text.insert(0, char::from(b'A' + letter));
        rest = (rest - 1) / 26;
    }
    text
}

/// A title as ranges show it: in quotes where it could be taken for something else.
pub(super) fn quoted(title: &str) -> String {
    let plain = title.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !title.starts_with(|first: char| first.is_ascii_digit());
    if plain && cells_of(title, None).is_none() {
        title.to_owned()
    } else {
        format!("'{}'", title.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_grid(text: &str) -> Result<(Option<String>, String), String> {
        let written = Written::read(text).map_err(|error| format!("{error:?}"))?;
        let tab = Tab::sized("T", 1000, 30);
        let area = written.on(&tab).map_err(|error| format!("{error:?}"))?;
        Ok((written.title, area.text("T")))
    }

    #[test]
    fn ranges_are_read_as_google_reads_them() {
        for (text, title, area) in [
            ("Trades!A1:C2", Some("Trades"), "T!A1:C2"),
            ("'It''s ! mine'!b2:a1", Some("It's ! mine"), "T!A1:B2"),
            ("'Trades'", Some("Trades"), "T!A1:AD1000"),
            ("Trades", Some("Trades"), "T!A1:AD1000"),
            ("Sheet1", Some("Sheet1"), "T!A1:AD1000"),
            ("two words", Some("two words"), "T!A1:AD1000"),
            ("A1", None, "T!A1"),
            ("$AA$3", None, "T!AA3"),
            ("X!A:ZZ", Some("X"), "T!A1:AD1000"),
            ("X!A5:A", Some("X"), "T!A5:A1000"),
            ("X!2:3", Some("X"), "T!A2:AD3"),
            ("X!A5:7", Some("X"), "T!A5:AD7"),
            ("X!A1:Z9999", Some("X"), "T!A1:Z1000"),
            ("X!R2C1:R3C27", Some("X"), "T!A2:AA3"),
        ] {
            assert_eq!(on_a_grid(text).unwrap(), (title.map(str::to_owned), area.to_owned()), "{text}");
        }
        for text in [
            "",
            "!A1",
            "X!",
            "X!A",
            "X!5",
            "X!A0",
            "X!AAAA1",
            "X!A1:",
            "X!A1:B2:C3",
            "'X!A1",
            "'X'A1",
            "X!R[1]C[1]",
            "X!é1",
        ] {
            assert!(on_a_grid(text).unwrap_err().contains("Unable to parse range: "), "{text}");
        }
        for (text, shown) in [
            ("X!A1001", "T!A1001"),
            ("X!AE1:AF", "T!AE1:AF"),
            ("LOG1", "T!LOG1"),
            ("X!1001:1002", "T!1001:1002"),
        ] {
            let refused = on_a_grid(text).unwrap_err();
            assert!(
                refused.contains(&format!(
                    "Range ({shown}) exceeds grid limits. Max rows: 1000, max columns: 30"
                )),
                "{refused}"
            );
        }
    }

    #[test]
    fn columns_count_past_z_and_titles_are_quoted_when_needed() {
        for (column, text) in
            [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA")]
        {
            assert_eq!((letters(column), column_number(text)), (text.to_owned(), Some(column)));
        }
        assert_eq!(column_number("CONSTANTSTABLETRADES"), None, "a title");
        for (title, shown) in [
            ("Sheet1", "Sheet1"),
            ("Log1", "'Log1'"),
            ("2025", "'2025'"),
            ("It's", "'It''s'"),
            ("two words", "'two words'"),
            ("R1C1", "'R1C1'"),
        ] {
            assert_eq!(quoted(title), shown);
        }
    }
}
