use gamma_execution::ports::AccountSnapshot;
use gamma_tastytrade::decode;

use super::super::{Verdict, account};
use crate::promise::fault;

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
        Ok(positions) => {
            account::held_to(&AccountSnapshot { positions, ..AccountSnapshot::default() });
            Verdict::Reads
        }
        Err(error) => {
            fault(&error);
            Verdict::Refused
        }
    }
}
