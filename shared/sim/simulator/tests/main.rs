//! The simulated outside, asked over its own wire. One program, so that it is linked once.

mod aws_proxy;
mod dxlink_data;
mod dxlink_protocol;
mod dxlink_switches;
mod faults_lies;
mod faults_orders;
mod faults_shown;
mod faults_transport;
mod gammawizard;
mod google;
mod schwab_account;
mod schwab_logins;
mod schwab_market_data;
mod schwab_orders;
mod session;
mod sheets;
mod streaming;
mod tasty;
mod tastytrade_account;
mod tastytrade_faults;
mod tastytrade_lies;
mod tastytrade_login;
mod tastytrade_market;
mod tastytrade_orders;
