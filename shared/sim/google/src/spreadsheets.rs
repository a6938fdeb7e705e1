//! The spreadsheets from the side of their owner: tests, the demo, whoever has them open in a browser.

use std::fmt;
use std::sync::Arc;

use super::Face;
use super::book::{Book, Purpose};
use super::cell::{Entered, Locale};
use super::errors::ApiError;
use super::quota::Quota;
use super::tab::Tab;

/// The spreadsheets of the simulated Google. Clones are the same spreadsheets.
///
/// ```
/// use gamma_sim_core::time::VirtualClock;
/// use gamma_sim_google::{Google, GoogleConfig, Tab};
///
/// let clock = VirtualClock::new("2025-09-03T16:12:00-04:00".parse()?, None);
/// let spreadsheets = Google::new(GoogleConfig::default(), 1, clock).spreadsheets();
/// spreadsheets.create("book-1", "Journal", [Tab::new("Trades").row(["date", "net"]).row(["2025-09-03", "=1+1"])]);
/// assert_eq!(spreadsheets.text("book-1", "Trades").unwrap_or_default(), [["date", "net"], ["2025-09-03", "=1+1"]]);
/// assert_eq!(spreadsheets.writes("book-1"), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Spreadsheets(pub(super) Arc<Face>);

/// What a person typed could not be entered; the text is what Google says to it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("spreadsheet {id:?}, range {range:?}: {why}")]
pub struct NotEntered {
    id: String,
    range: String,
    why: String,
}

impl Spreadsheets {
    /// A new spreadsheet, shared with the service account; one with this id is replaced. Without tabs it has
    /// an empty `Sheet1`.
    pub fn create(&self, id: &str, title: &str, tabs: impl IntoIterator<Item = Tab>) {
        let mut state = self.0.state();
        state.books.retain(|book| book.id != id);
        state.books.push(Book::new(id, title, tabs));
    }

    /// The ids of all spreadsheets, in the order in which they were made.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.0.state().books.iter().map(|book| book.id.clone()).collect()
    }

    /// The titles of a spreadsheet's tabs, from left to right.
    #[must_use]
    pub fn titles(&self, id: &str) -> Option<Vec<String>> {
        self.0.of(id, |book| book.tabs.iter().map(|tab| tab.title.clone()).collect())
    }

    /// A tab's rows as they were entered (formulas as formulas), without what is empty at their ends.
    #[must_use]
    pub fn text(&self, id: &str, tab: &str) -> Option<Vec<Vec<String>>> {
        self.0.of(id, |book| book.tabs.iter().find(|known| known.title == tab).map(Tab::text))?
    }

    /// All tabs with their rows.
    #[must_use]
    pub fn all_text(&self, id: &str) -> Option<Vec<(String, Vec<Vec<String>>)>> {
        self.0.of(id, |book| book.tabs.iter().map(|tab| (tab.title.clone(), tab.text())).collect())
    }

    /// A tab's rows and columns, the empty ones included.
    #[must_use]
    pub fn size(&self, id: &str, tab: &str) -> Option<(usize, usize)> {
        self.0.of(id, |book| {
            book.tabs.iter().find(|known| known.title == tab).map(|tab| (tab.rows, tab.columns))
        })?
    }

    /// What was entered into a cell such as `Trades!B2`; `None` when it is empty or not there.
    #[must_use]
    pub fn cell(&self, id: &str, cell: &str) -> Option<Entered> {
        let found = |book: &Book| {
            let found = book.find(cell, Purpose::Read).ok()?;
            book.tabs[found.tab].cell((found.area.top, found.area.left)).cloned()
        };
        self.0.of(id, found)?
    }

    /// Types `text` into a cell such as `Trades!B2`, as a person with the spreadsheet open does. It is no
    /// request and no write.
    ///
    /// # Errors
    /// When there is no such spreadsheet or cell, and for too long a text.
    pub fn type_into(&self, id: &str, cell: &str, text: &str) -> Result<(), NotEntered> {
        let refused = |why: String| NotEntered { id: id.to_owned(), range: cell.to_owned(), why };
        let mut state = self.0.state();
        let book = state
            .books
            .iter_mut()
            .find(|book| book.id == id)
            .ok_or_else(|| refused("there is none".to_owned()))?;
        let entered = |book: &mut Book| -> Result<(), ApiError> {
            let found = book.find(cell, Purpose::Write)?;
            book.tabs[found.tab].set((found.area.top, found.area.left), Entered::typed(text, book.locale)?);
            Ok(())
        };
        entered(book).map_err(|why| refused(why.to_string()))
    }

    /// From now on the spreadsheet reads what is typed as this country writes it; what stands there stays.
    pub fn set_locale(&self, id: &str, locale: Locale) {
        if let Some(book) = self.0.state().books.iter_mut().find(|book| book.id == id) {
            book.locale = locale;
        }
    }

    /// Requests that changed a spreadsheet, each counted once.
    #[must_use]
    pub fn writes(&self, id: &str) -> u64 {
        self.0.of(id, |book| book.writes).unwrap_or(0)
    }

    /// Shares a spreadsheet with the service account, or takes that back: 403 from then on.
    pub fn share(&self, id: &str, shared: bool) {
        if let Some(book) = self.0.state().books.iter_mut().find(|book| book.id == id) {
            book.forbidden = !shared;
        }
    }

    /// From now on so many requests a minute, or as many as come.
    pub fn set_quota(&self, quota: Option<Quota>) {
        self.0.state().meter.quota = quota;
    }
}

impl fmt::Debug for Spreadsheets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spreadsheets").field("ids", &self.ids()).finish_non_exhaustive()
    }
}
