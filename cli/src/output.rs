//! What a command says: words and tables for people, one JSON document for programs.

use std::io::Write as _;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;
use serde_json::json;

use crate::trouble::Trouble;

/// Everything fits a terminal of this many columns.
const WIDTH: u16 = 100;

/// Where a command speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a program listens.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// The answer: `value` for a program, `words` for a person.
    pub(crate) fn answer(self, value: &impl Serialize, words: impl FnOnce() -> String) {
        let text = if self.json { serde_json::to_string_pretty(value).unwrap_or_default() } else { words() };
        print(&text);
    }

    /// A line for a person who waits; nothing for a program.
    pub(crate) fn progress(self, words: &str) {
        if !self.json {
            let _ = writeln!(std::io::stderr(), "{words}");
        }
    }

    pub(crate) fn trouble(self, trouble: &Trouble) {
        let _ = writeln!(std::io::stderr(), "gamma: {trouble}");
        if self.json {
            print(&serde_json::to_string_pretty(&json!({ "trouble": trouble })).unwrap_or_default());
        }
    }
}

/// A reader who went away, such as `head`, is no error.
pub(crate) fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
}

/// Columns under their names, without lines.
pub(crate) fn table<const N: usize>(names: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table.set_header(names);
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Names and what is known of each, one to a line.
pub(crate) fn facts(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    rows.iter().map(|(name, value)| format!("{name:<width$}  {value}")).collect::<Vec<_>>().join("\n")
}
