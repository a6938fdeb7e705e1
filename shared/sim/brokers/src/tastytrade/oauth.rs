//! Tokens (docs/reference/tastytrade.md, Login and tokens): the refresh, and the checks of every call.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gamma_sim_core::random::{Stream, stream_at, text};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::errors::ApiError;
use super::{Face, wire};

const ACCESS_LIFE: SignedDuration = SignedDuration::from_secs(900);
const QUOTE_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(24);
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The tokens that are good.
pub(super) struct Tokens {
    seed: u64,
    refresh: SecretString,
    /// Access tokens by when they end. A refresh does not end the ones before.
    access: Vec<(SecretString, Timestamp)>,
    /// Tokens for streaming quotes, by when they end.
    quotes: Vec<(SecretString, Timestamp)>,
    issued: u64,
    /// The code of a grant that has not been made into tokens yet, and where it leads back to.
    code: Option<(String, String)>,
}

/// A token for streaming quotes.
pub(super) struct QuoteToken {
    pub(super) token: SecretString,
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
}

impl Tokens {
    /// Those of the login. The access token, where there is one, is good from `start` on.
    pub(super) fn new(
        refresh: &SecretString,
        access: Option<&SecretString>,
        seed: u64,
        start: Timestamp,
    ) -> Self {
        let access = access.into_iter().map(|token| (token.clone(), start + ACCESS_LIFE)).collect();
        Self { seed, refresh: refresh.clone(), access, quotes: Vec::new(), issued: 0, code: None }
    }

    /// Every access token given out so far is over.
    pub(super) fn end_access(&mut self, now: Timestamp) {
        self.access.iter_mut().for_each(|(_, end)| *end = now.min(*end));
    }

    /// The refresh token is over; the one that takes its place is known to nobody.
    pub(super) fn end_refresh(&mut self) {
        self.refresh = self.new_token("", 64).into();
    }

    /// A new token for streaming quotes, good for a day.
    pub(super) fn issue_quote_token(&mut self, now: Timestamp) -> QuoteToken {
        let token: SecretString = self.new_token("", 80).into();
        let expires = now + QUOTE_TOKEN_LIFE;
        self.quotes.push((token.clone(), expires));
        QuoteToken { token, issued: now, expires }
    }

    /// Whether a token for streaming quotes is good.
    pub(super) fn streams(&self, token: &str, now: Timestamp) -> bool {
        self.quotes.iter().any(|(known, end)| known.expose_secret() == token && now < *end)
    }

    fn end_of(&self, token: &str) -> Option<Timestamp> {
        self.access.iter().find(|(known, _)| known.expose_secret() == token).map(|(_, end)| *end)
    }

    fn new_token(&mut self, prefix: &str, length: usize) -> String {
        self.issued += 1;
        let mut random = stream_at(self.seed, Stream::TastytradeTokens, self.issued);
        format!("{prefix}{}", text(&mut random, LETTERS, length))
    }

    fn refreshed(&mut self, rotate: bool, now: Timestamp) -> Value {
        let access = self.new_token("eyJhbGciOiJFZERTQSJ9.e30.", 64);
        if rotate {
            self.end_refresh();
        }
        self.access.retain(|(_, end)| *end > now);
        self.access.push((access.clone().into(), now + ACCESS_LIFE));
        let mut shown = json!({
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": ACCESS_LIFE.as_secs(),
            "id_token": "eyJhbGciOiJFZERTQSJ9.e30.simulated",
        });
        if rotate {
            shown["refresh_token"] = self.refresh.expose_secret().into();
        }
        shown
    }
}

