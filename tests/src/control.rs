//! The operator's function on the stack, and the trading functions under the names that it knows them by.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use gamma_operator::Names;
use gamma_simulator::host::FunctionConfig;

use crate::stack::{StackConfig, TRADERS, Trader, key_of};

/// The function's name.
pub const CONTROL: &str = "gamma-trading-control";

/// Them; the operator's program stands beside the trading function's.
pub(crate) fn functions(
    config: &StackConfig,
    trade: &Path,
    environment: &BTreeMap<String, String>,
    of_trader: impl Fn(Trader) -> BTreeMap<String, String>,
) -> Vec<FunctionConfig> {
    let accounts = TRADERS.map(|trader| trader.account).join(",");
    let own = [
        ("GAMMA_STACK", Names::STACK),
        ("GAMMA_SCHEDULE_PREFIX", Names::SCHEDULES),
        ("GAMMA_ACCOUNTS", &accounts),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let control = FunctionConfig {
        environment: environment
            .clone()
            .into_iter()
            .chain(own)
            .chain(key_of(environment, "control"))
            .collect(),
        timeout: Duration::from_secs(60),
        memory_mb: 256,
        ..FunctionConfig::new(CONTROL, trade.with_file_name("control"))
    };
    let names = Names::of_stack(Names::STACK, Names::SCHEDULES, TRADERS.map(|trader| trader.account));
    let traders = TRADERS.map(|trader| FunctionConfig {
        environment: of_trader(trader),
        timeout: Duration::from_secs(240),
        memory_mb: 256,
        ..FunctionConfig::new(&names.trade[trader.account], trade.to_owned())
    });
    // A stack with a deployment's names has them already.
    let traders = traders.into_iter().filter(|_| config.names.is_none());
    [control].into_iter().chain(traders).collect()
}
