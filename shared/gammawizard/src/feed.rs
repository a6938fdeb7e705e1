//! The feed over HTTP.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use gamma_execution::ports::{Clock, SignalError, SignalSource, SignalView};
use gamma_http::retry::Backoff;
use gamma_http::{HttpClient, HttpError, Request, Response};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::{payload, token};

/// Where the login is, relative to the base address.
const LOGIN: &str = "goauth/authenticateFireUser";

/// No single exchange takes longer, in real time.
const LONGEST_CALL: Duration = Duration::from_secs(10);

/// Reads and logins can be repeated without harm, but the minutes before the close are few: 0.3 s and 0.6 s
/// between tries.
const BACKOFF: Backoff =
    Backoff { tries: 3, first: Duration::from_millis(300), factor: 2.0, longest: Duration::from_secs(1) };

/// How long after a refused login, or a refused token of a login, the next one is made. After the last nobody
/// logs in any more: refusals may be over in a moment, and more of them would lock the user out.
const BETWEEN_LOGINS: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(6)];

/// Where the feed is and how to get in.
#[derive(Debug, Clone)]
pub struct GammaWizardConfig {
    /// `https://gandalf.gammawizard.com`
    pub base_url: String,
    /// The feed's path below it, `rapi/GetUltraPureConstantStable`.
    pub endpoint: String,
    /// Login name; may be empty while a token is good.
    pub email: SecretString,
    /// Login password; may be empty while a token is good.
    pub password: SecretString,
    /// A token to try before logging in. Blanks, quotes and a leading `Bearer` are taken off; an empty one is
    /// none.
    pub token: Option<SecretString>,
}

/// The feed. One value serves one run: it keeps the token of its login for the reads that follow.
pub struct GammaWizard {
    http: HttpClient,
    feed_url: String,
    login_url: String,
    email: SecretString,
    password: SecretString,
    token: Mutex<Option<SecretString>>,
    refusals: Mutex<Refusals>,
    clock: Arc<dyn Clock>,
}

/// Refusals since the feed last answered.
#[derive(Default)]
struct Refusals {
    made: usize,
    /// No login before this moment.
    next: Option<Timestamp>,
}

/// What the feed said to a token.
enum Reply {
    Body(Vec<u8>),
    /// 401, or 403 in the feed's own words.
    TokenRefused(u16),
}

impl GammaWizard {
    /// A feed read through `http`. Nothing is sent yet.
    #[must_use]
    pub fn new(http: HttpClient, config: GammaWizardConfig, clock: Arc<dyn Clock>) -> Self {
        let below_base = |path: &str| {
            format!("{}/{}", config.base_url.trim_end_matches('/'), path.trim_start_matches('/'))
        };
        Self {
            http,
            feed_url: below_base(&config.endpoint),
            login_url: below_base(LOGIN),
            email: config.email,
            password: config.password,
            token: Mutex::new(config.token.as_ref().and_then(token::clean)),
            refusals: Mutex::default(),
            clock,
        }
    }

    /// The feed's answer: with the token at hand where there is one, else, or when that is refused, with a
    /// new login's.
    async fn body(&self, deadline: Timestamp) -> Result<Vec<u8>, SignalError> {
        if let Some(token) = self.kept_token() {
            match self.ask(&token, deadline).await? {
                Reply::Body(body) => return Ok(self.answered(body)),
                Reply::TokenRefused(status) => {
                    tracing::info!(status, "signal feed refused the token at hand, logging in")
                }
            }
        }
        let token = self.login(deadline).await?;
        self.keep_token(token.clone());
        match self.ask(&token, deadline).await? {
            Reply::Body(body) => Ok(self.answered(body)),
            Reply::TokenRefused(status) => {
                Err(self.refused(format!("the feed answered {status} to the token of a login just made")))
            }
        }
    }

    async fn ask(&self, token: &SecretString, deadline: Timestamp) -> Result<Reply, SignalError> {
        let answer = self.send(|| Request::get(&self.feed_url).bearer(token), deadline).await?;
        match answer.status {
            200..=299 => Ok(Reply::Body(answer.body)),
            403 if is_page(&answer) => Err(SignalError::Unavailable(format!(
                "GET {}: 403 with a page of the edge before the feed",
                self.feed_url
            ))),
            status @ (401 | 403) => Ok(Reply::TokenRefused(status)),
            429 => Err(SignalError::Unavailable("the feed answered 429, too many requests".into())),
            status => Err(SignalError::Malformed(format!(
                "status of GET {}: got {status}, expected 200",
                self.feed_url
            ))),
        }
    }

    async fn login(&self, deadline: Timestamp) -> Result<SecretString, SignalError> {
        let (email, password) = (self.email.expose_secret(), self.password.expose_secret());
        self.may_log_in()?;
        if email.trim().is_empty() || password.is_empty() {
            let why = "no token that the feed takes, and no email and password to get one with".to_owned();
            // The token at hand may be taken in a moment.
            return Err(if self.kept_token().is_some() {
                self.refused(why)
            } else {
                SignalError::Login(why)
            });
        }
        let answer = self
            .send(
                || Request::post(&self.login_url).form(&[("email", email), ("password", password)]),
                deadline,
            )
            .await?;
        // Nothing of the answer is quoted: a refusal may echo the form, and a success holds the token.
        match answer.status {
            200..=299 => token::from_login(&answer.body).ok_or_else(|| {
                self.refused("token: none in the login's answer, expected a text under token or Token".into())
            }),
            429 => Err(self.not_now("the login answered 429, too many requests")),
            403 if is_page(&answer) => Err(self.not_now("the login: 403 with a page of the edge before it")),
            status => Err(self.refused(format!("email and password refused with status {status}"))),
        }
    }

