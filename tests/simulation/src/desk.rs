//! The broker, as one delivery reaches it: with a token in hand, and with the patience of the real adapter.

use std::sync::Arc;

use async_trait::async_trait;
use gamma_execution::approval::{Approved, PackageOrder};
use gamma_execution::ports::{
    AccountSnapshot, Broker, BrokerError, BrokerFault, CancelReply, Capabilities, Clock, InHand, NotPlaced,
    NotSent, OrderId, OrderKind, OrderName, OrderView, PlaceReply, TokenRenewal, WorkingOrders,
};
use gamma_execution::tokens::TokenKeeper;
use gamma_market::{OptionSymbol, QuoteBook, Tick};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::exchange::{Ms, Sent};
use crate::fault::Fault;
use crate::hand::{EARLY, Hand};
use crate::invariants::before_post;
use crate::scenario::Account;
use crate::store::age;
use crate::world::{Failure, Truth};

/// The broker's name in messages.
const BROKER: &str = "simulated";
/// Seconds before its end from which a token is useless.
const LATE: i64 = 60;
/// How long reads wait before anything is out, reads while orders are out, and the two requests about orders.
const PATIENT: Ms = 10_000;
const HASTY: Ms = 5_200;
const POST: Ms = 5_000;
const DELETE: Ms = 5_000;
/// The longest that getting ready for a POST may take.
const PREPARATION: Ms = 2_000;

/// The broker from one delivery's eyes.
pub(crate) struct Desk {
    hand: Hand,
    keeper: Arc<TokenKeeper>,
    equity: rust_decimal::Decimal,
    names_orders: bool,
    document: Mutex<(SecretString, bool)>,
}

/// What a request brought: its answer, or that the token was refused.
enum Answered<T> {
    Yes(T),
    Unauthorized,
}

impl Desk {
    /// The desk of `hand`, with the document it begins with.
    pub(crate) fn new(
        hand: Hand,
        keeper: Arc<TokenKeeper>,
        document: SecretString,
        account: &Account,
    ) -> Self {
        Self {
            hand,
            keeper,
            equity: account.equity,
            names_orders: account.names_orders,
            document: Mutex::new((document, false)),
        }
    }

    fn expires_within(&self, document: &SecretString, seconds: i64) -> bool {
        age(document).is_none_or(|age| age.expires.saturating_sub(seconds) <= self.hand.now().as_second())
    }

    /// A token to send, renewed first when it is due.
    async fn access(&self) -> Result<SecretString, BrokerFault> {
        let mut state = self.document.lock().await;
        let leeway = if state.1 { LATE } else { EARLY };
        if self.expires_within(&state.0, leeway) {
            let in_hand = if self.expires_within(&state.0, LATE) { InHand::Useless } else { InHand::Usable };
            match self.keeper.renew(&state.0, in_hand, &self.hand).await {
                Ok(document) => state.0 = document,
                Err(fault) if in_hand == InHand::Usable && fault.may_pass() => {
                    self.keeper.trouble(format!("token refresh failed: {fault}"))
                }
                Err(fault) => return Err(fault),
            }
        }
        state.1 = true;
        Ok(state.0.clone())
    }

    /// A token other than the refused one.
    async fn replace(&self, refused: &SecretString) -> Result<(), BrokerFault> {
        let mut state = self.document.lock().await;
        if state.0.expose_secret() == refused.expose_secret() {
            state.0 = self.keeper.renew(&state.0, InHand::Useless, &self.hand).await?;
        }
        Ok(())
    }

    /// A request that may be repeated: once more after a 401.
    async fn ask<T: Send + 'static>(
        &self,
        name: &'static str,
        patience: Ms,
        effect: impl FnMut(&mut Truth, Ms, Option<Fault>) -> T + Send + Clone + 'static,
    ) -> Result<T, BrokerFault> {
        for again in [true, false] {
            let token = self.access().await?;
            match self.send(name, patience, &token, effect.clone()).await {
                Ok(Answered::Yes(answer)) => return Ok(answer),
                Ok(Answered::Unauthorized) | Err(Failure::Answered(Fault::Unauthorized)) if again => {
                    self.replace(&token).await?
                }
                Ok(Answered::Unauthorized) | Err(Failure::Answered(Fault::Unauthorized)) => break,
                Err(Failure::Answered(Fault::TooMany)) => return Err(BrokerFault::RateLimited("429".into())),
                Err(Failure::Answered(Fault::Refused)) => return Err(BrokerFault::Refused("400".into())),
                Err(Failure::Answered(Fault::Garbled)) => {
                    return Err(BrokerFault::Malformed("status: got 7, expected a word".into()));
                }
                Err(Failure::Answered(Fault::Page)) => {
                    return Err(BrokerFault::Unavailable("403 edge page: Access Denied".into()));
                }
                Err(Failure::Answered(Fault::NotFound)) => return Err(BrokerFault::NotFound("404".into())),
                Err(failure) => return Err(BrokerFault::Unavailable(format!("{failure:?}"))),
            }
        }
        Err(BrokerFault::Unauthorized("401".into()))
    }

    async fn send<T: Send + 'static>(
        &self,
        name: &'static str,
        patience: Ms,
        token: &SecretString,
        mut effect: impl FnMut(&mut Truth, Ms, Option<Fault>) -> T + Send + 'static,
    ) -> Result<Answered<T>, Failure> {
        let good_until = age(token).map_or(0, |age| age.expires.saturating_mul(1000));
        let checked = move |truth: &mut Truth, now: Ms, fault| {
            if now < good_until { Answered::Yes(effect(truth, now, fault)) } else { Answered::Unauthorized }
        };
        self.hand.call(name, patience, checked).await
    }

    async fn list(
        &self,
        name: &'static str,
        patience: Ms,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<OrderView>, BrokerError> {
        let who = (self.hand.who.account, self.hand.who.run);
        let read =
            move |truth: &mut Truth, now: Ms, fault| truth.exchange.listed(now, who, (from, to), fault);
        self.ask(name, patience, read).await.map_err(|fault| failed(name, fault))
    }
}

