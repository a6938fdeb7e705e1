//! Days in the ledger become rows. One program, so that it is linked once.

mod days;
mod interleavings;
mod old_spreadsheets;
mod support;
mod typed_cells;
