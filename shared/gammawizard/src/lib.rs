//! The GammaWizard signal feed, as the [`SignalSource`](gamma_execution::ports::SignalSource) port wants it:
//! login, every payload shape, bounded retries (docs/reference/gammawizard.md).
//!
//! Rows are handed on as published. Which of them may be traded today is the strategy's question.

mod feed;
pub mod payload;
mod token;

pub use feed::{GammaWizard, GammaWizardConfig};

/// The token in a login's answer, for the fuzz targets.
#[cfg(feature = "decode")]
#[doc(hidden)]
#[must_use]
pub fn login_token(body: &[u8]) -> Option<secrecy::SecretString> {
    token::from_login(body)
}
