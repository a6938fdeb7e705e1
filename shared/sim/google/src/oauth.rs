//! `POST /token`: an access token for a signed assertion (RFC 7523), and the check of every call's bearer.

use std::collections::BTreeMap;

use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gamma_sim_core::random::{Stream, stream_at, text};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::errors::ApiError;
use super::service_account::{EMAIL, KEY_ID, signed};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// What Google's own libraries write as the audience, whatever the key file says.
const GOOGLES_AUDIENCE: &str = "https://oauth2.googleapis.com/token";
const SCOPES: &str = "https://www.googleapis.com/auth/";
const LIFE: SignedDuration = SignedDuration::from_secs(3599);
/// How much an assertion's clock may be ahead.
const AHEAD: i64 = 300;
const LONGEST: i64 = 3600;
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const TIMES: &str = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.";

/// The access tokens that were given out.
pub(super) struct Tokens {
    seed: u64,
    issued: u64,
    good: Vec<Token>,
}

struct Token {
    text: SecretString,
    ends: Timestamp,
    writes: bool,
}

/// Why an assertion is refused: `error` and `error_description`.
type Refusal = (&'static str, String);

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    aud: Option<String>,
    scope: Option<String>,
    iat: Option<i64>,
    exp: Option<i64>,
}

impl Tokens {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, issued: 0, good: Vec::new() }
    }

    /// Every token given out so far is over.
    pub(super) fn end(&mut self) {
        self.good.clear();
    }

    fn issue(&mut self, writes: bool, now: Timestamp) -> SecretString {
        self.issued += 1;
        let mut random = stream_at(self.seed, Stream::GoogleTokens, self.issued);
        let token: SecretString = format!("ya29.c.{}", text(&mut random, LETTERS, 120)).into();
        self.good.retain(|token| now < token.ends);
        self.good.push(Token { text: token.clone(), ends: now + LIFE, writes });
        token
    }

    /// Lets calls through that carry a good token; one that writes must have asked for that.
    pub(super) fn admit(&self, headers: &HeaderMap, writes: bool, now: Timestamp) -> Result<(), ApiError> {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(value) = value else { return Err(ApiError::unauthenticated(true)) };
        let given = value.strip_prefix("Bearer ").unwrap_or("");
        let known = self.good.iter().find(|token| token.text.expose_secret() == given && now < token.ends);
        match known {
            None => Err(ApiError::unauthenticated(false)),
            Some(token) if writes && !token.writes => Err(ApiError::narrow_scope()),
            Some(_) => Ok(()),
        }
    }
}

/// What a client posts.
pub(super) type Grant = Result<Form<BTreeMap<String, String>>, FormRejection>;

/// Answers a request for a token. `clocks` are the times the assertion may go by, the first of them the
/// face's own.
pub(super) fn token(tokens: &mut Tokens, grant: &Grant, token_uri: &str, clocks: &[Timestamp]) -> Response {
    let now = clocks.first().copied().unwrap_or_default();
    match granted(grant, token_uri, clocks) {
        Ok(writes) => {
            let token = tokens.issue(writes, now);
            let body = json!({ "access_token": token.expose_secret(), "expires_in": LIFE.as_secs(), "token_type": "Bearer" });
            (StatusCode::OK, [(CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
        }
        Err((error, description)) => {
            (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": error, "error_description": description })))
                .into_response()
        }
    }
}

/// Whether the token may write.
fn granted(grant: &Grant, token_uri: &str, clocks: &[Timestamp]) -> Result<bool, Refusal> {
    let Ok(Form(form)) = grant else {
        return Err(("invalid_request", "Could not parse the request body.".to_owned()));
    };
    match form.get("grant_type").map(String::as_str) {
        Some(GRANT) => {}
        Some(other) => return Err(("unsupported_grant_type", format!("Invalid grant_type: {other}"))),
        None => return Err(("invalid_request", "Missing parameter: grant_type".to_owned())),
    }
    let assertion = form
        .get("assertion")
        .ok_or_else(|| ("invalid_request", "Missing parameter: assertion".to_owned()))?;
    let claims = verified(assertion)?;
    if claims.aud.as_deref().is_none_or(|aud| aud != token_uri && aud != GOOGLES_AUDIENCE) {
        return Err(("invalid_grant", format!("Failed audience check. The right audience is {token_uri}")));
    }
    if !clocks.iter().any(|now| in_time(&claims, *now)) {
        return Err(("invalid_grant", TIMES.to_owned()));
    }
    let scope = claims.scope.unwrap_or_default();
    let scopes: Vec<&str> =
        scope.split_ascii_whitespace().filter_map(|scope| scope.strip_prefix(SCOPES)).collect();
    let has = |wanted: &[&str]| scopes.iter().any(|scope| wanted.contains(scope));
    let writes = has(&["spreadsheets", "drive", "drive.file"]);
    let reads = writes || has(&["spreadsheets.readonly", "drive.readonly"]);
    reads
        .then_some(writes)
        .ok_or_else(|| ("invalid_scope", "Invalid OAuth scope or ID token audience provided.".to_owned()))
}

fn verified(assertion: &str) -> Result<Claims, Refusal> {
    let malformed = || ("invalid_grant", "Invalid JWT: Failed to parse the JWT.".to_owned());
    let unsigned = || ("invalid_grant", "Invalid JWT Signature.".to_owned());
    let (message, signature) = assertion.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).map_err(|_| malformed());
    let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| malformed())?;
    let claims: Claims = serde_json::from_slice(&decoded(claims)?).map_err(|_| malformed())?;
    if claims.iss.as_deref() != Some(EMAIL) {
        return Err(("invalid_grant", "Invalid grant: account not found".to_owned()));
    }
    // Without a key id every key of the account is tried, and it has one.
    let known = header.alg == "RS256" && header.kid.as_deref().is_none_or(|kid| kid == KEY_ID);
    (known && signed(message, &decoded(signature)?)).then_some(claims).ok_or_else(unsigned)
}

fn in_time(claims: &Claims, now: Timestamp) -> bool {
    let now = now.as_second();
    let (Some(from), Some(until)) = (claims.iat, claims.exp) else { return false };
    from <= now + AHEAD && now < until && from < until && until.saturating_sub(from) <= LONGEST
}
