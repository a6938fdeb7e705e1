//! Reading a chain line by line.

use std::collections::BTreeMap;

use gamma_market::Right;
use jiff::civil::Date;

use super::columns::{Layout, Listing};
use super::{Chain, ListedOption};

/// A chain file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// One field of one line.
    #[error("{file} line {line}, {field}: got {got:?}, expected {expected}")]
    Field {
        /// The file's name.
        file: String,
        /// Its line, counted from 1.
        line: usize,
        /// The column's name in the header.
        field: &'static str,
        /// What stands there.
        got: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// A line as a whole: the header, the number of fields, or the order of lines.
    #[error("{file} line {line}: got {got}, expected {expected}")]
    Line {
        /// The file's name.
        file: String,
        /// Its line, counted from 1.
        line: usize,
        /// What stands there.
        got: String,
        /// What should stand there.
        expected: String,
    },
}

/// One line split at its commas.
pub(super) struct Row<'a> {
    file: &'a str,
    line: usize,
    layout: Layout,
    fields: Vec<&'a str>,
}

impl<'a> Row<'a> {
    fn new(file: &'a str, line: usize, layout: Layout, text: &'a str) -> Result<Self, ChainError> {
        let fields: Vec<_> = text.split(',').collect();
        let expected = layout.columns().len();
        if fields.len() != expected {
            return Err(line_error(
                file,
                line,
                &format!("{} fields", fields.len()),
                format!("{expected} fields"),
            ));
        }
        Ok(Self { file, line, layout, fields })
    }

    pub(super) fn field(&self, at: usize) -> &'a str {
        self.fields.get(at).copied().unwrap_or_default()
    }

    pub(super) fn error(&self, at: usize, expected: &'static str) -> ChainError {
        ChainError::Field {
            file: self.file.to_owned(),
            line: self.line,
            field: self.layout.columns().get(at).copied().unwrap_or_default(),
            got: shortened(self.field(at)),
            expected,
        }
    }
}

pub(super) fn chain(file: &str, text: &str) -> Result<Chain, ChainError> {
    let mut lines = text.lines().zip(1_usize..);
    let (header, _) = lines.next().unwrap_or_default();
    let layout = Layout::of_header(&header.split(',').collect::<Vec<_>>()).ok_or_else(|| {
        line_error(file, 1, &format!("{:?}", shortened(header)), "the header of a chain file".to_owned())
    })?;
    let mut trade_date = None;
    let mut series: BTreeMap<(Date, Right), Vec<ListedOption>> = BTreeMap::new();
    for (text, line) in lines {
        let row = Row::new(file, line, layout, text)?;
        for listing in layout.listings(&row)? {
            if *trade_date.get_or_insert(listing.trade_date) != listing.trade_date {
                return Err(row.error(0, "the trade date of the lines before"));
            }
            add(&mut series, listing)
                .ok_or_else(|| row.error(2, "a strike above those before it in its expiry and right"))?;
        }
    }
    let trade_date =
        trade_date.ok_or_else(|| line_error(file, 2, "nothing", "at least one contract".to_owned()))?;
    Ok(Chain { trade_date, series })
}

/// `None` when the strike is not above the last one, so that a series is sorted and has no duplicates.
fn add(series: &mut BTreeMap<(Date, Right), Vec<ListedOption>>, listing: Listing) -> Option<()> {
    let options = series.entry((listing.expiry, listing.right)).or_default();
    if options.last().is_some_and(|last| last.strike >= listing.option.strike) {
        return None;
    }
    options.push(listing.option);
    Some(())
}

fn line_error(file: &str, line: usize, got: &str, expected: String) -> ChainError {
    ChainError::Line { file: file.to_owned(), line, got: got.to_owned(), expected }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}