    /// Whether it is time for a login.
    fn may_log_in(&self) -> Result<(), SignalError> {
        let refusals = self.refusals();
        if refusals.made > BETWEEN_LOGINS.len() {
            return Err(SignalError::Login(format!(
                "refused {} times, nobody logs in any more",
                refusals.made
            )));
        }
        match refusals.next.filter(|next| *next > self.clock.now()) {
            Some(next) => Err(SignalError::Unavailable(format!(
                "a login was refused a moment ago, the next is made at {next}"
            ))),
            None => Ok(()),
        }
    }

    /// A login, or the token of one, was refused: it may pass, until it was refused as often as it may be.
    fn refused(&self, why: String) -> SignalError {
        let mut refusals = self.refusals();
        let wait = BETWEEN_LOGINS.get(refusals.made).copied();
        refusals.made += 1;
        match wait {
            Some(wait) => {
                refusals.next = Some(later(self.clock.now(), wait));
                SignalError::Unavailable(format!(
                    "login: {why}; a login is tried again after {} s",
                    wait.as_secs()
                ))
            }
            None => {
                SignalError::Login(format!("{why}; refused {} times, nobody logs in any more", refusals.made))
            }
        }
    }

    /// No answer of the login itself: that is no refusal, but neither is it asked for every second.
    fn not_now(&self, why: &str) -> SignalError {
        self.refusals().next = Some(later(self.clock.now(), BETWEEN_LOGINS[0]));
        SignalError::Unavailable(why.to_owned())
    }

    /// The feed took the token: whatever was refused before is over.
    fn answered(&self, body: Vec<u8>) -> Vec<u8> {
        *self.refusals() = Refusals::default();
        body
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until an answer below 500 comes, three times at most and never past `deadline`. Answers of 4xx
    /// are not asked for again.
    async fn send(
        &self,
        request: impl Fn() -> Request + Send + Sync,
        deadline: Timestamp,
    ) -> Result<Response, SignalError> {
        let mut made = 0;
        loop {
            let Some(left) = self.left(deadline) else {
                return Err(SignalError::Unavailable(format!(
                    "{}: no time left for try {}",
                    request().target(),
                    made + 1
                )));
            };
            let request = request().timeout(left.min(LONGEST_CALL));
            let target = request.target();
            let failure = match self.http.send(request).await {
                Ok(answer) if answer.status < 500 => return Ok(answer),
                Ok(answer) => format!("{target}: status {}", answer.status),
                Err(error @ (HttpError::Lost { .. } | HttpError::NotSent { .. })) => error.to_string(),
                Err(error @ HttpError::TooLarge { .. }) => {
                    return Err(SignalError::Malformed(error.to_string()));
                }
                Err(error @ HttpError::Build { .. }) => {
                    return Err(SignalError::Unavailable(error.to_string()));
                }
            };
            made += 1;
            // No jitter: one function reads this feed once a day.
            let wait = BACKOFF
                .wait_before(made + 1, 1.0)
                .zip(self.left(deadline))
                .filter(|(wait, left)| wait < left);
            let Some((wait, _)) = wait else {
                return Err(SignalError::Unavailable(format!("{failure} (try {made}, the last)")));
            };
            tracing::warn!(failure, made, "signal feed failed, trying again");
            self.clock.sleep_until(later(self.clock.now(), wait)).await;
        }
    }

    fn left(&self, deadline: Timestamp) -> Option<Duration> {
        let left = Duration::try_from(deadline.duration_since(self.clock.now())).ok()?;
        (!left.is_zero()).then_some(left)
    }

    // A poisoned lock still holds a whole token: no code panics while it is half written.
    fn kept_token(&self) -> Option<SecretString> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep_token(&self, token: SecretString) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }
}

/// A page for people. The feed and its login answer in JSON or not at all, so somebody before them sent it.
fn is_page(answer: &Response) -> bool {
    let html =
        answer.headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    html || answer.body.trim_ascii_start().starts_with(b"<")
}

fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[async_trait]
impl SignalSource for GammaWizard {
    async fn prepare(&self, budget: Duration) {
        if self.kept_token().is_some() {
            return;
        }
        match self.login(later(self.clock.now(), budget)).await {
            Ok(token) => self.keep_token(token),
            Err(error) => tracing::warn!(%error, "no login to the signal feed yet"),
        }
    }

    async fn read(&self, budget: Duration) -> Result<SignalView, SignalError> {
        let body = self.body(later(self.clock.now(), budget)).await?;
        payload::view(&body).map_err(|error| SignalError::Malformed(error.to_string()))
    }
}

/// Where the feed is; never how to get in.
impl fmt::Debug for GammaWizard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GammaWizard").field("feed_url", &self.feed_url).finish_non_exhaustive()
    }
}
