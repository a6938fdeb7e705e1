//! What needs no stack: help, usage, completions.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

fn gamma(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gamma"))
        .args(arguments)
        .env("GAMMA_LOCAL_STACK", "/nowhere/local-stack.json")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The names under `Commands:` of a help text.
fn commands(help: &str) -> Vec<String> {
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| line.starts_with("  "));
    listed
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_help_and_the_exit_codes_are_told() {
    let (code, help, _) = gamma(&["--help"]);
    assert!(
        code == Some(0) && help.contains("Exit codes: 0 done") && help.contains("3 could not be reached"),
        "{help}"
    );
    let mut open: Vec<Vec<String>> = commands(&help).into_iter().map(|name| vec![name]).collect();
    assert!(open.len() >= 10, "{open:?}");
    while let Some(path) = open.pop() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let (code, help, err) = gamma(&arguments);
        assert!(code == Some(0) && help.contains("Usage: gamma"), "{path:?}: {err}");
        open.extend(commands(&help).into_iter().map(|name| path.iter().cloned().chain([name]).collect()));
    }
}

#[test]
fn wrong_usage_exits_2_and_a_missing_demo_3_with_the_next_step() {
    for arguments in [
        &["runs", "--days", "0"][..],
        &["nonsense"],
        &["resolve", "schwab"],
        &["seed", "--from-env", "NAME"],
        &["login"],
    ] {
        assert_eq!(gamma(arguments).0, Some(2), "{arguments:?}");
    }
    let (code, out, err) = gamma(&["--local", "runs"]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(
        err.contains("/nowhere/local-stack.json: not there")
            && err.contains("start `scripts/demo --open` in another terminal"),
        "{err}"
    );
    let (_, out, _) = gamma(&["--local", "--json", "runs"]);
    assert!(out.contains("\"trouble\"") && out.contains("\"end\": \"unknown\""), "{out}");
}

#[test]
fn shells_are_given_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script, _) = gamma(&["completions", shell]);
        assert!(code == Some(0) && script.contains("gamma") && script.contains("resolve"), "{shell}");
    }
}

/// A ledger's table that answers every request with one status and body, and keeps what it was asked.
fn table(answer: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (keep, kept) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut asked = Vec::new();
            let mut part = [0; 4096];
            while !is_whole(&asked) {
                match stream.read(&mut part) {
                    Ok(read) if read > 0 => asked.extend_from_slice(&part[..read]),
                    _ => break,
                }
            }
            let _ = stream.write_all(answer.as_bytes());
            let _ = keep.send(String::from_utf8_lossy(&asked).into_owned());
        }
    });
    (address, kept)
}

fn is_whole(asked: &[u8]) -> bool {
    let text = String::from_utf8_lossy(asked);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        line.to_lowercase().strip_prefix("content-length:").map(|length| length.trim().to_owned())
    });
    body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// `gamma` with these variables and no other.
