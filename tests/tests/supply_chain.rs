//! What deny.toml says of the crates we build on, held on every machine. The workflow "security" asks
//! cargo-deny itself, and the database of advisories, which needs a network.

use std::collections::BTreeSet;
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn rules() -> Deny {
    toml::from_str(include_str!("../../deny.toml")).expect("deny.toml reads")
}

/// A crate as far as the rules look at it.
struct Crate<'a> {
    name: &'a str,
    license: Option<&'a str>,
    source: Option<&'a str>,
    wild: bool,
}

/// What is built on some platform, as `name vVERSION`: cargo's metadata also lists crates that only a feature
/// nobody asks for would bring.
fn built() -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = Command::new(cargo)
        .args(["tree", "--workspace", "--target", "all", "--prefix", "none", "--format", "{p}"])
        .output()
        .expect("cargo tree answers");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let lines = String::from_utf8_lossy(&tree.stdout);
    lines.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect()
}

fn crates<'a>(metadata: &'a Metadata, built: &BTreeSet<String>) -> Vec<Crate<'a>> {
    let used = metadata
        .packages
        .iter()
        .filter(|package| built.contains(&format!("{} v{}", package.name, package.version)));
    let of = used.map(|package| Crate {
        name: package.name.as_str(),
        license: package.license.as_deref(),
        source: package.source.as_ref().map(|source| source.repr.as_str()),
        wild: package.source.is_none()
            && package
                .dependencies
                .iter()
                .any(|needed| needed.path.is_none() && needed.req.comparators.is_empty()),
    });
    of.collect()
}

fn broken(rules: &Deny, crates: &[Crate<'_>]) -> BTreeSet<String> {
    let mut broken = BTreeSet::new();
    for one in crates {
        let name = one.name;
        if let Some(banned) = rules.bans.deny.iter().find(|banned| banned.name == name) {
            broken.insert(format!("{name}: banned: {}", banned.reason));
        }
        if one.wild {
            broken.insert(format!("{name}: depends on any version of a crate"));
        }
        let Some(source) = one.source else { continue };
        if source != CRATES_IO {
            broken.insert(format!("{name}: source: got {source}, expected crates.io"));
        }
        let text = one.license.unwrap_or("nothing");
        let allowed = Expression::parse_mode(text, ParseMode::LAX).is_ok_and(|expression| {
            expression.evaluate(|license| rules.licenses.allow.contains(&license.to_string()))
        });
        if !allowed {
            broken.insert(format!("{name}: license: got {text}, expected one that deny.toml allows"));
        }
    }
    broken
}

#[test]
fn licences_bans_and_sources_are_as_deny_toml_says() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata answers");
    let crates = crates(&metadata, &built());
    assert!(crates.len() > 200, "the graph was read");
    assert_eq!(broken(&rules(), &crates), BTreeSet::new());
}

#[test]
fn each_rule_is_seen_to_be_broken() {
    let fine =
        || Crate { name: "fine", license: Some("GPL-3.0 OR MIT"), source: Some(CRATES_IO), wild: false };
    let rules = rules();
    assert_eq!(broken(&rules, &[fine()]), BTreeSet::new());
    for (bad, words) in [
        (Crate { license: Some("GPL-3.0-or-later"), ..fine() }, "license: got GPL-3.0-or-later"),
        (Crate { license: Some("MIT AND GPL-3.0"), ..fine() }, "license: got MIT AND"),
        (Crate { license: None, ..fine() }, "license: got nothing"),
        (Crate { source: Some("git+https://example.test/x"), ..fine() }, "source: got git"),
        (Crate { name: "openssl", ..fine() }, "banned: one TLS stack"),
        (Crate { wild: true, ..fine() }, "any version"),
    ] {
        let found = broken(&rules, &[bad]);
        assert!(found.len() == 1 && found.iter().all(|line| line.contains(words)), "{words}: {found:?}");
    }
}