fn failed(operation: &'static str, fault: BrokerFault) -> BrokerError {
    BrokerError { broker: BROKER, operation, fault }
}

#[async_trait]
impl Broker for Desk {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            broker: BROKER,
            most_legs: 4,
            most_quantity: 1000,
            kinds: &[OrderKind::NetCredit, OrderKind::NetDebit],
            roots: &[("SPXW", Tick::NICKEL)],
            previews: false,
            names_orders: self.names_orders,
        }
    }

    async fn account(&self) -> Result<AccountSnapshot, BrokerError> {
        let (account, equity) = (self.hand.who.account, self.equity);
        let read = move |truth: &mut Truth, now, fault| match fault {
            Some(Fault::Empty) => AccountSnapshot::default(),
            _ => AccountSnapshot {
                equity: Some(equity),
                positions: truth.exchange.positions(now, account),
                ..AccountSnapshot::default()
            },
        };
        self.ask("account", PATIENT, read).await.map_err(|fault| failed("account", fault))
    }

    async fn orders(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.list("orders", PATIENT, from, to).await
    }

    async fn orders_in_haste(&self, from: Timestamp, to: Timestamp) -> Result<Vec<OrderView>, BrokerError> {
        self.list("orders in haste", HASTY, from, to).await
    }

    async fn working_orders(&self) -> Result<WorkingOrders, BrokerError> {
        Ok(WorkingOrders {
            orders: self.list("working orders", PATIENT, Timestamp::MIN, Timestamp::MAX).await?,
            since: None,
        })
    }

    async fn order(&self, id: &OrderId) -> Result<OrderView, BrokerError> {
        let wanted = id.clone();
        let read = move |truth: &mut Truth, now: Ms, fault| truth.exchange.shown(now, &wanted, fault);
        let found = self.ask("order", HASTY, read).await.map_err(|fault| failed("order", fault))?;
        found.ok_or_else(|| failed("order", BrokerFault::NotFound(id.to_string())))
    }

    async fn quotes(&self, symbols: &[OptionSymbol]) -> Result<QuoteBook, BrokerError> {
        let symbols = symbols.to_vec();
        let read = move |truth: &mut Truth, now, fault| {
            if fault == Some(Fault::Empty) { QuoteBook::new() } else { truth.exchange.book(now, &symbols) }
        };
        self.ask("quotes", HASTY, read).await.map_err(|fault| failed("quotes", fault))
    }

    async fn place(&self, order: &Approved<PackageOrder>, name: &OrderName) -> PlaceReply {
        let (world, who) = (&self.hand.world, &self.hand.who);
        let called = world.look().now;
        let token = match self.access().await {
            Ok(token) => token,
            Err(BrokerFault::TokenDead(_) | BrokerFault::Unauthorized(_)) => {
                return PlaceReply::NotPlaced(NotPlaced::Unauthorized);
            }
            Err(fault) => return NotSent::NotPrepared(fault.to_string()).into(),
        };
        if world.look().now - called > PREPARATION {
            return NotSent::TooLate("getting ready to send took too long".into()).into();
        }
        before_post(&mut world.look(), who, order.get());
        let sent = Sent { account: who.account, run: who.run, left: world.look().now };
        let (order, name) = (order.get().clone(), name.clone());
        let enter =
            move |truth: &mut Truth, now: Ms, fault| truth.exchange.answer(now, sent, &order, &name, fault);
        match self.send("place", POST, &token, enter).await {
            Ok(Answered::Yes(Some(id))) => PlaceReply::Accepted(id),
            Ok(Answered::Yes(None)) => PlaceReply::Unknown("201 without an id".into()),
            Err(Failure::Answered(Fault::Page)) => {
                PlaceReply::NotPlaced(NotPlaced::NotRead("403 edge page: Access Denied".into()))
            }
            Ok(Answered::Unauthorized) | Err(Failure::Answered(Fault::Unauthorized)) => {
                let _ = self.replace(&token).await;
                PlaceReply::NotPlaced(NotPlaced::Unauthorized)
            }
            Err(Failure::Answered(Fault::NotConnected)) => {
                NotSent::NotConnected("connection refused".into()).into()
            }
            Err(Failure::Answered(Fault::TooMany)) => {
                PlaceReply::NotPlaced(NotPlaced::RateLimited { retry_after: None })
            }
            Err(Failure::Answered(Fault::Refused)) => {
                PlaceReply::NotPlaced(NotPlaced::Rejected { status: 400, message: "no".into() })
            }
            Err(failure) => PlaceReply::Unknown(format!("{failure:?}")),
        }
    }

    async fn cancel(&self, id: &OrderId) -> CancelReply {
        let wanted = id.clone();
        let cancel = move |truth: &mut Truth, now: Ms, _| truth.exchange.cancel(now, &wanted);
        match self.ask("cancel", DELETE, cancel).await {
            Ok(reply) => reply,
            Err(BrokerFault::Refused(why) | BrokerFault::NotFound(why)) => CancelReply::Refused(why),
            Err(fault) => CancelReply::Unknown(fault.to_string()),
        }
    }
}
