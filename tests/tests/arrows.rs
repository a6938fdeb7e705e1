//! The arrows between the rooms (ARCHITECTURE.md), read from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// What each room may depend on among our own rooms, in production code.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let adapters = ["gamma-market", "gamma-execution", "gamma-http"];
    let brokers = ["gamma-market", "gamma-execution", "gamma-http", "gamma-wire"];
    let simulated = ["gamma-market", "gamma-sim-core"];
    let post_trade = [
        "gamma-market",
        "gamma-strategy",
        "gamma-execution",
        "gamma-http",
        "gamma-cloud",
        "gamma-sheets",
        "gamma-lambda",
        "gamma-post-trade",
    ];
    BTreeMap::from([
        ("gamma-market", vec![]),
        ("gamma-strategy", vec!["gamma-market"]),
        ("gamma-execution", vec!["gamma-market", "gamma-strategy"]),
        ("gamma-http", vec![]),
        ("gamma-wire", adapters.to_vec()),
        ("gamma-schwab", brokers.to_vec()),
        ("gamma-tastytrade", brokers.iter().copied().chain(["gamma-dxlink"]).collect()),
        ("gamma-gammawizard", adapters.to_vec()),
        ("gamma-cloud", vec!["gamma-market", "gamma-execution", "gamma-operator"]),
        ("gamma-dxlink", vec!["gamma-market"]),
        ("gamma-sheets", vec!["gamma-market", "gamma-execution", "gamma-http"]),
        ("gamma-notify", vec!["gamma-execution"]),
        ("gamma-lambda", vec!["gamma-execution", "gamma-http"]),
        // What two functions share, adapters among it; only functions may know it.
        (
            "gamma-post-trade",
            vec![
                "gamma-execution",
                "gamma-http",
                "gamma-cloud",
                "gamma-sheets",
                "gamma-notify",
                "gamma-accounts",
                "gamma-lambda",
            ],
        ),
        ("gamma-sheets-log", post_trade.to_vec()),
        ("gamma-edge-guard", post_trade.iter().copied().chain(["gamma-accounts"]).collect()),
        // The simulated outside: services know what they all stand on, and not each other; one crate puts
        // them together.
        ("gamma-sim-core", vec!["gamma-market"]),
        ("gamma-sim-brokers", simulated.to_vec()),
        ("gamma-sim-aws", simulated.to_vec()),
        ("gamma-sim-google", simulated.to_vec()),
        (
            "gamma-simulator",
            simulated
                .iter()
                .copied()
                .chain(["gamma-sim-brokers", "gamma-sim-aws", "gamma-sim-google"])
                .collect(),
        ),
        ("gamma-operator", vec!["gamma-market", "gamma-execution"]),
        (
            "gamma-control",
            vec![
                "gamma-market",
                "gamma-execution",
                "gamma-cloud",
                "gamma-operator",
                "gamma-accounts",
                "gamma-lambda",
            ],
        ),
        (
            "gamma-token-keeper",
            vec![
                "gamma-execution",
                "gamma-cloud",
                "gamma-http",
                "gamma-notify",
                "gamma-accounts",
                "gamma-lambda",
            ],
        ),
        // The operator's command stands where functions stand.
        (
            "gamma-cli",
            vec![
                "gamma-market",
                "gamma-execution",
                "gamma-cloud",
                "gamma-http",
                "gamma-operator",
                "gamma-accounts",
                "gamma-lambda",
                // Whose secrets it writes, with their own readers.
                "gamma-notify",
                "gamma-post-trade",
                "gamma-sheets",
            ],
        ),
        // The composition root: above every adapter, below functions and command.
        (
            "gamma-accounts",
            vec![
                "gamma-market",
                "gamma-strategy",
                "gamma-execution",
                "gamma-http",
                "gamma-schwab",
                "gamma-tastytrade",
                "gamma-gammawizard",
                "gamma-cloud",
                // By whose words an operator sees a login, and mail's parameters are named.
                "gamma-operator",
                "gamma-notify",
                "gamma-lambda",
            ],
        ),
        ("gamma-trade", vec!["gamma-market", "gamma-execution", "gamma-accounts", "gamma-lambda"]),
        (
            "gamma-tests",
            vec![
                "gamma-market",
                "gamma-strategy",
                "gamma-execution",
                "gamma-http",
                "gamma-schwab",
                "gamma-gammawizard",
                "gamma-cloud",
                "gamma-operator",
                "gamma-simulator",
            ],
        ),
        // Neither HTTP nor AWS, no simulator.
        ("gamma-memory-table", vec!["gamma-execution", "gamma-cloud"]),
        (
            "gamma-simulation",
            vec!["gamma-market", "gamma-strategy", "gamma-execution", "gamma-cloud", "gamma-memory-table"],
        ),
        (
            "gamma-fuzz",
            vec![
                "gamma-market",
                "gamma-strategy",
                "gamma-execution",
                "gamma-schwab",
                "gamma-tastytrade",
                "gamma-gammawizard",
                "gamma-dxlink",
                // Profiles, and the event of the trading function.
                "gamma-accounts",
                "gamma-trade",
                "gamma-lambda",
            ],
        ),
    ])
}

/// Outside crates that only some rooms may name.
const RESERVED: [(&str, &[&str]); 10] = [
    ("aws-config", &["gamma-cloud"]),
    ("aws-credential-types", &["gamma-cloud"]),
    ("aws-sdk-", &["gamma-cloud"]),
    ("aws-smithy-", &["gamma-cloud"]),
    ("reqwest", &["gamma-http", "gamma-tests"]),
    ("tokio-tungstenite", &["gamma-dxlink"]),
    (
        "lambda_runtime",
        &[
            "gamma-lambda",
            "gamma-trade",
            "gamma-sheets-log",
            "gamma-edge-guard",
            "gamma-control",
            "gamma-token-keeper",
        ],
    ),
    ("axum", &["gamma-sim-core", "gamma-sim-brokers", "gamma-sim-aws", "gamma-sim-google"]),
    ("rand", &["gamma-sim-core"]),
    ("anyhow", &[]),
];

