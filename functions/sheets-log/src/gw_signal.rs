//! Tab `GW_Signal`: the day's signal as it was published.

use std::collections::BTreeMap;

use gamma_sheets::key::Key;
use gamma_sheets::table::{Row, TableSpec};

use crate::dates::day_of;
use crate::hand_off::LogError;

/// `tx` holds formulas of the user's.
pub(crate) const TABLE: TableSpec = TableSpec {
    tab: "GW_Signal",
    columns: &[
        "date",
        "expiry",
        "spx",
        "forward",
        "vix",
        "vix_one",
        "put_strike",
        "call_strike",
        "put_price",
        "call_price",
        "left_go",
        "right_go",
        "l_imp",
        "r_imp",
        "l_return",
        "r_return",
        "fp",
        "rv",
        "rv5",
        "rv10",
        "rv20",
        "r",
        "ar",
        "ar2",
        "ar3",
        "tx",
    ],
    key: &[Key::date("date")],
    user_owned: &["tx"],
};

/// What the feed calls the columns, `tx` left out.
const FIELDS: [&str; 25] = [
    "Date", "TDate", "SPX", "Forward", "VIX", "VixOne", "Limit", "CLimit", "Put", "Call", "LeftGo",
    "RightGo", "LImp", "RImp", "LReturn", "RReturn", "FP", "RV", "RV5", "RV10", "RV20", "R", "AR", "AR2",
    "AR3",
];

/// The row of a published signal: fields by their names in the feed. None for a run that saw no signal.
pub(crate) fn row(signal: &BTreeMap<String, String>) -> Result<Option<Row>, LogError> {
    if signal.is_empty() {
        return Ok(None);
    }
    let came = signal.get("Date").map_or("", |date| date.trim());
    let date = day_of(came).ok_or_else(|| LogError::SignalDate { came: came.chars().take(40).collect() })?;
    let text = |field: &str| signal.get(field).map(|text| text.trim().to_owned()).unwrap_or_default();
    let mut row: Row =
        TABLE.columns.iter().zip(FIELDS).map(|(column, field)| ((*column).to_owned(), text(field))).collect();
    row.insert("date".to_owned(), date.to_string());
    if let Some(expiry) = day_of(&text("TDate")) {
        row.insert("expiry".to_owned(), expiry.to_string());
    }
    Ok(Some(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feed_fields_have_their_columns_and_tx_has_none() {
        let signal: BTreeMap<String, String> =
            FIELDS.iter().map(|field| ((*field).to_owned(), format!("<{field}>"))).collect();
        let signal = signal
            .into_iter()
            .chain([("Date".into(), "2026-02-11T00:00:00".into()), ("TDate".into(), " 2026-02-12".into())])
            .collect();
        let row = row(&signal).unwrap().unwrap();
        assert_eq!(row.len(), 25);
        for (column, text) in [
            ("date", "2026-02-11"),
            ("expiry", "2026-02-12"),
            ("call_strike", "<CLimit>"),
            ("fp", "<FP>"),
            ("ar3", "<AR3>"),
        ] {
            assert_eq!(row[column], text, "{column}");
        }
        assert!(!row.contains_key("tx"));
    }

    #[test]
    fn unpublished_is_empty_and_a_signal_without_day_is_refused() {
        let signal = |date: &str| BTreeMap::from([("Date".to_owned(), date.to_owned())]);
        assert_eq!(row(&signal("2026-02-11")).unwrap().unwrap()["spx"], "");
        assert_eq!(row(&BTreeMap::new()).unwrap(), None);
        assert_eq!(
            row(&signal("soon")).unwrap_err().to_string(),
            "signal Date: got \"soon\", expected a day such as 2026-02-11"
        );
    }
}