/// `POST /oauth/token`, JSON or a form. The secret stands in the body or in `Authorization: Basic`.
pub(super) async fn token(State(face): State<Arc<Face>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(fields) = fields(&headers, &body) else {
        return refused_request("The body must be a JSON object or a form");
    };
    let field = |name: &str| fields.get(name).map(String::as_str);
    let (basic_id, basic_secret) = basic(&headers).unzip();
    let secret = field("client_secret").or(basic_secret.as_deref());
    let id = field("client_id").or(basic_id.as_deref());
    let known = secret == Some(face.config.client_secret.expose_secret())
        && id.is_none_or(|id| id == face.config.client_id);
    match (field("grant_type"), field("refresh_token")) {
        (Some("refresh_token"), _) if !known => {
            refused_grant("invalid_client", "Client authentication failed")
        }
        (Some("refresh_token"), Some(token)) => {
            let now = face.clock.now();
            let mut state = face.state();
            if state.tokens.refresh.expose_secret() == token {
                wire::json(StatusCode::OK, &state.tokens.refreshed(face.config.rotate_refresh_token, now))
            } else {
                refused_grant("invalid_grant", "Grant revoked")
            }
        }
        (Some("refresh_token"), None) => refused_request("Missing parameter: refresh_token"),
        (Some("authorization_code"), _) if !known || id.is_none() => {
            refused_grant("invalid_client", "Client authentication failed")
        }
        (Some("authorization_code"), _) => {
            let now = face.clock.now();
            let mut state = face.state();
            let granted =
                state.tokens.code.take().filter(|(code, back)| {
                    (field("code"), field("redirect_uri")) == (Some(code), Some(back))
                });
            match granted {
                Some(_) => wire::json(StatusCode::OK, &state.tokens.refreshed(true, now)),
                None => refused_grant("invalid_grant", "Code is invalid or has expired"),
            }
        }
        _ => refused_request("grant_type must be refresh_token or authorization_code"),
    }
}

/// `GET /auth.html`, the consent page: whoever comes is the face's own login and consents. The browser is
/// sent back at once.
pub(super) async fn consent(
    State(face): State<Arc<Face>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    if field("client_id") != face.config.client_id
        || field("response_type") != "code"
        || field("redirect_uri").is_empty()
    {
        return refused_request("client_id, response_type and redirect_uri must be an application's");
    }
    let mut state = face.state();
    let code = state.tokens.new_token("", 48);
    state.tokens.code = Some((code.clone(), field("redirect_uri").to_owned()));
    let back = format!("{}?code={code}&state={}", field("redirect_uri"), field("state"));
    (StatusCode::FOUND, [(LOCATION, back)]).into_response()
}

/// `POST /sessions`, the login of old.
pub(super) async fn sessions() -> ApiError {
    ApiError::gone("Session logins are no longer supported. Please use OAuth.")
}

fn fields(headers: &HeaderMap, body: &[u8]) -> Option<BTreeMap<String, String>> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let uri = format!("/?{}", std::str::from_utf8(body).ok()?).parse().ok()?;
        return axum::extract::Query::try_from_uri(&uri).ok().map(|axum::extract::Query(fields)| fields);
    }
    let object: BTreeMap<String, Value> = serde_json::from_slice(body).ok()?;
    Some(object.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect())
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let encoded = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    pair.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

/// Here `error` is text and no object.
fn refused_grant(error: &str, description: &str) -> Response {
    wire::json(StatusCode::BAD_REQUEST, &json!({ "error": error, "error_description": description }))
}

/// And here there is none at all.
pub(super) fn refused_request(description: &str) -> Response {
    wire::json(
        StatusCode::BAD_REQUEST,
        &json!({ "error_code": "invalid_request", "error_description": description }),
    )
}

/// Lets only calls with a good access token through.
pub(super) async fn require(State(face): State<Arc<Face>>, request: Request, next: Next) -> Response {
    let value = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let refusal = match value.map(|text| text.strip_prefix("Bearer ")) {
        None => Some(("unauthorized", "Missing Authorization header")),
        Some(None) => Some(("invalid_credentials", "The Authorization header must carry a Bearer token")),
        Some(Some(token)) => {
            let now = face.clock.now();
            let good = face.state().tokens.end_of(token).is_some_and(|end| now < end);
            (!good).then_some(("token_invalid", "This token is invalid or has expired"))
        }
    };
    match refusal {
        Some((code, message)) => ApiError::unauthorized(code, message).into_response(),
        None => next.run(request).await,
    }
}

/// The proxy in front of the service turns nameless programs away, in its own words.
pub(super) async fn require_user_agent(request: Request, next: Next) -> Response {
    if request.headers().get(USER_AGENT).is_some_and(|value| !value.is_empty()) {
        return next.run(request).await;
    }
    let page = "<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\r\n<center><h1>401 Authorization Required</h1></center>\r\n\
                <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    (StatusCode::UNAUTHORIZED, [(CONTENT_TYPE, "text/html")], page).into_response()
}
