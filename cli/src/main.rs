//! The command of an operator: `gamma --help`.

fn main() {}
