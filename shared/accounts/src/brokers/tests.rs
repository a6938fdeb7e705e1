use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::names;

#[test]
fn a_broker_is_called_as_accounts_toml_calls_it() {
    for kind in BrokerKind::ALL {
        assert_eq!(serde_json::from_value::<BrokerKind>(json!(kind.facts().name)).unwrap(), kind);
    }
}

#[test]
fn no_two_brokers_share_a_name_an_address_or_a_secret() {
    let each = |said: fn(&BrokerFacts) -> &'static str| {
        BrokerKind::ALL.map(|kind| said(kind.facts())).into_iter().collect::<BTreeSet<_>>().len()
    };
    let all = BrokerKind::ALL.len();
    assert_eq!(
        [
            each(|facts| facts.name),
            each(|facts| facts.address),
            each(|facts| facts.address_variable),
            each(|facts| facts.token.usual)
        ],
        [all; 4]
    );
    let secrets =
        BrokerKind::ALL.iter().flat_map(|kind| kind.facts().secrets).map(|secret| secret.name.usual);
    assert_eq!(secrets.clone().collect::<BTreeSet<_>>().len(), secrets.count());
}

#[test]
fn every_secret_of_a_login_has_its_name_in_the_one_list() {
    for facts in BrokerKind::ALL.map(BrokerKind::facts) {
        for name in facts.secrets.iter().map(|secret| secret.name).chain([facts.token]) {
            assert!(names::ALL.contains(&name), "{name:?}");
        }
    }
}

#[test]
fn a_secret_that_the_broker_does_not_have_is_named() {
    let tastytrade = LoginNames::from_env(BrokerKind::Tastytrade, |_| None).unwrap();
    assert_eq!(tastytrade.place(names::APP_KEY), None);
    assert_eq!(
        tastytrade.place(names::CLIENT_ID).map(gamma_cloud::SecretName::as_str),
        Some("/gamma/tt/client_id")
    );
}

#[test]
fn accounts_trade_at_brokers_of_the_list() {
    for account in crate::profiles::names() {
        assert!(BrokerKind::ALL.contains(&crate::profiles::broker(&account).unwrap()), "{account}");
    }
}

#[test]
fn the_runbook_says_how_to_log_in_again() {
    let runbook =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbook.md")).unwrap();
    for end in BrokerKind::ALL.iter().filter_map(|kind| kind.facts().login_end) {
        assert!(runbook.lines().any(|line| line.strip_prefix("## ") == Some(end.runbook)), "{end:?}");
    }
}

#[test]
fn only_tastytrade_makes_documents_of_grants() {
    use secrecy::ExposeSecret as _;
    let grant = SecretString::from("canary");
    assert!(BrokerKind::Schwab.setup().document_of_grant(&grant).is_none());
    let document = BrokerKind::Tastytrade.setup().document_of_grant(&grant).unwrap();
    assert!(
        (BrokerKind::Tastytrade.facts().token_age)(&document).is_some()
            && document.expose_secret().contains("canary")
    );
}
