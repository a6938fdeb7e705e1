//! How one option is described, in orders, positions and transactions (docs/reference/schwab.md).

use gamma_market::{OptionSymbol, Right};
use serde_json::{Value, json};

/// `S & P 500 INDEX 08/21/2026 $5900 Put`.
pub(super) fn description(symbol: &OptionSymbol) -> String {
    let word = match symbol.right() {
        Right::Put => "Put",
        Right::Call => "Call",
    };
    format!(
        "S & P 500 INDEX {} ${} {word}",
        symbol.expiry().strftime("%m/%d/%Y"),
        symbol.strike().points().normalize()
    )
}

/// `PUT` or `CALL`.
pub(super) const fn put_call(symbol: &OptionSymbol) -> &'static str {
    match symbol.right() {
        Right::Put => "PUT",
        Right::Call => "CALL",
    }
}

/// `0SPXW.TL60590000`: month and right in one letter, the day in one character, the year's last digit, the
/// strike in hundredths.
pub(super) fn cusip(symbol: &OptionSymbol) -> String {
    let expiry = symbol.expiry();
    let letter = |index: i8, first: u8| char::from(first + index.unsigned_abs());
    let month = match symbol.right() {
        Right::Call => letter(expiry.month() - 1, b'A'),
        Right::Put => letter(expiry.month() - 1, b'M'),
    };
    let day = if expiry.day() < 10 { letter(expiry.day(), b'0') } else { letter(expiry.day() - 10, b'A') };
    format!(
        "0{}.{month}{day}{}{:07}",
        symbol.root(),
        expiry.year() % 10,
        symbol.strike().as_thousandths() / 10
    )
}

/// A number that is the same for the same contract and differs within a year.
pub(super) fn instrument_id(symbol: &OptionSymbol) -> u64 {
    let day = u64::from(symbol.expiry().day_of_year().unsigned_abs());
    let right = u64::from(symbol.right() == Right::Call);
    200_000_000 + (day * 2 + right) * 200_000 + u64::from(symbol.strike().as_thousandths()) / 500
}

/// As a leg of an order.
pub(super) fn of_order(symbol: &OptionSymbol) -> Value {
    json!({
        "assetType": "OPTION",
        "cusip": cusip(symbol),
        "symbol": symbol.to_string(),
        "description": description(symbol),
        "instrumentId": instrument_id(symbol),
        "type": "VANILLA",
        "putCall": put_call(symbol),
        "underlyingSymbol": "$SPX",
        "optionDeliverables": [{ "symbol": "$SPX", "deliverableUnits": 100.0 }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_follow_the_reference() {
        let put: OptionSymbol = "SPXW260821P5895".parse().unwrap();
        assert_eq!(cusip(&put), "0SPXW.TL60589500");
        assert_eq!(description(&put), "S & P 500 INDEX 08/21/2026 $5895 Put");
        let call: OptionSymbol = "SPXW260904C5900".parse().unwrap();
        assert_eq!(cusip(&call), "0SPXW.I460590000");
        assert_ne!(instrument_id(&put), instrument_id(&call));
    }
}
