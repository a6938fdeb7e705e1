//! One tab: a grid of so many rows and columns, and what was entered into its cells.

use std::collections::{BTreeMap, BTreeSet};

use super::a1::Area;
use super::cell::{Entered, Locale};

/// Rows of a tab that nobody said anything else of.
pub(super) const ROWS: usize = 1000;
/// And its columns.
pub(super) const COLUMNS: usize = 26;

/// A direction of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dimension {
    Rows,
    Columns,
}

/// A tab.
#[derive(Debug, Clone, PartialEq)]
pub struct Tab {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) frozen_rows: usize,
    pub(super) frozen_columns: usize,
    pub(super) hidden: bool,
    cells: BTreeMap<(usize, usize), Entered>,
}

impl Tab {
    /// An empty tab of 1000 rows and 26 columns.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self::sized(title, ROWS, COLUMNS)
    }

    /// An empty tab of so many rows and columns.
    #[must_use]
    pub fn sized(title: &str, rows: usize, columns: usize) -> Self {
        let (rows, columns) = (rows.max(1), columns.max(1));
        Self {
            id: 0,
            title: title.to_owned(),
            rows,
            columns,
            frozen_rows: 0,
            frozen_columns: 0,
            hidden: false,
            cells: BTreeMap::new(),
        }
    }

    /// Types a row below what the tab holds, from its first column on, as a person would: a text that begins
    /// with `=` is a formula. The grid grows where it must; a text too long for a cell is left out.
    #[must_use]
    pub fn row<T: AsRef<str>>(mut self, cells: impl IntoIterator<Item = T>) -> Self {
        let row = self.end().0;
        for (column, text) in cells.into_iter().enumerate() {
            self.grow_to(row + 1, column + 1);
            self.set((row, column), Entered::typed(text.as_ref(), Locale::UnitedStates).unwrap_or_default());
        }
        self
    }

    pub(super) fn cell(&self, at: (usize, usize)) -> Option<&Entered> {
        self.cells.get(&at)
    }

    pub(super) fn set(&mut self, at: (usize, usize), cell: Option<Entered>) {
        match cell {
            Some(cell) => self.cells.insert(at, cell),
            None => self.cells.remove(&at),
        };
    }

    pub(super) fn clear(&mut self, area: &Area) {
        self.cells.retain(|at, _| !area.holds(*at));
    }

    /// Past the last row and the last column that hold something.
    pub(super) fn end(&self) -> (usize, usize) {
        self.end_in(&self.area())
    }

    /// The same of an area, and its corner when it is empty.
    pub(super) fn end_in(&self, area: &Area) -> (usize, usize) {
        let held = self.cells.keys().filter(|at| area.holds(**at));
        held.fold((area.top, area.left), |(bottom, right), (row, column)| {
            (bottom.max(row + 1), right.max(column + 1))
        })
    }

    /// The whole grid.
    pub(super) const fn area(&self) -> Area {
        Area { top: 0, left: 0, bottom: self.rows, right: self.columns }
    }

    pub(super) fn grow_to(&mut self, rows: usize, columns: usize) {
        self.rows = self.rows.max(rows);
        self.columns = self.columns.max(columns);
    }

    /// Another size; what lies beyond it is lost.
    pub(super) fn resize(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        self.cells.retain(|(row, column), _| *row < rows && *column < columns);
    }

    /// Puts empty rows or columns before `at`.
    pub(super) fn insert(&mut self, dimension: Dimension, at: usize, count: usize) {
        let size = self.size(dimension);
        *size = size.saturating_add(count);
        self.shift(dimension, |place| Some(if place >= at { place.saturating_add(count) } else { place }));
    }

    /// Takes rows or columns out, with what they hold.
    pub(super) fn delete(&mut self, dimension: Dimension, from: usize, to: usize) {
        *self.size(dimension) -= to - from;
        self.shift(dimension, |place| match place {
            _ if place < from => Some(place),
            _ if place < to => None,
            _ => Some(place - (to - from)),
        });
    }

    pub(super) const fn size(&mut self, dimension: Dimension) -> &mut usize {
        match dimension {
            Dimension::Rows => &mut self.rows,
            Dimension::Columns => &mut self.columns,
        }
    }

    fn shift(&mut self, dimension: Dimension, to: impl Fn(usize) -> Option<usize>) {
        let cells = std::mem::take(&mut self.cells).into_iter();
        let moved = cells.filter_map(|((row, column), cell)| match dimension {
            Dimension::Rows => Some(((to(row)?, column), cell)),
            Dimension::Columns => Some(((row, to(column)?), cell)),
        });
        self.cells = moved.collect();
    }

    /// The table that an append to `range` goes below: the one that ends last of those the range touches. A
    /// table is a block of cells that nothing but empty rows and columns surrounds.
    pub(super) fn table_at(&self, range: &Area) -> Option<Area> {
        let met = self.tables().into_iter().filter(|table| table.meets(range));
        met.max_by_key(|table| (table.bottom, usize::MAX - table.left))
    }

    fn tables(&self) -> Vec<Area> {
        let mut left: BTreeSet<(usize, usize)> = self.cells.keys().copied().collect();
        let mut tables = Vec::new();
        while let Some(first) = left.pop_first() {
            let mut table = Area { top: first.0, left: first.1, bottom: first.0 + 1, right: first.1 + 1 };
            while let Some(at) = next_to(&table, &left) {
                left.remove(&at);
                table.top = table.top.min(at.0);
                table.left = table.left.min(at.1);
                table.bottom = table.bottom.max(at.0 + 1);
                table.right = table.right.max(at.1 + 1);
            }
            tables.push(table);
        }
        tables
    }

    /// Every row as it was entered, without empty ones and empty cells at the end.
    #[must_use]
    pub fn text(&self) -> Vec<Vec<String>> {
        let row = |row: usize| {
            let end = self.end_in(&Area { top: row, left: 0, bottom: row + 1, right: self.columns }).1;
            (0..end)
                .map(|column| self.cell((row, column)).map(Entered::as_entered).unwrap_or_default())
                .collect()
        };
        (0..self.end().0).map(row).collect()
    }
}

