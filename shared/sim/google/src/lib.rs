//! A face that speaks Google's: the token endpoint of service accounts and the Sheets API, version 4.
//!
//! It has one account, whose key file is [`Google::service_account`], and the spreadsheets that are made
//! through [`Spreadsheets`]. Ranges, refusals and what appending takes for a table are Google's
//! (docs/reference/google.md, and the API's own guide and reference pages); public clients check it from
//! outside. A write is done whole or not at all.
//!
//! What is typed is a date, number or boolean where Google makes one of it ([`Locale`] says in which order a
//! date is read), and is read back as such. Where it knowingly differs: formulas are never computed (`#NAME?`
//! where a result would stand), formats are read over, a request of `spreadsheets:batchUpdate` that is not
//! one of the eight it does is refused, titles in ranges are told apart by capitals, and a read without any
//! token is 401 where Google, which takes keys there, says 403. What Google says to a batch's rarer mistakes
//! (dimensions beyond the grid) is worded freely.
//!
//! `GET /browse` shows people what stands in the spreadsheets; it needs no token.

mod a1;
mod batch;
mod book;
mod browse;
mod calls;
mod cell;
mod errors;
mod misfortune;
mod oauth;
mod query;
mod quota;
mod requests;
mod service_account;
mod shown;
mod spreadsheets;
mod tab;
mod values;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use gamma_sim_core::time::VirtualClock;
use jiff::Timestamp;
use secrecy::SecretString;

use book::Book;
use calls::Call;
pub use cell::{Entered, Locale};
use errors::{ApiError, front_end_page};
use oauth::Tokens;
use quota::Meter;
pub use quota::Quota;
pub use spreadsheets::{NotEntered, Spreadsheets};
pub use tab::Tab;

/// Bytes of a request's body: what Google takes at least.
const LARGEST_BODY: usize = 10 << 20;

/// How Google behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GoogleConfig {
    /// How many requests a minute takes; `None` for any number.
    pub quota: Option<Quota>,
    /// Whether an assertion may go by the machine's clock instead of the virtual one: public clients know no
    /// other.
    pub accept_real_time: bool,
}

/// The face. Clones are the same face.
#[derive(Clone)]
pub struct Google(Arc<Face>);

struct Face {
    clock: VirtualClock,
    accept_real_time: bool,
    state: Mutex<FaceState>,
}

struct FaceState {
    tokens: Tokens,
    books: Vec<Book>,
    meter: Meter,
    token_uri: String,
}

impl Google {
    /// A face without spreadsheets, whose tokens follow from `seed`.
    #[must_use]
    pub fn new(config: GoogleConfig, seed: u64, clock: VirtualClock) -> Self {
        let meter = Meter::new(config.quota);
        let state = FaceState {
            tokens: Tokens::new(seed),
            books: Vec::new(),
            meter,
            token_uri: "http://127.0.0.1:9/token".into(),
        };
        Self(Arc::new(Face { clock, accept_real_time: config.accept_real_time, state: Mutex::new(state) }))
    }

    /// Every route of the face.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/token", post(token))
            .route("/v4/spreadsheets/{*rest}", any(call))
            .route("/browse", get(browse_all))
            .route("/browse/{id}", get(browse_one))
            .fallback(async || front_end_page(StatusCode::NOT_FOUND))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .with_state(Arc::clone(&self.0))
    }

    /// Where the face is: its key file says so.
    pub fn set_url(&self, url: &str) {
        self.0.state().token_uri = format!("{url}/token");
    }

    /// The key file of the one service account, JSON as Google's console gives it.
    #[must_use]
    pub fn service_account(&self) -> SecretString {
        service_account::file(&self.0.state().token_uri)
    }

    /// The spreadsheets that the service account may see, to be made, looked at and changed from outside the
    /// API.
    #[must_use]
    pub fn spreadsheets(&self) -> Spreadsheets {
        Spreadsheets(Arc::clone(&self.0))
    }
}

impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Google").field("spreadsheets", &self.spreadsheets()).finish_non_exhaustive()
    }
}

impl Face {
    fn state(&self) -> MutexGuard<'_, FaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of<T>(&self, id: &str, look: impl FnOnce(&Book) -> T) -> Option<T> {
        self.state().books.iter().find(|book| book.id == id).map(look)
    }

    /// Checks the caller, then does what is asked on a copy, which takes the spreadsheet's place if nothing
    /// was refused.
    fn answer(
        &self,
        id: &str,
        call: &Call,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Response, ApiError> {
        let now = self.clock.now();
        let mut state = self.state();
        state.tokens.admit(headers, call.writes(), now)?;
        state.meter.count(call.writes(), now)?;
        let book = state.books.iter_mut().find(|book| book.id == id).ok_or_else(ApiError::not_found)?;
        if book.forbidden {
            return Err(ApiError::not_permitted());
        }
        let mut changed = book.clone();
        let answer = call.run(&mut changed, uri, body)?;
        if call.writes() {
            changed.within_limits()?;
            changed.writes += 1;
            *book = changed;
        }
        Ok(axum::Json(answer).into_response())
    }
}

async fn token(State(face): State<Arc<Face>>, grant: oauth::Grant) -> Response {
    let mut clocks = vec![face.clock.now()];
    if face.accept_real_time {
        clocks.push(machines_clock());
    }
    let mut state = face.state();
    let token_uri = state.token_uri.clone();
    oauth::token(&mut state.tokens, &grant, &token_uri, &clocks)
}

#[allow(
    clippy::disallowed_methods,
    reason = "public clients sign their assertions by the machine's clock; a switch allows for that"
)]
fn machines_clock() -> Timestamp {
    Timestamp::now()
}

async fn call(
    State(face): State<Arc<Face>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match Call::of(&method, uri.path()) {
        Some((id, call)) => {
            face.answer(&id, &call, &uri, &headers, &body).unwrap_or_else(IntoResponse::into_response)
        }
        None => front_end_page(StatusCode::NOT_FOUND),
    }
}

async fn browse_all(State(face): State<Arc<Face>>) -> Html<String> {
    Html(browse::list(face.state().books.iter()))
}

async fn browse_one(State(face): State<Arc<Face>>, Path(id): Path<String>) -> Response {
    match face.of(&id, browse::spreadsheet) {
        Some(page) => Html(page).into_response(),
        None => (StatusCode::NOT_FOUND, Html(browse::nothing())).into_response(),
    }
}
