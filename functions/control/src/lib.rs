//! The operator's Lambda.
