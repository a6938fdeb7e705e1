//! Charles Schwab: token refresh, accounts, positions, quotes, orders, preview.