/// A cell in the block or beside it, corners included.
fn next_to(table: &Area, cells: &BTreeSet<(usize, usize)>) -> Option<(usize, usize)> {
    let around = Area {
        top: table.top.saturating_sub(1),
        left: table.left.saturating_sub(1),
        bottom: table.bottom + 1,
        right: table.right + 1,
    };
    cells.range((around.top, 0)..(around.bottom, 0)).find(|at| around.holds(**at)).copied()
}

#[cfg(test)]
mod tests {
    use super::super::a1::Written;
    use super::*;

    /// The example of Google's guide to reading and writing values: a table at A1:C2, another at B4:D6.
    fn example() -> Tab {
        let rows = [
            ["x", "y", "z", ""],
            ["x", "y", "z", ""],
            ["", "", "", ""],
            ["", "x", "y", ""],
            ["", "", "y", "z"],
            ["", "x", "y", "z"],
        ];
        rows.into_iter().enumerate().fold(Tab::new("T"), |mut tab, (row, cells)| {
            for (column, text) in cells.into_iter().enumerate() {
                tab.set((row, column), Entered::text(text).unwrap());
            }
            tab
        })
    }

    #[test]
    fn tables_are_found_as_in_googles_guide() {
        let tab = example();
        let found = |range: &str| {
            tab.table_at(&Written::read(range).unwrap().on(&tab).unwrap()).map(|table| table.text("T"))
        };
        for range in ["T!A1:Z1000", "B4", "C5:D5", "B2:D4", "A3:G10"] {
            assert_eq!(found(range).as_deref(), Some("T!B4:D6"), "{range}");
        }
        assert_eq!(found("A1").as_deref(), Some("T!A1:C2"));
        assert_eq!((found("E4"), found("A4")), (None, None));
    }

    #[test]
    fn rows_move_with_what_they_hold() {
        let mut tab = example();
        tab.insert(Dimension::Rows, 1, 2);
        tab.insert(Dimension::Columns, 0, 1);
        assert_eq!((tab.rows, tab.columns, tab.end()), (1002, 27, (8, 5)));
        assert_eq!(
            (tab.cell((0, 1)).is_some(), tab.cell((1, 1)), tab.cell((3, 1)).is_some()),
            (true, None, true)
        );
        tab.delete(Dimension::Rows, 1, 3);
        tab.delete(Dimension::Columns, 0, 1);
        assert_eq!(tab, example());
        tab.resize(1, 1);
        assert_eq!(tab.text(), [["x"]]);
    }
}
