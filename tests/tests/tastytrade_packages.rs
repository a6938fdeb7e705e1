//! Our tastytrade client against the simulator's face: packages from preview to position, orders from one to
//! hundreds, what they leave in the account, and quotes over stream and REST. What is read is compared with
//! the books and the market the simulator keeps for itself.

mod accounts;
mod agreement;
mod desk;
mod orders;
mod quotes;
