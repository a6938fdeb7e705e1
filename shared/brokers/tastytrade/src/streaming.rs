//! Quotes over DXLink: one connection for all legs and rungs of an invocation, and the token for it, which
//! outlives invocations.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use gamma_dxlink::{DxLink, DxLinkConfig, QuotesError};
use gamma_market::{LegQuote, OptionSymbol, QuoteBook};
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use crate::broker::Tastytrade;
use crate::chain::StreamerSymbol;
use crate::quote_stream::{QuoteStream, QuoteStreamError};
use crate::quote_token::QuoteToken;

/// The quote token from invocation to invocation: unlike a connection it survives the function being frozen.
/// Clones are the same.
#[derive(Clone, Default)]
pub struct QuoteTokens(Arc<Mutex<Option<Kept>>>);

struct Kept {
    token: QuoteToken,
    until: Timestamp,
}

impl QuoteTokens {
    /// A token lives a day where its end is not told.
    const LIFE: SignedDuration = SignedDuration::from_hours(24);
    /// It is not used for the last of it.
    const SPARE: SignedDuration = SignedDuration::from_hours(2);

    fn good(&self, now: Timestamp) -> Option<QuoteToken> {
        self.state().as_ref().filter(|kept| now < kept.until).map(|kept| kept.token.clone())
    }

    fn keep(&self, token: &QuoteToken, now: Timestamp) {
        let ends = token.expires.unwrap_or_else(|| now.checked_add(Self::LIFE).unwrap_or(now));
        let until = ends.checked_sub(Self::SPARE).unwrap_or(now);
        *self.state() = Some(Kept { token: token.clone(), until });
    }

    fn forget(&self) {
        *self.state() = None;
    }

    fn state(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for QuoteTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuoteTokens").field("kept", &self.state().is_some()).finish()
    }
}

impl Tastytrade {
    /// From now on quotes are asked of the stream first. It connects when quotes are expected or asked for,
    /// and learns then what the broker calls contracts; needs a tokio runtime. The connection ends with the
    /// adapter.
    pub fn stream_quotes(self: &Arc<Self>, tokens: &QuoteTokens) {
        let stream = Arc::new_cyclic(|own: &Weak<Stream>| Stream {
            own: own.clone(),
            broker: Arc::downgrade(self),
            tokens: tokens.clone(),
            link: tokio::sync::Mutex::default(),
            silent: AtomicBool::default(),
        });
        // A second call changes nothing: one connection serves the invocation.
        let _ = self.stream.set(stream);
    }

    /// Sees to it that a good token is at hand; whether one had to be asked for.
    ///
    /// # Errors
    /// [`QuoteStreamError`] when there is none.
    pub async fn ready_quote_token(&self, tokens: &QuoteTokens) -> Result<bool, QuoteStreamError> {
        self.good_quote_token(tokens).await.map(|(_, asked)| asked)
    }

    async fn good_quote_token(&self, tokens: &QuoteTokens) -> Result<(QuoteToken, bool), QuoteStreamError> {
        let now = self.client.clock.now();
        if let Some(token) = tokens.good(now) {
            return Ok((token, false));
        }
        let token = self.quote_token().await.map_err(|error| QuoteStreamError(error.to_string()))?;
        if token.is_delayed() {
            let level = token.level.unwrap_or_default();
            return Err(QuoteStreamError(format!(
                "quote token level: got {level:?}, expected \"api\": its quotes may be delayed, REST is asked instead"
            )));
        }
        tokens.keep(&token, now);
        Ok((token, true))
    }
}

/// The stream of one invocation.
struct Stream {
    own: Weak<Self>,
    broker: Weak<Tastytrade>,
    tokens: QuoteTokens,
    link: tokio::sync::Mutex<Option<Arc<DxLink>>>,
    /// Nothing at all came of the last question.
    silent: AtomicBool,
}

impl Stream {
    /// How long quotes are waited for, in real time; REST is asked for what has not come by then.
    const PATIENCE: Duration = Duration::from_millis(1500);
    /// The same of a stream that kept silent the last time.
    const SHORT: Duration = Duration::from_millis(300);
    /// A quote that the feed itself dates further back is no quote of now, and REST is asked. Most carry no
    /// time.
    const FRESH: SignedDuration = SignedDuration::from_secs(15);

