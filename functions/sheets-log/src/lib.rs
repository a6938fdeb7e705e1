//! Post-trade: what a run did, as rows of a Google spreadsheet.
