//! A short message to a person, by mail.