fn alone(arguments: &[&str], environment: &[(&str, &OsStr)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gamma"));
    command
        .args(arguments)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied());
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

const KEYS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_REGION", "us-east-1")];
const WRITTEN: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

/// Cron, containers and `ssh HOST COMMAND` often know no user name; stopping must work there all the same.
#[test]
fn no_decision_fails_for_want_of_a_name() {
    let long = "u".repeat(2000);
    let nobody = format!("uid {} on ", rustix::process::getuid().as_raw());
    /// The environment, the arguments, and the name that is recorded.
    type Named<'a> = (&'a [(&'a str, &'a OsStr)], &'a [&'a str], &'a str);
    let names: [Named<'_>; 8] = [
        (&[], &[], &nobody),
        (&[("USER", OsStr::new(""))], &[], &nobody),
        (&[("USER", OsStr::new(" \t"))], &[], &nobody),
        (&[("LOGNAME", OsStr::new("ada"))], &[], "ada"),
        (&[("USER", OsStr::new("ada")), ("LOGNAME", OsStr::new("bob"))], &[], "ada"),
        (&[("USER", OsStr::from_bytes(b"ad\xe9"))], &[], "ad\u{fffd}"),
        (&[("USER", OsStr::new(&long))], &[], &long[..1000]),
        (&[("USER", OsStr::new("ada"))], &["--by", ""], "ada"),
    ];
    let decisions: [&[&str]; 5] = [
        &["halt", "all"],
        &["halt", "schwab"],
        &["resume", "all"],
        &["disarm", "schwab"],
        &["schedules", "off"],
    ];
    for (number, (named, said, by)) in names.into_iter().enumerate() {
        // Every decision for want of any name, one of them for each kind of name.
        let decided = if number == 0 { &decisions[..] } else { &decisions[..1] };
        for decision in decided {
            let (address, kept) = table(WRITTEN);
            let mut environment: Vec<(&str, &OsStr)> =
                KEYS.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
            environment.extend([
                ("AWS_ENDPOINT_URL_DYNAMODB", OsStr::new(&address)),
                ("AWS_ENDPOINT_URL", OsStr::new("http://127.0.0.1:9")),
            ]);
            environment.extend(named);
            let arguments: Vec<&str> =
                decision.iter().chain(&["--why", "a drill"]).chain(said).copied().collect();
            let (code, _, err) = alone(&arguments, &environment);
            // Scheduler is not there in this test; the decision to switch is recorded before it is asked.
            let done = decision[0] == "schedules" || code == Some(0);
            let asked = kept.try_recv().unwrap_or_default();
            assert!(
                done && asked.contains(&format!("{{\"S\":\"{by}")),
                "{decision:?} {named:?}: {err}\n{asked}"
            );
        }
    }
}

/// Whoever stops trading must never take a failure for a stop.
#[test]
fn what_is_not_halted_says_so_first_and_how_to_stop() {
    let no = |error: &str| {
        let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{error}","message":"no"}}"#);
        let head = format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}",
            body.len()
        );
        &*Box::leak(format!("{head}\r\nconnection: close\r\n\r\n{body}").into_boxed_str())
    };
    let broken = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for (what, answer, left_out, arguments, code, first) in [
        ("no table", no("ResourceNotFoundException"), "", &["halt", "all"][..], 1, "NOT HALTED: "),
        ("not allowed", no("AccessDeniedException"), "", &["halt", "all"], 1, "NOT HALTED: "),
        ("expired", no("ExpiredTokenException"), "", &["halt", "schwab"], 1, "NOT HALTED: "),
        ("no credentials", WRITTEN, "AWS_ACCESS_KEY_ID", &["halt", "all"], 1, "NOT HALTED: "),
        ("no region", WRITTEN, "AWS_REGION", &["halt", "all"], 1, "NOT HALTED: "),
        ("no such account", WRITTEN, "", &["halt", "shwab"], 1, "NOT HALTED: "),
        ("no demo", WRITTEN, "", &["--local", "halt", "all"], 3, "NOT HALTED: "),
        ("no answer", broken, "", &["halt", "all"], 3, "NOT KNOWN TO BE HALTED: "),
    ] {
        let (address, _kept) = table(answer);
        let keys = KEYS.iter().filter(|(name, _)| *name != left_out);
        let mut environment: Vec<(&str, &OsStr)> =
            keys.map(|(name, value)| (*name, OsStr::new(*value))).collect();
        environment.extend([
            ("AWS_ENDPOINT_URL", OsStr::new(&address)),
            ("GAMMA_LOCAL_STACK", OsStr::new("/nowhere/local-stack.json")),
        ]);
        let arguments: Vec<&str> = arguments.iter().chain(&["--why", "a drill"]).copied().collect();
        let (ended, out, err) = alone(&arguments, &environment);
        assert_eq!((ended, out.as_str()), (Some(code), ""), "{what}: {err}");
        assert!(
            err.starts_with(&format!("gamma: {first}"))
                && err.contains("STACK-control")
                && err.contains("cancel what works"),
            "{what}: {err}"
        );
    }
}
