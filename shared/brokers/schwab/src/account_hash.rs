//! The account's hash, which every path needs (docs/reference/schwab.md, Account hash).

use gamma_execution::ports::BrokerFault;
use serde_json::Value;

use crate::fields::{FieldError, Object};

/// Schwab's have 64 characters.
const LONGEST_HASH: usize = 128;

/// The hash of account `wanted`, or of the only account when none is named.
pub(crate) fn account_hash(answer: &Value, wanted: Option<&str>) -> Result<String, BrokerFault> {
    let rows = answer.as_array().ok_or_else(|| FieldError::new("accountNumbers", Some(answer), "a list"))?;
    let mut hashes = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let row = Object::of(row, format!("accountNumbers[{at}]"))?;
        let (number, hash) = (row.required_text("accountNumber")?, row.required_text("hashValue")?);
        // It becomes part of a path.
        if !(1..=LONGEST_HASH).contains(&hash.len()) || !hash.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(row.bad("hashValue", "letters and digits, up to 128").into());
        }
        if wanted.is_none_or(|wanted| wanted == number) {
            hashes.push(hash.to_owned());
        }
    }
    match (hashes.pop(), hashes.is_empty(), wanted) {
        (Some(hash), true, _) => Ok(hash),
        (Some(_), false, Some(wanted)) => {
            Err(refused(&format!("account {} is listed {} times", ending(wanted), hashes.len() + 1)))
        }
        (Some(_), false, None) => {
            Err(refused(&format!("the login shows {} accounts and none is named", rows.len())))
        }
        (None, _, Some(wanted)) => Err(refused(&format!(
            "account {} is not among the {} this login shows",
            ending(wanted),
            rows.len()
        ))),
        (None, _, None) => Err(refused("the login shows no account")),
    }
}

fn refused(why: &str) -> BrokerFault {
    BrokerFault::Refused(format!("accountNumbers: {why}"))
}

/// Enough of an account number to know it by.
fn ending(number: &str) -> String {
    let digits: Vec<char> = number.chars().collect();
    let tail: String = digits[digits.len().saturating_sub(3)..].iter().collect();
    format!("ending in {tail}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_named_account_or_the_only_one() {
        let row = |number: &str, hash: &str| json!({"accountNumber": number, "hashValue": hash});
        let one = json!([row("12345678", "AA11")]);
        let two = json!([row("12345678", "AA11"), row("87654321", "BB22")]);
        for (answer, wanted, expected) in [
            (&one, None, Ok("AA11")),
            (&two, Some("87654321"), Ok("BB22")),
            (&two, None, Err("refused: accountNumbers: the login shows 2 accounts and none is named")),
            (
                &two,
                Some("11112222"),
                Err("refused: accountNumbers: account ending in 222 is not among the 2"),
            ),
            (&json!([]), None, Err("refused: accountNumbers: the login shows no account")),
            (
                &json!([row("1", "A"), row("1", "B")]),
                Some("1"),
                Err("refused: accountNumbers: account ending in 1 is listed 2 times"),
            ),
            (
                &json!([row("1", "A/../B")]),
                None,
                Err("answer: accountNumbers[0].hashValue: got \"A/../B\", expected letters"),
            ),
            (
                &json!([{"accountNumber": "1"}]),
                None,
                Err("answer: accountNumbers[0].hashValue: got nothing, expected text"),
            ),
            (&json!({}), None, Err("answer: accountNumbers: got {}, expected a list")),
        ] {
            match (account_hash(answer, wanted), expected) {
                (Ok(hash), Ok(expected)) => assert_eq!(hash, expected),
                (Err(fault), Err(expected)) => assert!(fault.to_string().starts_with(expected), "{fault}"),
                (got, expected) => panic!("{answer} {wanted:?}: got {got:?}, expected {expected:?}"),
            }
        }
    }
}