/// Outside crates that the pure rooms must not name.
const IMPURE: [&str; 5] = ["tokio", "reqwest", "axum", "rand", "tracing"];
const PURE: [&str; 2] = ["gamma-market", "gamma-strategy"];

fn broken_arrows(edges: &[(String, String)]) -> BTreeSet<String> {
    let allowed = allowed();
    let mut broken = BTreeSet::new();
    for (from, to) in edges {
        let arrow = format!("{from} → {to}");
        if to.starts_with("gamma-") {
            match allowed.get(from.as_str()) {
                None => drop(broken.insert(format!(
                    "{from} is a room without a rule: add it to this test and to ARCHITECTURE.md"
                ))),
                Some(targets) if !targets.contains(&to.as_str()) => drop(broken.insert(arrow.clone())),
                Some(_) => {}
            }
        }
        if PURE.contains(&from.as_str()) && (IMPURE.contains(&to.as_str()) || to.starts_with("aws-")) {
            broken.insert(format!("{arrow}: {from} is pure"));
        }
        for (prefix, rooms) in RESERVED {
            let reserved = if prefix.ends_with('-') { to.starts_with(prefix) } else { to == prefix };
            if reserved && !rooms.contains(&from.as_str()) {
                broken.insert(format!("{arrow}: only {rooms:?} may name it"));
            }
        }
    }
    broken
}

#[test]
fn only_the_arrows_of_the_house_exist() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata answers");
    let edges: Vec<(String, String)> = metadata
        .packages
        .iter()
        .flat_map(|package| {
            let normal =
                package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
            normal.map(move |dependency| (package.name.to_string(), dependency.name.clone()))
        })
        .collect();
    assert!(edges.len() > 40, "the workspace was read");
    assert_eq!(broken_arrows(&edges), BTreeSet::new());
}

/// Calls of the built-in calendar in this text, up to its tests; a method of a calendar is none.
fn built_in_calls(text: &str) -> Vec<&str> {
    const BUILT_IN: [&str; 4] = ["session_day(", "series_close(", "equity_open(", "equity_close("];
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let is_call = |line: &&str| {
        BUILT_IN.iter().any(|name| line.match_indices(name).any(|(at, _)| !line[..at].ends_with(['.', '_'])))
    };
    code.lines().filter(is_call).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    let is_test = |path: &Path| path.file_stem().is_some_and(|name| name == "tests");
    let each = entries.filter(|path| !is_test(path));
    each.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|name| name == "rs"))
        .collect()
}

/// A closure that was announced after the build holds for everything that is deployed, or for nothing.
#[test]
fn deployed_code_asks_for_announced_closures_too() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata answers");
    // The calendar itself, and what stands in for the outside world.
    let outside = |name: &str| {
        name == "gamma-market"
            || name.starts_with("gamma-sim")
            || matches!(name, "gamma-tests" | "gamma-fuzz" | "gamma-memory-table")
    };
    let deployed: Vec<_> =
        metadata.packages.iter().filter(|package| !outside(package.name.as_str())).collect();
    let files: Vec<PathBuf> = deployed
        .iter()
        .flat_map(|package| {
            sources(package.manifest_path.parent().expect("a folder").join("src").as_std_path())
        })
        .collect();
    assert!(files.len() > 100, "the sources were read");
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a source");
        assert_eq!(
            built_in_calls(&text),
            Vec::<&str>::new(),
            "{}: ask a Calendar that was made with what is announced",
            file.display()
        );
    }
    assert_eq!(
        built_in_calls(
            "match session_day(day) {\nlet x = calendar.session_day(day);\n#[cfg(test)]\nsession_day(day)"
        ),
        ["match session_day(day) {"]
    );
}

#[test]
fn one_tls_stack_is_linked() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata answers");
    let versions =
        |name: &str| metadata.packages.iter().filter(|package| package.name.as_str() == name).count();
    assert_eq!((versions("rustls"), versions("openssl"), versions("native-tls")), (1, 0, 0));
}

#[test]
fn a_wrong_arrow_is_seen() {
    for (from, to) in [
        ("gamma-market", "tokio"),
        ("gamma-market", "gamma-strategy"),
        ("gamma-strategy", "aws-sdk-ssm"),
        ("gamma-schwab", "gamma-strategy"),
        ("gamma-schwab", "gamma-gammawizard"),
        ("gamma-tastytrade", "gamma-schwab"),
        ("gamma-wire", "gamma-schwab"),
        ("gamma-schwab", "reqwest"),
        ("gamma-schwab", "tokio-tungstenite"),
        ("gamma-dxlink", "gamma-http"),
        ("gamma-simulator", "gamma-schwab"),
        ("gamma-sim-core", "gamma-sim-brokers"),
        ("gamma-sim-brokers", "gamma-sim-aws"),
        ("gamma-sim-aws", "gamma-sim-google"),
        ("gamma-sim-google", "gamma-sim-brokers"),
        ("gamma-sim-brokers", "gamma-schwab"),
        ("gamma-sim-google", "gamma-sheets"),
        ("gamma-sim-brokers", "gamma-simulator"),
        ("gamma-execution", "gamma-cloud"),
        ("gamma-newcomer", "gamma-market"),
    ] {
        assert_eq!(broken_arrows(&[(from.to_owned(), to.to_owned())]).len().min(1), 1, "{from} → {to}");
    }
}
