//! How accounts are called in the spreadsheet.

/// An account with a block of its own in the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SummaryAccount {
    /// Its name, in the ledger and in the column `account` of every tab.
    pub name: &'static str,
    /// The title of its block in the summary.
    pub title: &'static str,
}

/// The summary's blocks, from left to right.
pub const ACCOUNTS: [SummaryAccount; 3] = [
    SummaryAccount { name: "schwab", title: "schwab" },
    SummaryAccount { name: "tt-ira", title: "TT IRA" },
    SummaryAccount { name: "tt-individual", title: "TT IND" },
];
