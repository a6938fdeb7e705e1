//! The local stack that the demo and the end-to-end tests share: moto as AWS, the simulator's faces, the
//! Lambda host, and the unmodified function binary. A fleet is many accounts on one such stack.

pub mod audit;
pub mod control;
pub mod fleet;
pub mod moto;
pub mod operator;
pub mod post_trade;
pub mod schedules;
pub mod side_by_side;
pub mod stack;
pub use gamma_operator::story;
pub mod tabs;
pub mod token_keeper;
