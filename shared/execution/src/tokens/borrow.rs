//! Using a document that another deployment keeps, such as the live one beside a dry one. A second writer
//! could only harm it.

use secrecy::SecretString;

use super::{TokenKeeper, TokenSaved, TokenSummary};
use crate::ports::{BrokerFault, InHand, TokenIssuer, TokenRenewal};

impl TokenKeeper {
    /// Nothing is refreshed early: each refresh is one that its owner does not know of.
    pub(super) async fn renew_borrowed(
        &self,
        held: &SecretString,
        in_hand: InHand,
        issuer: &dyn TokenIssuer,
    ) -> Result<SecretString, BrokerFault> {
        match in_hand {
            InHand::Usable => Ok(held.clone()),
            InHand::Useless => self.renew_in_turn(held, issuer, false).await,
        }
    }

    /// Refreshed; the broker may have replaced the owner's refresh token with one that only this run holds.
    pub(super) fn goes_on_with(&self, rotated: bool) {
        self.state().result = TokenSaved::Borrowed;
        if rotated {
            self.trouble(format!(
                "the broker gave another refresh token for the borrowed one, and it was not written: the stored login {} may be dead. Refresh it where it \
                 is kept; if that fails, log in again, see docs/runbook.md, 'Borrowed tokens'",
                self.name
            ));
        }
    }

    /// What became of the borrowed document: nothing.
    pub(super) fn given_back(&self) -> TokenSummary {
        let state = self.state();
        let how = match state.result {
            TokenSaved::Borrowed => {
                "the token was borrowed: refreshed for this run alone, nothing was written"
            }
            _ => "the token was borrowed: used as it is stored, nothing was written",
        };
        let notes = state.notes.iter().cloned().chain([how.to_owned()]).collect();
        TokenSummary { saved: state.result.clone(), notes, alarm: state.alarm }
    }
}
