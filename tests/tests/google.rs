//! The simulated Google, checked by public clients that were written for the real one.

use std::process::Stdio;

use gamma_simulator::google::Tab;
use gamma_simulator::requests::Service;
use gamma_simulator::simulator::{Simulator, SimulatorConfig};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

const ID: &str = "simulated-spreadsheet";

/// Runs a program of `outside/` on a spreadsheet of its own; it must agree.
async fn agrees(script: &str) -> Simulator {
    let python = std::env::var_os("GAMMA_PYTHON")
        .expect("GAMMA_PYTHON: unset, expected a Python with the public clients; scripts/test sets it");
    let mut config = SimulatorConfig::of_2025_09_03(1).unwrap();
    // Public clients sign by the machine's clock.
    config.google.accept_real_time = true;
    let simulator = Simulator::start(config).await.unwrap();
    simulator.spreadsheets().create(
        ID,
        "Journal",
        [Tab::new("Trades").row(["date", "net"]).row(["2025-09-03", "=1+1"])],
    );
    let account: Value = serde_json::from_str(simulator.google_service_account().expose_secret()).unwrap();
    let given =
        json!({ "google_url": simulator.google_url(), "service_account": account, "spreadsheet": ID });
    let mut command = Command::new(python);
    // -B: no byte code beside the sources.
    command.arg("-B").arg(format!("{}/outside/{script}", env!("CARGO_MANIFEST_DIR")));
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
    simulator
}

/// Both leave the spreadsheet as it was, and every write that was answered with success is counted.
fn left_as_it_was(simulator: &Simulator) {
    let spreadsheets = simulator.spreadsheets();
    let rows =
        vec![vec!["date".to_owned(), "net".to_owned()], vec!["2025-09-03".to_owned(), "=1+1".to_owned()]];
    assert_eq!(spreadsheets.all_text(ID).unwrap(), [("Trades".to_owned(), rows)]);
    let log = simulator.requests();
    let written = log.iter().filter(|request| {
        request.service == Service::Google && request.method != "GET" && request.path != "/token"
    });
    let done = written.filter(|request| request.status == Some(200)).count();
    assert!(done >= 5);
    assert_eq!(spreadsheets.writes(ID), u64::try_from(done).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs gspread; scripts/test runs it"]
async fn gspread_works_with_the_simulator_as_with_google() {
    left_as_it_was(&agrees("google_gspread.py").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs google-api-python-client; scripts/test runs it"]
async fn googles_own_client_works_with_the_simulator_as_with_google() {
    left_as_it_was(&agrees("google_client.py").await);
}
