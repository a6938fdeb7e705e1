//! Tokens (docs/reference/schwab.md, Login and tokens): the refresh, and the check of every call.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Query, Request, State};
use axum::http::header::{AUTHORIZATION, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gamma_sim_core::random::{Stream, stream_at, text};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::errors::{MarketDataError, TraderError};
use super::logins::LoginId;
use super::{Face, SchwabConfig, wire};

const ACCESS_LIFE: SignedDuration = SignedDuration::from_secs(1800);
const REFRESH_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a code may be made into tokens.
const CODE_LIFE: SignedDuration = SignedDuration::from_secs(30);
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The tokens that are good.
pub(super) struct Tokens {
    seed: u64,
    refresh: SecretString,
    login: Timestamp,
    /// Access tokens by when they end. A refresh does not end the ones before.
    access: Vec<(SecretString, Timestamp)>,
    issued: u64,
    /// The code of a login that has not been made into tokens yet, where it leads back to, and until when it
    /// is good.
    code: Option<(String, String, Timestamp)>,
}

impl Tokens {
    /// Those of one login. The access token, where there is one, is good from `start` on, the refresh token
    /// from `login` on.
    pub(super) fn new(
        refresh: &SecretString,
        access: Option<&SecretString>,
        seed: u64,
        (start, login): (Timestamp, Timestamp),
    ) -> Self {
        let access = access.into_iter().map(|token| (token.clone(), start + ACCESS_LIFE)).collect();
        Self { seed, refresh: refresh.clone(), login, access, issued: 0, code: None }
    }

    /// A person logs in: the code that the browser brings back to `callback`.
    fn logged_in(&mut self, callback: &str, now: Timestamp) -> String {
        self.issued += 1;
        let code =
            format!("C0.{}@", text(&mut stream_at(self.seed, Stream::Tokens, self.issued), LETTERS, 48));
        self.code = Some((code.clone(), callback.to_owned(), now + CODE_LIFE));
        code
    }

    /// The code made into tokens, once. Those of the login before are over at once.
    fn exchanged(&mut self, code: &str, callback: &str, now: Timestamp) -> Option<Value> {
        let (good, registered, until) = self.code.take()?;
        if good != code || registered != callback || now >= until {
            return None;
        }
        self.access.clear();
        self.login = now;
        Some(self.refreshed(true, now))
    }

    /// Every access token given out so far is over.
    pub(super) fn end_access(&mut self, now: Timestamp) {
        self.access.iter_mut().for_each(|(_, end)| *end = now.min(*end));
    }

    /// The refresh token is over; the one that takes its place is known to nobody.
    pub(super) fn end_refresh(&mut self) {
        self.issued += 1;
        let mut random = stream_at(self.seed, Stream::Tokens, self.issued);
        self.refresh = format!("{}@", text(&mut random, LETTERS, 64)).into();
    }

    /// Whether the headers carry an access token of this login, also one that has ended.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        bearer(headers).is_ok_and(|token| self.end_of(token).is_some())
    }

    fn end_of(&self, token: &str) -> Option<Timestamp> {
        self.access.iter().find(|(known, _)| known.expose_secret() == token).map(|(_, end)| *end)
    }

    /// A refresh does not lengthen the seven days: they count from the login.
    fn refreshes(&self, token: &str, now: Timestamp) -> bool {
        self.refresh.expose_secret() == token && now < self.login + REFRESH_LIFE
    }

    fn refreshed(&mut self, rotate: bool, now: Timestamp) -> Value {
        self.issued += 1;
        let mut random = stream_at(self.seed, Stream::Tokens, self.issued);
        let access = format!("I0.{}@", text(&mut random, LETTERS, 48));
        if rotate {
            self.refresh = format!("{}@", text(&mut random, LETTERS, 64)).into();
        }
        self.access.retain(|(_, end)| *end > now);
        self.access.push((access.clone().into(), now + ACCESS_LIFE));
        json!({
            "expires_in": ACCESS_LIFE.as_secs(),
            "token_type": "Bearer",
            "scope": "api",
            "refresh_token": self.refresh.expose_secret(),
            "access_token": access,
            "id_token": "eyJhbGciOiJSUzI1NiJ9.e30.simulated",
        })
    }
}

