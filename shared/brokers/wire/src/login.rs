//! Holding a live access token: renewed before it expires, or once after it was refused.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use gamma_execution::ports::{BrokerFault, Clock, InHand, TokenIssuer, TokenRenewal};
use gamma_http::Response;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::ErrorBody;

/// A broker's token document as it is stored.
pub trait TokenDocument: Sized + Send + Sync {
    /// What is wrong with a text that is none; shows nothing of it.
    type Error: Display;

    /// Reads the text.
    ///
    /// # Errors
    /// When it does not read.
    fn parse(text: &SecretString) -> Result<Self, Self::Error>;

    /// The text to store.
    fn text(&self) -> SecretString;

    /// The access token.
    fn access(&self) -> &SecretString;

    /// The refresh token.
    fn refresh(&self) -> &SecretString;

    /// Whether the access token has this many seconds left to live at most.
    fn expires_within(&self, seconds: i64, now: Timestamp) -> bool;
}

/// Where a broker refreshes tokens, and with what.
#[async_trait]
pub trait TokenEndpoint: Send + Sync {
    /// What it refreshes.
    type Document: TokenDocument;

    /// The broker's name for messages.
    const BROKER: &'static str;

    /// At first a token is renewed this many seconds before it expires: longer than a run takes.
    const EARLY: i64 = 300;

    /// From then on only when it would hardly live to be used.
    const LATE: i64 = 60;

    /// Obtains a new document. One short attempt; whoever needs the token decides whether to try again.
    ///
    /// # Errors
    /// [`BrokerFault::TokenDead`] when the refresh token was refused for good.
    async fn refresh(&self, document: &Self::Document) -> Result<Self::Document, BrokerFault>;

    /// Reads an error answer without anything of our credentials that it may echo.
    fn error_body(&self, response: &Response, token: &SecretString) -> ErrorBody;
}

/// A login: credentials, and the token they renew.
pub struct Login<E: TokenEndpoint> {
    endpoint: E,
    clock: Arc<dyn Clock>,
    renewal: Arc<dyn TokenRenewal>,
    /// Held through a renewal, so that callers at the same time share one.
    state: Mutex<State<E::Document>>,
}

struct State<D> {
    document: D,
    /// Set once the refresh token is known to be dead: asking again would change nothing and may lock the
    /// application out.
    dead: Option<String>,
    /// The token was looked at in time: what is left of it outlasts a run, so that nobody waits for a renewal
    /// between rungs.
    looked: bool,
    /// The last refresh that was asked for because a token was refused, or that was refused itself.
    last: Option<Attempt>,
}

/// A refresh that need not help: whoever asks again at once changes nothing, and may lock the application
/// out.
struct Attempt {
    at: Timestamp,
    /// How long the next one waits; twice as long after each, up to a limit.
    pause: SignedDuration,
    /// What the token endpoint said, when it refused.
    refused: Option<BrokerFault>,
}

impl Attempt {
    const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(5);
    const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(20);
    /// After so long without one, the next is a first one again.
    const FORGOTTEN: SignedDuration = SignedDuration::from_mins(2);

    fn after(before: Option<&Self>, at: Timestamp, refused: Option<BrokerFault>) -> Self {
        let lately = before.filter(|last| at.duration_since(last.at) < Self::FORGOTTEN);
        Self {
            at,
            pause: lately.map_or(Self::FIRST_PAUSE, |last| Self::LONGEST_PAUSE.min(last.pause + last.pause)),
            refused,
        }
    }

    fn is_recent(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < self.pause
    }
}

impl<E: TokenEndpoint> Login<E> {
    /// A login that starts from `document`.
    pub fn new(
        endpoint: E,
        document: E::Document,
        clock: Arc<dyn Clock>,
        renewal: Arc<dyn TokenRenewal>,
    ) -> Self {
        Self {
            endpoint,
            clock,
            renewal,
            state: Mutex::new(State { document, dead: None, looked: false, last: None }),
        }
    }

    /// The access token, renewed first when it is due. While the one in hand can be sent, a token endpoint
    /// that is out of order is no reason to stop.
    ///
    /// # Errors
    /// When there is none to send.
    pub async fn access(&self) -> Result<SecretString, BrokerFault> {
        let mut state = self.state.lock().await;
        let leeway = if state.looked { E::LATE } else { E::EARLY };
        if state.document.expires_within(leeway, self.now()) {
            let in_hand = self.in_hand(&state);
            match self.renew(&mut state, in_hand, None, E::EARLY).await {
                Err(fault) if in_hand == InHand::Usable && fault.may_pass() => {
                    self.renewal
                        .trouble(format!("token refresh failed, traded on the token in hand: {fault}"));
                }
                answer => answer?,
            }
        }
        state.looked = true;
        Ok(state.document.access().clone())
    }

