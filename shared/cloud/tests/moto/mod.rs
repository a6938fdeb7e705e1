//! A local AWS: one moto server for the test binary, gone when the binary is.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use gamma_cloud::SdkConfig;

/// The configuration that reaches it.
pub(crate) async fn config() -> SdkConfig {
    gamma_cloud::aws::load_for(endpoint()).await
}

/// Where it listens.
pub(crate) fn endpoint() -> &'static str {
    static SERVER: OnceLock<(String, Child)> = OnceLock::new();
    &SERVER.get_or_init(start).0
}

fn start() -> (String, Child) {
    let server = std::env::var("GAMMA_MOTO_SERVER")
        .expect("GAMMA_MOTO_SERVER must hold the path of the moto_server executable; scripts/test sets it");
    // The shell waits for the end of its input, which comes when this process ends, however it ends; then it
    // ends the server.
    let script = r#""$1" -H 127.0.0.1 -p 0 2>&1 & cat >/dev/null; kill $!"#;
    let mut shell = Command::new("sh")
        .args(["-c", script, "sh", &server])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut log = BufReader::new(shell.stdout.take().expect("its output")).lines();
    let mut said = Vec::new();
    let endpoint = loop {
        let line = log.next().and_then(Result::ok);
        let line = line.unwrap_or_else(|| panic!("{server} ended before it listened: {}", said.join("\n")));
        if let Some((_, endpoint)) = line.split_once("Running on ") {
            break endpoint.trim().to_owned();
        }
        said.push(line);
    };
    // It logs each request; unread, the pipe would fill and it would stop.
    std::thread::spawn(move || log.for_each(drop));
    (endpoint, shell)
}
