//! The access token: asked for with a signed assertion, kept while it is good.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gamma_execution::ports::Clock;
use gamma_http::{HttpClient, HttpError, Request, Response};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::account::ServiceAccount;
use crate::error::SheetsError;
use crate::patience::{Patience, asked_wait};
use crate::wire;

/// The access token from invocation to invocation; make it once, beside the function's other state. Clones
/// are the same.
#[derive(Clone, Default)]
pub struct SheetsTokens(Arc<Mutex<Option<Kept>>>);

struct Kept {
    token: SecretString,
    /// Whose it is: after the account was changed its token is of no use.
    email: String,
    until: Timestamp,
}

impl SheetsTokens {
    /// A token is not used for the last of its life, so that it outlasts the requests it is taken for.
    const SPARE: SignedDuration = SignedDuration::from_mins(5);

    fn good(&self, account: &ServiceAccount, now: Timestamp) -> Option<SecretString> {
        self.state()
            .as_ref()
            .filter(|kept| kept.email == account.email && now < kept.until)
            .map(|kept| kept.token.clone())
    }

    fn keep(&self, token: &SecretString, account: &ServiceAccount, until: Timestamp) {
        *self.state() = Some(Kept { token: token.clone(), email: account.email.clone(), until });
    }

    /// Forgets `refused`, unless it was replaced meanwhile.
    pub(crate) fn forget(&self, refused: &SecretString) {
        let mut state = self.state();
        if state.as_ref().is_some_and(|kept| kept.token.expose_secret() == refused.expose_secret()) {
            *state = None;
        }
    }

    // A poisoned lock still holds a whole token: no code panics while it is half written.
    fn state(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SheetsTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SheetsTokens").field("kept", &self.state().is_some()).finish()
    }
}

const LEAST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(10);

/// The kept token, or a new one.
pub(crate) async fn access(
    http: &HttpClient,
    clock: &dyn Clock,
    deadline: Timestamp,
    account: &ServiceAccount,
    tokens: &SheetsTokens,
) -> Result<SecretString, SheetsError> {
    if let Some(token) = tokens.good(account, clock.now()) {
        return Ok(token);
    }
    let mut patience = Patience::new(clock, deadline);
    let mut reason = "no time left".to_owned();
    while let Some(timeout) = patience.timeout(LEAST, LONGEST) {
        let now = clock.now();
        let assertion = account.assertion(now).map_err(|error| SheetsError::Login(error.to_string()))?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose_secret()),
        ];
        let wait = match http.send(Request::post(&account.token_uri).form(&form).timeout(timeout)).await {
            Ok(answer) if answer.is_success() => {
                let (token, seconds) = granted(&answer).map_err(SheetsError::Login)?;
                let until =
                    now.checked_add(SignedDuration::from_secs(seconds) - SheetsTokens::SPARE).unwrap_or(now);
                tokens.keep(&token, account, until);
                return Ok(token);
            }
            Ok(answer) if answer.status == 429 || answer.status >= 500 => {
                reason = format!("status {}", answer.status);
                asked_wait(&answer)
            }
            Ok(answer) => {
                return Err(SheetsError::Login(format!(
                    "{} {}",
                    answer.status,
                    refusal(&answer, &assertion)
                )));
            }
            Err(error @ (HttpError::NotSent { .. } | HttpError::Lost { .. })) => {
                reason = error.to_string();
                Duration::ZERO
            }
            Err(error) => return Err(SheetsError::Login(error.to_string())),
        };
        if !patience.again(wait, &reason).await {
            break;
        }
    }
    Err(SheetsError::Unavailable {
        what: "token".to_owned(),
        reason: format!("{reason} (tries: {})", patience.made()),
    })
}

/// The token of an answer, and the seconds it lives.
fn granted(answer: &Response) -> Result<(SecretString, i64), String> {
    // Nothing of the answer is quoted: it holds the token.
    let body = answer.json().map_err(|error| {
        format!("body: got {} bytes that do not read ({error}), expected JSON", answer.body.len())
    })?;
    let token = body.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    let token = token.ok_or("access_token: got none, expected a text")?;
    let seconds =
        body.get("expires_in").and_then(Value::as_i64).filter(|seconds| (1..=86_400).contains(seconds));
    Ok((
        SecretString::from(token),
        seconds.ok_or("expires_in: got none within a day, expected whole seconds")?,
    ))
}

/// Why no token was given: the two fields that RFC 6749 foresees, and nothing of any other shape.
fn refusal(answer: &Response, assertion: &SecretString) -> String {
    let body = answer.json().unwrap_or_default();
    let words: Vec<&str> =
        ["error", "error_description"].iter().filter_map(|field| body.get(*field)?.as_str()).collect();
    if words.is_empty() {
        return format!("({} bytes in no known shape, not shown)", answer.body.len());
    }
    wire::line(&words.join(": "), &[assertion.expose_secret()])
}