    /// Renews the token when it expires soon, and says so when that fails; whether it did.
    ///
    /// # Errors
    /// When it is due and could not be renewed.
    pub async fn renew_when_due(&self) -> Result<bool, BrokerFault> {
        self.renew_within(E::EARLY).await
    }

    /// The same, so many seconds before it expires. One that somebody else stored is good enough if it lives
    /// longer.
    ///
    /// # Errors
    /// When it is due and could not be renewed.
    pub async fn renew_within(&self, seconds: i64) -> Result<bool, BrokerFault> {
        let mut state = self.state.lock().await;
        let before = state.document.access().clone();
        if state.document.expires_within(seconds, self.now()) {
            let in_hand = self.in_hand(&state);
            self.renew(&mut state, in_hand, None, seconds).await?;
        }
        Ok(before.expose_secret() != state.document.access().expose_secret())
    }

    /// A token other than `refused`: renews, unless another caller already has. `None` while a refresh a
    /// moment ago has not helped: what refuses even a new token is over soon or not at all.
    ///
    /// # Errors
    /// When there is none.
    pub async fn replace(&self, refused: &SecretString) -> Result<Option<SecretString>, BrokerFault> {
        let mut state = self.state.lock().await;
        if state.document.access().expose_secret() == refused.expose_secret() {
            let now = self.now();
            if state.last.as_ref().is_some_and(|last| last.refused.is_none() && last.is_recent(now)) {
                return Ok(None);
            }
            self.renew(&mut state, InHand::Useless, Some(refused), E::EARLY).await?;
        }
        Ok(Some(state.document.access().clone()))
    }

    /// Reads an error answer without anything of our credentials that it may echo.
    #[must_use]
    pub fn error_body(&self, response: &Response, token: &SecretString) -> ErrorBody {
        self.endpoint.error_body(response, token)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn in_hand(&self, state: &State<E::Document>) -> InHand {
        if state.document.expires_within(E::LATE, self.now()) { InHand::Useless } else { InHand::Usable }
    }

    async fn renew(
        &self,
        state: &mut State<E::Document>,
        in_hand: InHand,
        refused: Option<&SecretString>,
        leeway: i64,
    ) -> Result<(), BrokerFault> {
        if let Some(why) = &state.dead {
            return Err(BrokerFault::TokenDead(why.clone()));
        }
        if let Some(fault) = state
            .last
            .as_ref()
            .filter(|last| last.is_recent(self.now()))
            .and_then(|last| last.refused.clone())
        {
            return Err(fault);
        }
        let issuer = Issuer {
            endpoint: &self.endpoint,
            clock: self.clock.as_ref(),
            refused,
            leeway,
            asked: AtomicBool::new(false),
        };
        let renewed = self.renewal.renew(&state.document.text(), in_hand, &issuer).await;
        match &renewed {
            Err(BrokerFault::TokenDead(why)) => state.dead = Some(why.clone()),
            Err(fault @ BrokerFault::Unauthorized(_)) => {
                state.last = Some(Attempt::after(state.last.as_ref(), self.now(), Some(fault.clone())))
            }
            // A token that another process obtained was not asked for by us.
            Ok(_) if refused.is_some() && issuer.asked.load(Ordering::Relaxed) => {
                state.last = Some(Attempt::after(state.last.as_ref(), self.now(), None));
            }
            Ok(_) | Err(_) => {}
        }
        let renewed = renewed?;
        state.document =
            E::Document::parse(&renewed).map_err(|error| BrokerFault::Malformed(error.to_string()))?;
        Ok(())
    }
}

/// The endpoint, for one renewal.
struct Issuer<'a, E> {
    endpoint: &'a E,
    clock: &'a dyn Clock,
    /// The access token the broker refused, whatever its age says.
    refused: Option<&'a SecretString>,
    /// A token that has this many seconds left at most is due.
    leeway: i64,
    /// Whether the endpoint was asked.
    asked: AtomicBool,
}

#[async_trait]
impl<E: TokenEndpoint> TokenIssuer for Issuer<'_, E> {
    fn is_good(&self, document: &SecretString) -> bool {
        E::Document::parse(document).is_ok_and(|document| {
            let refused = self
                .refused
                .is_some_and(|refused| refused.expose_secret() == document.access().expose_secret());
            !refused && !document.expires_within(self.leeway, self.clock.now())
        })
    }

    async fn refresh(&self, document: &SecretString) -> Result<SecretString, BrokerFault> {
        let document =
            E::Document::parse(document).map_err(|error| BrokerFault::Malformed(error.to_string()))?;
        self.asked.store(true, Ordering::Relaxed);
        self.endpoint.refresh(&document).await.map(|refreshed| refreshed.text())
    }

    fn is_rotated(&self, from: &SecretString, refreshed: &SecretString) -> bool {
        let refresh = |text| {
            E::Document::parse(text).ok().map(|document| document.refresh().expose_secret().to_owned())
        };
        refresh(from) != refresh(refreshed)
    }
}