    /// The connection, begun when there is none.
    async fn link(&self) -> Result<Arc<DxLink>, QuoteStreamError> {
        let mut held = self.link.lock().await;
        if let Some(link) = &*held {
            return Ok(Arc::clone(link));
        }
        let broker =
            self.broker.upgrade().ok_or_else(|| QuoteStreamError("the adapter is gone".to_owned()))?;
        let (token, _) = broker.good_quote_token(&self.tokens).await?;
        let link = DxLink::connect(DxLinkConfig::new(token.url, token.token))
            .map_err(|error| QuoteStreamError(error.to_string()))?;
        Ok(Arc::clone(held.insert(Arc::new(link))))
    }

    /// Asks, and once more with a new token when the kept one is no longer accepted.
    async fn ask(
        &self,
        symbols: &[gamma_dxlink::StreamerSymbol],
        patience: Duration,
    ) -> Result<gamma_dxlink::Quotes, QuoteStreamError> {
        for again in [true, false] {
            let link = self.link().await?;
            match link.quotes(symbols, patience).await {
                Ok(quotes) => {
                    // Also when it is the warm-up's token and the answer's first use of it: how often it took
                    // a connection can be looked up.
                    tracing::debug!(
                        connections = link.connections_opened(),
                        questions = link.questions(),
                        unreadable = link.unreadable(),
                        "streamed quotes"
                    );
                    return Ok(quotes);
                }
                Err(QuotesError::Refused { .. }) if again => {
                    self.tokens.forget();
                    self.link.lock().await.take();
                }
                Err(error) => return Err(QuoteStreamError(error.to_string())),
            }
        }
        Err(QuoteStreamError("a new quote token is refused too".to_owned()))
    }
}

#[async_trait]
impl QuoteStream for Stream {
    fn expect(&self) {
        let (Some(own), Some(broker)) = (self.own.upgrade(), self.broker.upgrade()) else { return };
        tokio::spawn(async move {
            let connect = async {
                if let Err(error) = own.link().await {
                    tracing::warn!(%error, "the quote stream is tried again when quotes are asked for");
                }
            };
            tokio::join!(connect, broker.learn_symbols());
        });
    }

    async fn quotes(
        &self,
        symbols: &[(OptionSymbol, StreamerSymbol)],
    ) -> Result<QuoteBook, QuoteStreamError> {
        // A name that the stream would not take is left to REST.
        let wanted: BTreeMap<gamma_dxlink::StreamerSymbol, OptionSymbol> = symbols
            .iter()
            .filter_map(|(symbol, name)| name.0.parse().ok().map(|name| (name, *symbol)))
            .collect();
        let names: Vec<_> = wanted.keys().cloned().collect();
        let patience = if self.silent.load(Ordering::Relaxed) { Self::SHORT } else { Self::PATIENCE };
        // Getting a token is part of what is waited for; a little longer than the question, so that what came
        // is not thrown away.
        let answer = timeout(patience + Self::SHORT, self.ask(&names, patience)).await;
        let answer = answer.unwrap_or_else(|_| {
            Err(QuoteStreamError(format!("no connection within {} ms", patience.as_millis())))
        });
        self.silent
            .store(answer.as_ref().map_or(true, |quotes| quotes.complete.is_empty()), Ordering::Relaxed);
        let quotes = answer?;
        for missing in &quotes.missing {
            tracing::warn!("quote stream: {missing}");
        }
        let now = self.broker.upgrade().map(|broker| broker.client.clock.now());
        let is_old = |quote: &LegQuote| {
            quote.at.zip(now).is_some_and(|(at, now)| now.duration_since(at) > Self::FRESH)
        };
        let mut book = QuoteBook::new();
        for (name, quote) in quotes.complete {
            if is_old(&quote) {
                tracing::warn!(
                    "quote stream: {name}: got a quote of {:?}, expected one of the last {} s",
                    quote.at,
                    Self::FRESH.as_secs()
                );
            } else if let Some(symbol) = wanted.get(&name) {
                book.insert(*symbol, quote);
            }
        }
        Ok(book)
    }
}
