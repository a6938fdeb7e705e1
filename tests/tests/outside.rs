//! The simulator and our own order JSON, checked by public clients that were written for the real service.

use std::process::Stdio;

use gamma_market::{Effect, Package, Price, Vertical};
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs schwab-py; scripts/test runs it"]
async fn schwab_py_works_with_the_simulator_as_with_schwab_and_builds_the_same_order() {
    let python = std::env::var_os("GAMMA_PYTHON").expect("GAMMA_PYTHON: unset, expected a Python with schwab-py; scripts/test sets it");
    let simulator = Simulator::start(SimulatorConfig::of_2025_09_03(1).unwrap()).await.unwrap();
    let vertical = Vertical::new("SPXW250904P6425".parse().unwrap(), "SPXW250904P6420".parse().unwrap()).unwrap();
    // Long expired by the machine's clock, which is the one schwab-py goes by.
    let token = json!({
        "creation_timestamp": 1_756_900_000,
        "token": {
            "expires_in": 1800, "token_type": "Bearer", "scope": "api", "refresh_token": "simulated-refresh-token@",
            "access_token": "old", "id_token": "made-up", "expires_at": 1_756_901_800,
        },
    });
    let given = json!({
        "schwab_url": simulator.schwab_url(), "clock_url": simulator.clock_url(), "app_key": "simulated-app-key",
        "app_secret": "simulated-app-secret", "token": token, "start": simulator.clock().now().to_string(),
        "put_order": gamma_schwab::order_json(&Package::vertical(vertical), Effect::Credit, 2, Price::cents(95)),
    });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/outside/schwab_py.py");
    let mut child = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let (said, trouble) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim() == "agreed", "{said}\n{trouble}");
}
