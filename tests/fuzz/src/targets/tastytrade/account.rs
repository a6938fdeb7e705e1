use gamma_execution::ports::AccountSnapshot;
use gamma_tastytrade::decode;

use super::super::{Verdict, account};
use crate::promise::{fault, short};

/// What the account is worth.
pub(in super::super) fn balances(data: &[u8]) -> Verdict {
    match decode::equity(data) {
        Ok(equity) => {
            account::held_to(&AccountSnapshot { equity, ..AccountSnapshot::default() });
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}

/// What is held.
pub(in super::super) fn positions(data: &[u8]) -> Verdict {
    match decode::positions(data) {
        Ok((positions, unreadable)) => {
            unreadable.iter().for_each(|row| short("unreadable", row));
            account::held_to(&AccountSnapshot { positions, unreadable, ..AccountSnapshot::default() });
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}
