//! The tokens that open the stream.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether somebody handed out a token, and it is still good.
type Issuer = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Who is let in: the bearers of an issuer's tokens, and of those that were admitted one by one. Clones are
/// the same.
#[derive(Clone)]
pub struct QuoteTokens {
    issuer: Issuer,
    admitted: Arc<Mutex<BTreeSet<String>>>,
}

impl QuoteTokens {
    /// The tokens that `issuer` knows.
    #[must_use]
    pub fn of(issuer: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { issuer: Arc::new(issuer), admitted: Arc::default() }
    }

    /// Admits the bearer of `token` too, from now on.
    pub fn admit(&self, token: &str) {
        self.lock().insert(token.to_owned());
    }

    pub(super) fn accepts(&self, token: &str) -> bool {
        self.lock().contains(token) || (self.issuer)(token)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for QuoteTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuoteTokens").field("admitted", &self.lock().len()).finish_non_exhaustive()
    }
}
