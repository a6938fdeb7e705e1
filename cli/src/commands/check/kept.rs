//! What is kept for the functions: parameters, secrets, token documents; and whether broker and feed answer
//! at all.

use std::collections::BTreeSet;
use std::time::Duration;

use gamma_accounts::BrokerKind;
use gamma_accounts::brokers::LoginEnd;
use gamma_cloud::{Secrets, SecretsError};
use gamma_http::{HttpClient, HttpConfig, Request};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use super::Line;
use crate::desk::World;
use crate::slots::{Kind, Slot, slots};
use crate::trouble::Trouble;

/// Less than this is too little.
const SOON: SignedDuration = SignedDuration::from_hours(24);
const PATIENCE: Duration = Duration::from_secs(5);

/// Every secret, with the functions' own readers.
pub(super) async fn look(world: &World) -> Result<Vec<Line>, Trouble> {
    let mut lines = Vec::new();
    for slot in slots(world).await? {
        lines.extend(one(world, &slot).await);
    }
    Ok(lines)
}

/// One by one, so that one that may not be read hides no other. An optional one that is not there is no news.
async fn one(world: &World, slot: &Slot) -> Option<Line> {
    let name = slot.name.as_str();
    let by_hand = match slot.kind {
        Kind::Token(broker) => log_in(broker),
        Kind::Closures => "put it right with `gamma seed`: nothing is traded until it reads (docs/runbook.md, Announcing a closure)".to_owned(),
        _ => "run `gamma seed`".to_owned(),
    };
    let read = Secrets::new(&world.aws, world.clock.clone()).read_all(&[], &[], &[name]).await;
    let found = match &read {
        Ok(found) => found.optional(name),
        Err(SecretsError::Unavailable { reason, .. }) if reason.starts_with("AccessDenied") => {
            let action = if slot.name.is_in_secrets_manager() {
                "secretsmanager:GetSecretValue"
            } else {
                "ssm:GetParameters, and kms:Decrypt for its key"
            };
            return Some(Line::wrong(
                name,
                reason,
                format!("allow {action}, or use other credentials (--profile)"),
            ));
        }
        Err(error @ SecretsError::Unavailable { .. }) => return Some(Line::unknown(name, error, None)),
        Err(error) => return Some(Line::wrong(name, error, by_hand)),
    };
    Some(match found {
        None if slot.optional => return None,
        None => Line::wrong(name, format!("missing: {}", slot.about), by_hand),
        Some(value) => match slot.check(value) {
            Err(why) => Line::wrong(name, why, by_hand),
            Ok(()) => match slot.kind {
                Kind::Token(broker) => token(name, broker, value, world.clock.now()),
                _ => Line::ok(name, "there, and reads"),
            },
        },
    })
}

fn log_in(broker: BrokerKind) -> String {
    format!("run `gamma login {}`", broker.facts().name)
}

fn token(name: &str, broker: BrokerKind, document: &SecretString, now: Timestamp) -> Line {
    let Some(LoginEnd { lasts, .. }) = broker.facts().login_end else {
        return Line::ok(name, "there, and reads; a grant does not age");
    };
    let age = (broker.facts().token_age)(document);
    let left = age.map_or(SignedDuration::ZERO, |age| {
        SignedDuration::from_secs(age.created.saturating_sub(now.as_second())) + lasts
    });
    let login = log_in(broker);
    if left <= SignedDuration::ZERO {
        return Line::wrong(name, format!("the login ended {} hours ago", -left.as_hours()), login);
    }
    let found = format!("the login lives for {} hours more", left.as_hours());
    if left < SOON { Line::wrong(name, found, login) } else { Line::ok(name, found) }
}

/// Brokers and feed, without credentials: any answer will do.
pub(super) async fn reachable(world: &World) -> Result<Vec<Line>, Trouble> {
    let http =
        HttpClient::new(&HttpConfig::default()).map_err(|error| Trouble::no("make an HTTP client", error))?;
    let mut services = BTreeSet::new();
    for account in world.names.accounts() {
        let deployment = world.deployed(account).await?.deployment;
        services.extend([deployment.broker_url, deployment.gammawizard_url]);
    }
    let mut lines = Vec::new();
    for url in services {
        lines.push(
            match http.send(Request::get(&format!("{}/", url.trim_end_matches('/'))).timeout(PATIENCE)).await
            {
                Ok(response) => Line::ok(&url, format!("answers from here (HTTP {})", response.status)),
                Err(error) => Line::unknown(
                    &url,
                    error,
                    Some("look at this machine's network; the functions have one of their own".to_owned()),
                ),
            },
        );
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_login_that_ends_soon_is_wrong_in_time() {
        let document = |created: i64| {
            let token = format!(
                r#"{{"creation_timestamp":{created},"token":{{"access_token":"canary","refresh_token":"canary","expires_at":1}}}}"#
            );
            SecretString::from(token)
        };
        let day = 24 * 3600;
        for (age, state, words) in [
            (day, State::Ok, "144 hours more"),
            (6 * day, State::Ok, "24 hours more"),
            (6 * day + 1, State::Wrong, "23 hours more"),
            (8 * day, State::Wrong, "ended 24 hours ago"),
        ] {
            let now = Timestamp::from_second(1_790_000_000).unwrap();
            let line = token("t", BrokerKind::Schwab, &document(now.as_second() - age), now);
            assert!(
                line.state == state && line.found.contains(words) && !line.to_string().contains("canary"),
                "{line}"
            );
        }
    }
}
