//! Our tastytrade client against the simulator's face: packages from preview to position, orders from one to hundreds, what they leave in
//! the account, and quotes over stream and REST. What is read is compared with the books and the market the simulator keeps for itself.

#[path = "tastytrade_packages/accounts.rs"]
mod accounts;
#[path = "tastytrade_packages/agreement.rs"]
mod agreement;
#[path = "tastytrade_packages/desk.rs"]
mod desk;
#[path = "tastytrade_packages/orders.rs"]
mod orders;
#[path = "tastytrade_packages/quotes.rs"]
mod quotes;
