//! Which rows of an account's transactions are transfers (docs/reference/strategy.md, Edge test).

/// Words of what an account earns and trades: whatever says one of them is no transfer.
const EARNED: [&str; 8] =
    ["DIVIDEND", "INTEREST", "TRADE", "OPTION", "BUY", "SELL", "EXERCISE", "ASSIGNMENT"];

/// Words of money that comes and goes.
const MOVED: [&str; 9] =
    ["TRANSFER", "WIRE", "ACH", "EFT", "DEPOSIT", "WITHDRAW", "JOURNAL", "CONTRIBUTION", "DISTRIBUTION"];

/// What the test looks at in one row of a broker's transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoneyRow<'a> {
    /// The broker's type.
    pub kind: &'a str,
    /// Its finer word.
    pub sub_kind: Option<&'a str>,
    /// Its description.
    pub description: Option<&'a str>,
    /// An order is behind it.
    pub has_order: bool,
    /// It lists what moved.
    pub has_items: bool,
    /// An option is among it.
    pub moves_options: bool,
}

/// Whether it is a transfer by its words: `None` when they do not say.
#[must_use]
pub fn words_say_transfer(row: &MoneyRow<'_>) -> Option<bool> {
    let text = [Some(row.kind), row.sub_kind, row.description]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
        .to_uppercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&EARNED) {
        return Some(false);
    }
    says(&MOVED).then_some(true)
}

/// Whether it is a transfer: by its words; without them, what no order made and no option is among.
#[must_use]
pub fn is_transfer(row: &MoneyRow<'_>) -> bool {
    words_say_transfer(row).unwrap_or(!row.has_order && row.has_items && !row.moves_options)
}
