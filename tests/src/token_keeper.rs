//! The function that keeps the tokens, on the stack.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gamma_simulator::host::FunctionConfig;

use crate::stack::TRADERS;

/// Its name.
pub const TOKEN_KEEPER: &str = "token-keeper";

/// It; its program stands beside the trading function's.
pub(crate) fn function(trade: &Path, environment: &BTreeMap<String, String>) -> FunctionConfig {
    let accounts = TRADERS.map(|trader| trader.account).join(",");
    let own = environment.clone().into_iter().chain([("GAMMA_ACCOUNTS".to_owned(), accounts)]);
    FunctionConfig {
        environment: own.collect(),
        timeout: Duration::from_secs(120),
        memory_mb: 256,
        max_retries: 0,
        ..FunctionConfig::new(TOKEN_KEEPER, trade.with_file_name("token-keeper"))
    }
}
