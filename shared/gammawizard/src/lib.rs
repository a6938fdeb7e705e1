//! The GammaWizard signal: login, every payload shape, bounded retries.
