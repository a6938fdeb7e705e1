//! Sending with the token, and reading: tried again, and surviving one refused token.

use std::sync::Arc;
use std::time::Duration;

use gamma_execution::ports::{BrokerError, BrokerFault, Clock};
use gamma_http::retry::{Backoff, read_retry_wait};
use gamma_http::{HttpClient, HttpError, Request, Response};
use secrecy::SecretString;
use serde_json::Value;

use crate::{ErrorBody, Login, Origin, TokenEndpoint, WriteThrottle};

/// A broker's API behind one login.
pub struct Client<E: TokenEndpoint> {
    /// Scheme and host, without a slash at the end.
    pub base: String,
    /// What sends.
    pub http: HttpClient,
    /// Whose token is sent.
    pub auth: Login<E>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Our own limit on order writes.
    pub throttle: WriteThrottle,
}

impl<E: TokenEndpoint> Client<E> {
    /// An error of `operation`.
    pub fn failed(operation: &'static str, fault: impl Into<BrokerFault>) -> BrokerError {
        BrokerError { broker: E::BROKER, operation, fault: fault.into() }
    }

    /// The most time for one try of a read.
    pub const READ_TIMEOUT: Duration = Duration::from_secs(10);
    /// For reads made while orders are out: whoever waits for one is late with the other side's cancel. The
    /// run reads again anyway.
    const URGENT: (Backoff, Duration) = (
        Backoff {
            tries: 2,
            first: Duration::from_millis(200),
            factor: 1.0,
            longest: Duration::from_millis(500),
        },
        Duration::from_millis(2500),
    );

    /// Makes an idempotent request and gives its JSON. `request` builds it anew for every try.
    ///
    /// # Errors
    /// [`BrokerError`] once trying again has an end or no sense.
    pub async fn read(
        &self,
        operation: &'static str,
        request: impl Fn() -> Request,
    ) -> Result<Value, BrokerError> {
        self.read_within(operation, Backoff::READS, Self::READ_TIMEOUT, request).await
    }

    /// As [`Client::read`], for reads made while orders are out.
    ///
    /// # Errors
    /// [`BrokerError`] once trying again has an end or no sense.
    pub async fn read_urgently(
        &self,
        operation: &'static str,
        request: impl Fn() -> Request,
    ) -> Result<Value, BrokerError> {
        let (backoff, timeout) = Self::URGENT;
        self.read_within(operation, backoff, timeout, request).await
    }

    /// As [`Client::read`], with its own patience.
    ///
    /// # Errors
    /// [`BrokerError`] once trying again has an end or no sense.
    pub async fn read_within(
        &self,
        operation: &'static str,
        backoff: Backoff,
        timeout: Duration,
        request: impl Fn() -> Request,
    ) -> Result<Value, BrokerError> {
        let (response, _) = self.answered(operation, (backoff, timeout), is_of_the_api, request).await?;
        json(&response).map_err(|fault| Self::failed(operation, fault))
    }

    /// Makes an idempotent request until the answer is one that `is_answer` takes, with this patience: an
    /// error the broker answers with may be what was asked for. Gives the token it was sent with too, which
    /// the answer may echo.
    ///
    /// # Errors
    /// [`BrokerError`] once trying again has an end or no sense.
    pub async fn answered(
        &self,
        operation: &'static str,
        (backoff, timeout): (Backoff, Duration),
        is_answer: fn(&Response) -> bool,
        request: impl Fn() -> Request,
    ) -> Result<(Response, SecretString), BrokerError> {
        let mut made = 1;
        loop {
            let (fault, wait) = match self.authorised(|| request().timeout(timeout)).await {
                Ok((response, token)) if is_answer(&response) => return Ok((response, token)),
                Ok((response, token)) => {
                    let fault = read_fault(response.status, self.auth.error_body(&response, &token));
                    // The edge's page is no answer of the API's: it is asked again like one that did not
                    // come.
                    let stopped_on_the_way = response.status != 429 && fault.may_pass();
                    let wait = if stopped_on_the_way {
                        backoff.wait_before(made + 1, self.jitter())
                    } else {
                        read_retry_wait(Ok(&response), made, &backoff, self.jitter())
                    };
                    (fault, wait)
                }
                Err(Unanswered::Http(error)) => {
                    let wait = read_retry_wait(Err(&error), made, &backoff, self.jitter());
                    (http_fault(&error), wait)
                }
                Err(Unanswered::Token(fault)) => {
                    let wait =
                        fault.may_pass().then(|| backoff.wait_before(made + 1, self.jitter())).flatten();
                    (fault, wait)
                }
            };
            let Some(wait) = wait else { return Err(Self::failed(operation, fault)) };
            tracing::warn!(broker = E::BROKER, operation, %fault, try_number = made, wait_ms = wait.as_millis(), "read failed, trying again");
            self.sleep(wait).await;
            made += 1;
        }
    }

