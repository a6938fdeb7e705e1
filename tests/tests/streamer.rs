//! The simulated stream of quotes, listened to by a public client that was written for the real one.

use std::process::Stdio;

use gamma_simulator::requests::Service;
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the tastytrade package; scripts/test runs it"]
async fn tastytrades_own_kind_of_client_hears_the_simulators_stream() {
    let python = std::env::var_os("GAMMA_PYTHON")
        .expect("GAMMA_PYTHON: unset, expected a Python with tastytrade; scripts/test sets it");
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    // The chain's own quotes, and an hour in which they move.
    config.start = "2025-09-03T15:00:00-04:00".parse().unwrap();
    let login = config.tastytrade.clone();
    let simulator = Simulator::start(config).await.unwrap();
    let given = json!({
        "tastytrade_url": simulator.tastytrade_url(), "clock_url": simulator.clock_url(),
        "client_secret": login.client_secret.expose_secret(), "refresh_token": login.refresh_token.expose_secret(),
    });
    // -B: no byte code beside the sources.
    let mut command = Command::new(python);
    command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/outside/tastytrade_streamer.py"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(given.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let (said, trouble) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.trim() == "agreed", "{said}\n{trouble}");

    // It was this stream that it listened to, on one connection, which nothing refused.
    let counters = simulator.dxlink().counters();
    assert_eq!((counters.connections, counters.questions_of(".SPXW250904P6426")), (1, 1));
    let log: Vec<_> =
        simulator.requests().into_iter().filter(|request| request.service == Service::DxLink).collect();
    assert_eq!((log[0].method.as_str(), log[0].status), ("GET", Some(101)));
    assert!(log.iter().all(|request| request.method != "ERROR"), "{log:?}");
}
