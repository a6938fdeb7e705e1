//! README and template call secrets as `names.rs` does.

use std::collections::BTreeSet;
use std::path::Path;

use gamma_accounts::{names, profiles};

/// A file of the repository.
fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every secret with the variable that may name another place for it; none names others for mail's.
fn named() -> BTreeSet<(String, String)> {
    let variable = names::ALL.map(|name| (name.usual.to_owned(), name.variable.to_owned()));
    variable.into_iter().chain(names::MAIL.all().map(|name| (name.to_owned(), String::new()))).collect()
}

/// The rows of README's tables of secrets. A row may name several, each with its variable at the same place;
/// a row without a name is of another variable.
fn rows(readme: &str) -> Vec<(String, String)> {
    const HEAD: &str = "| name | variable | what |\n|---|---|---|\n";
    let tables =
        readme.split(HEAD).skip(1).flat_map(|table| table.lines().take_while(|line| line.starts_with('|')));
    tables
        .flat_map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let each = |cell: &str| cell.split(", ").map(str::to_owned).collect::<Vec<_>>();
            let (names, mut variables) = (each(cells[1]), each(cells[2]));
            variables.resize(names.len(), String::new());
            names.into_iter().zip(variables).filter(|(name, _)| !name.is_empty()).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_readme_lists_every_secret_once() {
    let rows = rows(&text("README.md"));
    assert_eq!(rows.iter().cloned().collect::<BTreeSet<_>>(), named());
    assert_eq!(rows.len(), named().len(), "no row twice");
}

/// What comes behind `before` in the text, each up to the quotation mark.
fn quoted<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = String> + 'a {
    text.split(before)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|name| name.starts_with("/gamma/"))
        .map(str::to_owned)
}

#[test]
fn the_template_grants_these_secrets_and_no_others() {
    let template = text("template.yaml");
    let granted: BTreeSet<String> =
        quoted(&template, ":parameter").chain(quoted(&template, "\"token#")).collect();
    let accounts = profiles::names();
    let of_accounts =
        names::ALL.iter().flat_map(|name| accounts.iter().map(|account| name.usual_of(account)));
    assert_eq!(granted, of_accounts.chain(names::MAIL.all().map(str::to_owned)).collect());
}