    /// Sends with the token; after a 401 refreshes once and sends once more. Only for requests that may be
    /// repeated. A token that was obtained just now and is refused all the same is not refreshed again: the
    /// 401 is the answer.
    ///
    /// # Errors
    /// [`Unanswered`] when no answer came.
    pub async fn authorised(
        &self,
        request: impl Fn() -> Request,
    ) -> Result<(Response, SecretString), Unanswered> {
        let token = self.auth.access().await.map_err(Unanswered::Token)?;
        let response = self.http.send(request().bearer(&token)).await.map_err(Unanswered::Http)?;
        if response.status != 401 {
            return Ok((response, token));
        }
        let Some(token) = self.auth.replace(&token).await.map_err(Unanswered::Token)? else {
            return Ok((response, token));
        };
        let response = self.http.send(request().bearer(&token)).await.map_err(Unanswered::Http)?;
        Ok((response, token))
    }

    /// Refreshes when due, patiently; whether it did.
    ///
    /// # Errors
    /// [`BrokerError`] once trying again has an end or no sense.
    pub async fn refresh_if_needed(&self) -> Result<bool, BrokerError> {
        let mut made = 1;
        loop {
            let fault = match self.auth.renew_when_due().await {
                Ok(renewed) => return Ok(renewed),
                Err(fault) => fault,
            };
            made += 1;
            let wait = fault.may_pass().then(|| Backoff::READS.wait_before(made, self.jitter())).flatten();
            let Some(wait) = wait else { return Err(Self::failed("token refresh", fault)) };
            self.sleep(wait).await;
        }
    }

    async fn sleep(&self, wait: Duration) {
        let now = self.clock.now();
        // Past the end of time there is nothing to wait for.
        self.clock.sleep_until(now.checked_add(wait).unwrap_or(now)).await;
    }

    /// The clock's fraction of a second: different in every function, and repeatable where the clock is.
    fn jitter(&self) -> f64 {
        f64::from(self.clock.now().subsec_nanosecond().unsigned_abs()) / 1e9
    }
}

/// Whether an answer is a success of the API's. An empty body, or a page for people, with 200 comes from what
/// stands before it: asked again like one that did not come.
fn is_of_the_api(response: &Response) -> bool {
    let begins = response.body.iter().find(|byte| !byte.is_ascii_whitespace());
    response.is_success() && begins.is_some_and(|byte| *byte != b'<')
}

/// The JSON of an answer that is a success.
///
/// # Errors
/// [`BrokerFault::Malformed`] when it does not read.
pub fn json(response: &Response) -> Result<Value, BrokerFault> {
    response.json().map_err(|error| {
        BrokerFault::Malformed(format!(
            "body: got {} bytes that do not read ({error}), expected JSON",
            response.body.len()
        ))
    })
}

/// What an error answer to a read means.
#[must_use]
pub fn read_fault(status: u16, body: ErrorBody) -> BrokerFault {
    let text = format!("{status} {}", body.text);
    match status {
        401 => BrokerFault::Unauthorized(text),
        429 => BrokerFault::RateLimited(text),
        // A gateway's or an edge's 4xx says that the API was not reached, not that the thing does not exist.
        400..=499 if body.from != Origin::Api => BrokerFault::Unavailable(text),
        404 => BrokerFault::NotFound(text),
        400..=499 => BrokerFault::Refused(text),
        _ => BrokerFault::Unavailable(text),
    }
}

/// A request that brought no answer of its own.
pub enum Unanswered {
    /// There is no token to send it with. It may have been sent before and refused with 401.
    Token(BrokerFault),
    /// The network failed.
    Http(HttpError),
}

/// What a failed exchange means for a read, or for a token that is refreshed.
#[must_use]
pub fn http_fault(error: &HttpError) -> BrokerFault {
    let text = error.to_string();
    match error {
        HttpError::NotSent { .. } | HttpError::Lost { .. } => BrokerFault::Unavailable(text),
        HttpError::TooLarge { .. } => BrokerFault::Malformed(text),
        HttpError::Build { .. } => BrokerFault::Refused(text),
    }
}

impl From<Unanswered> for BrokerFault {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Token(fault) => fault,
            Unanswered::Http(error) => http_fault(&error),
        }
    }
}
