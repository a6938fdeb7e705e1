//! The trading calendar.
