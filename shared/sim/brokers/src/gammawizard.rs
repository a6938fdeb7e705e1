//! A face that speaks GammaWizard's API (docs/reference/gammawizard.md).
//!
//! A login for an account's email and password, and one endpoint with the day's row and the rows before it. A
//! row is not there before the moment it is published.

mod published;
mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gamma_sim_core::faults::View;
use gamma_sim_core::time::VirtualClock;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

pub use rows::{PublishedRow, SignalChoice, default_rows, session_after, session_rows};

/// The account at the feed, and what the feed publishes. Everything is made up.
#[derive(Clone)]
pub struct GammaWizardConfig {
    /// The login's email.
    pub email: SecretString,
    /// The login's password.
    pub password: SecretString,
    /// The bearer token the login answers with.
    pub token: SecretString,
    /// How long after 16:13:30 Eastern a row is published.
    pub delay: jiff::SignedDuration,
    /// What the row of the trade date says, when the rows are the default ones.
    pub signal: SignalChoice,
    /// Every row with the moment it is published, oldest first; `None` for [`default_rows`].
    pub rows: Option<Vec<PublishedRow>>,
}

impl Default for GammaWizardConfig {
    fn default() -> Self {
        Self {
            email: "trader@example.com".into(),
            password: "simulated-password".into(),
            token: "simulated-signal-token".into(),
            delay: jiff::SignedDuration::ZERO,
            signal: SignalChoice::ShortCondor { vix_one: Decimal::new(20, 2) },
            rows: None,
        }
    }
}

impl fmt::Debug for GammaWizardConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GammaWizardConfig")
            .field("delay", &self.delay)
            .field("signal", &self.signal)
            .finish_non_exhaustive()
    }
}

struct Face {
    config: GammaWizardConfig,
    rows: Vec<PublishedRow>,
    clock: VirtualClock,
}

/// Every route of the face: it publishes `rows` and reads the time from `clock`.
pub fn router(config: GammaWizardConfig, rows: Vec<PublishedRow>, clock: VirtualClock) -> Router {
    Router::new()
        .route("/goauth/authenticateFireUser", post(authenticate))
        .route("/rapi/GetUltraPureConstantStable", get(constant_stable))
        .with_state(Arc::new(Face { config, rows, clock }))
}

async fn authenticate(
    State(face): State<Arc<Face>>,
    form: Result<Form<BTreeMap<String, String>>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        return refusal(StatusCode::BAD_REQUEST, "email and password are required as a form");
    };
    let is = |field: &str, secret: &SecretString| {
        form.get(field).is_some_and(|text| text == secret.expose_secret())
    };
    if is("email", &face.config.email) && is("password", &face.config.password) {
        Json(json!({ "token": face.config.token.expose_secret() })).into_response()
    } else {
        refusal(StatusCode::UNAUTHORIZED, "Invalid email or password")
    }
}

/// The newest published row as `Trade`, all published rows as `Predictions`, newest last.
async fn constant_stable(State(face): State<Arc<Face>>, view: View, headers: HeaderMap) -> Response {
    let expected = format!("Bearer {}", face.config.token.expose_secret());
    if headers.get(AUTHORIZATION).map(|value| value.as_bytes()) != Some(expected.as_bytes()) {
        return refusal(StatusCode::UNAUTHORIZED, "Unauthorized");
    }
    let now = face.clock.now();
    Json(published::body(&face.rows, now, view.faults())).into_response()
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "message": message }))).into_response()
}
