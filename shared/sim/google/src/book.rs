//! A spreadsheet: its tabs, and how a range finds the one it means.

use super::a1::{Area, Written};
use super::cell::Locale;
use super::errors::ApiError;
use super::tab::Tab;

/// Cells of a spreadsheet's grids, the empty ones included.
const MOST_CELLS: usize = 10_000_000;

/// A spreadsheet as the face keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Book {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) locale: Locale,
    pub(super) tabs: Vec<Tab>,
    /// Writes that were done.
    pub(super) writes: u64,
    /// Whether it is not shared with the account any more.
    pub(super) forbidden: bool,
}

/// Whether a range is read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// A range on its tab.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The tab's place.
    pub(super) tab: usize,
    pub(super) area: Area,
    pub(super) written: Written,
}

impl Book {
    /// Gives tabs that have no id one: 0 for the first, made-up numbers for the others.
    pub(super) fn new(id: &str, title: &str, tabs: impl IntoIterator<Item = Tab>) -> Self {
        let mut book = Self {
            id: id.to_owned(),
            title: title.to_owned(),
            locale: Locale::default(),
            tabs: Vec::new(),
            writes: 0,
            forbidden: false,
        };
        for mut tab in tabs {
            tab.id = if book.tabs.is_empty() { 0 } else { book.free_id(&tab.title) };
            book.tabs.push(tab);
        }
        if book.tabs.is_empty() {
            book.tabs.push(Tab::new("Sheet1"));
        }
        book
    }

    /// Refuses what has grown beyond the cells that Google gives a spreadsheet.
    pub(super) fn within_limits(&self) -> Result<(), ApiError> {
        let cells = self
            .tabs
            .iter()
            .fold(0_usize, |cells, tab| cells.saturating_add(tab.rows.saturating_mul(tab.columns)));
        let limit = format!(
            "This action would increase the number of cells in the workbook above the limit of {MOST_CELLS} cells."
        );
        (cells <= MOST_CELLS).then_some(()).ok_or_else(|| ApiError::invalid(limit))
    }

    /// An id no tab has. It depends on nothing but the titles there are.
    pub(super) fn free_id(&self, title: &str) -> i64 {
        let made = title
            .bytes()
            .fold(1_000_003_i64, |number, byte| (number * 131 + i64::from(byte)) % 2_000_000_000);
        (made..).find(|id| self.tabs.iter().all(|tab| tab.id != *id)).unwrap_or(made)
    }

    /// Whether a title is taken. Capitals make no other title.
    pub(super) fn has_title(&self, title: &str, but: Option<i64>) -> bool {
        self.tabs.iter().any(|tab| Some(tab.id) != but && tab.title.to_lowercase() == title.to_lowercase())
    }

    /// The tab with this id.
    pub(super) fn tab_of(&mut self, id: i64, what: &str) -> Result<&mut Tab, ApiError> {
        self.tabs
            .iter_mut()
            .find(|tab| tab.id == id)
            .ok_or_else(|| ApiError::invalid(format!("No {what} with id: {id}")))
    }

    /// The tab and the cells that a range means.
    pub(super) fn find(&self, range: &str, purpose: Purpose) -> Result<Found, ApiError> {
        let written = Written::read(range)?;
        let tab = match &written.title {
            Some(title) => self
                .tabs
                .iter()
                .position(|tab| tab.title == *title)
                .ok_or_else(|| ApiError::no_such_range(range))?,
            None => 0,
        };
        let on = &self.tabs[tab];
        let area = if purpose == Purpose::Read { written.on(on)? } else { written.for_writing(on)? };
        Ok(Found { tab, area, written })
    }
}
