//! Google Sheets: a spreadsheet read once and changed once, tables in it by column name.

pub mod grid;
pub mod table;
