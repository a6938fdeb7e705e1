//! End to end: the unmodified functions against moto and the simulator. One program, so that it is linked once.

mod after_deploy;
mod arrows;
mod aws_proxy;
mod cli;
mod conformance;
mod control;
mod end_to_end;
mod golden;
mod google;
mod incidents;
mod kills;
mod load;
mod notify;
mod outside;
mod post_trade;
mod schwab_packages;
mod signals;
mod streamer;
mod supply_chain;
mod table;
mod tastytrade_packages;
mod three_accounts;
mod token_keeper;
mod tokens;
mod weather;
mod week;