/// `POST /v1/oauth/token`.
pub(super) async fn token(
    State(face): State<Arc<Face>>,
    headers: HeaderMap,
    form: Result<Form<BTreeMap<String, String>>, FormRejection>,
) -> Response {
    if headers.get(AUTHORIZATION).map(|value| value.as_bytes()) != Some(basic(&face.config).as_bytes()) {
        return refusal(StatusCode::UNAUTHORIZED, "invalid_client", "Unauthorized");
    }
    let Ok(Form(form)) = form else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "The body must be a form");
    };
    match (form.get("grant_type").map(String::as_str), form.get("refresh_token")) {
        (Some("refresh_token"), Some(token)) => {
            let now = face.clock.now();
            let mut state = face.state();
            let tokens = state.logins.iter_mut().find(|tokens| tokens.refreshes(token, now));
            tokens.map_or_else(dead_refresh_token, |tokens| {
                wire::ok(&tokens.refreshed(face.config.rotate_refresh_token, now))
            })
        }
        (Some("refresh_token"), None) => {
            refusal(StatusCode::BAD_REQUEST, "invalid_request", "refresh_token is required")
        }
        (Some("authorization_code"), _) => {
            let (now, field) =
                (face.clock.now(), |name: &str| form.get(name).map(String::as_str).unwrap_or_default());
            let exchanged = face
                .state()
                .logins
                .iter_mut()
                .find_map(|tokens| tokens.exchanged(field("code"), field("redirect_uri"), now));
            let refused = || {
                refusal(
                    StatusCode::BAD_REQUEST,
                    "invalid_request",
                    "The authorization code is invalid or has expired",
                )
            };
            exchanged.map_or_else(refused, |tokens| wire::ok(&tokens))
        }
        _ => refusal(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "grant_type must be refresh_token or authorization_code",
        ),
    }
}

/// `GET /v1/oauth/authorize`: whoever comes is the face's own login and consents. The browser is sent back at
/// once.
pub(super) async fn authorize(
    State(face): State<Arc<Face>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let field = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    if field("client_id") != face.config.app_key.expose_secret()
        || field("response_type") != "code"
        || field("redirect_uri").is_empty()
    {
        return refusal(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "client_id, response_type and redirect_uri must be an application's",
        );
    }
    let now = face.clock.now();
    let Some(code) =
        face.state().logins.first_mut().map(|tokens| tokens.logged_in(field("redirect_uri"), now))
    else {
        return refusal(StatusCode::BAD_REQUEST, "invalid_request", "There is no login");
    };
    let back = format!(
        "{}?code={}&session={}&state={}",
        field("redirect_uri"),
        code.replace('@', "%40"),
        face.next_uuid(),
        field("state")
    );
    (StatusCode::FOUND, [(LOCATION, back)]).into_response()
}

fn basic(config: &SchwabConfig) -> String {
    let pair = format!("{}:{}", config.app_key.expose_secret(), config.app_secret.expose_secret());
    format!("Basic {}", STANDARD.encode(pair))
}

fn refusal(status: StatusCode, error: &str, description: &str) -> Response {
    wire::json(status, &json!({ "error": error, "error_description": description }))
}

/// The inner text is what Schwab sends: quotes inside quotes, and no JSON of its own.
fn dead_refresh_token() -> Response {
    let inner = "400 Bad Request: \"{\"error_description\":\"Exception while authenticating refresh token [tokenDigest=simulated, \
                 Exception=Failed refresh token authentication]\",\"error\":\"refresh_token_authentication_error\"}\"";
    refusal(StatusCode::BAD_REQUEST, "unsupported_token_type", inner)
}

fn bearer(headers: &HeaderMap) -> Result<&str, &'static str> {
    let value = headers.get(AUTHORIZATION).ok_or("Missing header")?;
    value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).ok_or("Invalid header")
}

impl Face {
    /// Whose token the headers carry, or why it is no authorisation.
    fn authorised(&self, headers: &HeaderMap) -> Result<LoginId, &'static str> {
        let token = bearer(headers)?;
        let (now, state) = (self.clock.now(), self.state());
        match state.logins.iter().enumerate().find_map(|(login, tokens)| Some((login, tokens.end_of(token)?)))
        {
            None => Err("Invalid access token"),
            Some((_, end)) if end <= now => Err("Access token is expired"),
            Some((login, _)) => Ok(LoginId(login)),
        }
    }
}

/// Lets only calls with a good access token through to the trader API, and says whose it is.
pub(super) async fn require_for_trader(
    State(face): State<Arc<Face>>,
    mut request: Request,
    next: Next,
) -> Response {
    let authorised = face.authorised(request.headers());
    match authorised {
        Err(detail) => TraderError::unauthorized(detail).into_response(),
        Ok(login) => {
            request.extensions_mut().insert(login);
            next.run(request).await
        }
    }
}

/// Lets only calls with a good access token through to the market data API.
pub(super) async fn require_for_market_data(
    State(face): State<Arc<Face>>,
    request: Request,
    next: Next,
) -> Response {
    let authorised = face.authorised(request.headers());
    match authorised {
        Err(detail) => MarketDataError::unauthorized(face.next_uuid(), detail).into_response(),
        Ok(_) => next.run(request).await,
    }
}
