//! The function that keeps the tokens, on the stack.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gamma_simulator::host::FunctionConfig;

use crate::stack::{StackConfig, TRADERS, key_of};

/// Its name.
pub const TOKEN_KEEPER: &str = "token-keeper";

/// It; its program stands beside the trading function's.
pub(crate) fn function(
    config: &StackConfig,
    trade: &Path,
    environment: &BTreeMap<String, String>,
) -> FunctionConfig {
    let accounts = TRADERS.map(|trader| trader.account).join(",");
    let own = environment
        .clone()
        .into_iter()
        .chain([("GAMMA_ACCOUNTS".to_owned(), accounts)])
        .chain(key_of(environment, TOKEN_KEEPER));
    let name = config.names.as_ref().map_or(TOKEN_KEEPER, |names| names.token_keeper.as_str());
    FunctionConfig {
        environment: own.collect(),
        timeout: Duration::from_secs(120),
        memory_mb: 256,
        max_retries: 0,
        ..FunctionConfig::new(name, trade.with_file_name("token-keeper"))
    }
}
