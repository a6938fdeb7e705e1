//! What needs no stack: help, usage, completions.

use std::process::Command;

fn gamma(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gamma")).args(arguments).env("GAMMA_LOCAL_STACK", "/nowhere/local-stack.json").output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The names under `Commands:` of a help text.
fn commands(help: &str) -> Vec<String> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| line.starts_with("  "));
    listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn every_command_has_help_and_the_exit_codes_are_told() {
    let (code, help, _) = gamma(&["--help"]);
    assert!(code == Some(0) && help.contains("Exit codes: 0 done") && help.contains("3 could not be reached"), "{help}");
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
fn wrong_usage_is_2_and_a_demo_that_is_not_there_is_3_with_the_next_step() {
    for arguments in [&["runs", "--days", "0"][..], &["nonsense"], &["resolve", "schwab"], &["seed", "--from-env", "NAME"], &["login"]] {
        assert_eq!(gamma(arguments).0, Some(2), "{arguments:?}");
    }
    let (code, out, err) = gamma(&["--local", "runs"]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(err.contains("/nowhere/local-stack.json: not there") && err.contains("start `scripts/demo --open` in another terminal"), "{err}");
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
