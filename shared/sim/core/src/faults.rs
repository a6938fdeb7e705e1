//! Faults: what goes wrong, on which requests, and whether it really did.
//!
//! A [`FaultPlan`] stands before every face. It holds [`Rule`]s, which a test writes and may change while the
//! simulation runs, and possibly a seed, by which it invents faults of its own. What struck is on record:
//! [`FaultPlan::fired`].
//!
//! ```
//! use std::time::Duration;
//! use gamma_sim_core::faults::{Fault, FaultPlan, Route, Rule, When};
//!
//! let plan = FaultPlan::default();
//! // The second order is accepted, its answer is lost, and for three seconds nobody can find it.
//! plan.add(Rule::on(Route::PlaceOrder).after(1).fault(Fault::ServerError(503, When::AfterEffect)));
//! plan.add(Rule::on(Route::PlaceOrder).after(1).fault(Fault::HiddenFor(Duration::from_secs(3))));
//! // DynamoDB throttles for a while.
//! plan.add(Rule::on(Route::aws("DynamoDB")).times(2).fault(Fault::Throttled));
//! assert!(plan.fired().is_empty());
//! ```
//!
//! Faults about orders act on the exchange, so the book stays the truth of what the broker did; faults about
//! what is shown change the answer only. Times are virtual, except for [`Fault::Latency`].
//!
//! | fault | routes | what happens |
//! |---|---|---|
//! | `Latency` | all | the request is served after so much real time |
//! | `TooManyRequests` | not AWS | 429, with or without `Retry-After`; no effect |
//! | `Unauthorized` | not AWS | 401 in the words of the face; no effect |
//! | `EdgePage` | not AWS | 403 with an HTML page; no effect |
//! | `NotFound` | brokers | 404 in the API's words, or in those of the gateway before it; no effect |
//! | `Empty` | brokers | 200 with nothing in it, in one of its shapes; no effect |
//! | `Declined` | place, replace | the broker's own no at once, with this text: 400, at tastytrade 422; no order exists |
//! | `ServerError` | all | a 5xx, before or after the effect |
//! | `Throttled` | AWS | 400 with the service's throttling error; no effect |
//! | `Refused` | all | the service is away for so long: connections are cut, new ones refused; no effect |
//! | `Dropped` | all | the connection is cut without an answer, before or after the effect |
//! | `Hang` | all | never answered, before or after the effect; the client's own timeout ends it |
//! | `NoLocation` | place, replace | accepted, no `Location`; at tastytrade no order id in the body |
//! | `Location` | place, replace | accepted, `Location` (the order id) is this text |
//! | `NamesAnother` | place, replace | accepted, and the answer names another order of the same account |
//! | `NotMade` | place | answered as if accepted, with an id that no order ever has; no order exists |
//! | `HiddenFor` | place, replace | accepted, and for so long 404 by id and absent from lists |
//! | `Rejected` | place, replace | accepted, and rejected a moment later |
//! | `FillsLate` | read, list | a status may say that it is over, yet fills are counted and shown only so long after they happened |
//! | `FillsTwice` | tastytrade: read, list | every fill of a leg is there twice, under one fill id |
//! | `NothingRemains` | tastytrade: read, list | an order that is over says that nothing remains, filled or not |
//! | `PartFill` | place, read, list, cancel | so many packages fill now: of the order named; after a POST of the new one, of a list the newest live one |
//! | `ReplacedElsewhere` | as `PartFill` | somebody gives the order another limit at the broker: it is REPLACED, a new one is alive |
//! | `FilledFirst` | cancel, tastytrade: replace | the rest fills, then the cancel is refused |
//! | `FillsDuringCancel` | as `FilledFirst` | it is accepted, so many packages fill before it is through; all of them, and a replacement is aborted |
//! | `StaleOrders` | read, list | orders are shown as they were so long ago; younger ones not at all |
//! | `StatusShown` | read, list | orders are shown with this status |
//! | `ReplacedAsCanceled` | read, list | an order that was replaced is shown as cancelled |
//! | `Unlinked` | read, list | no order says which one it replaces, or by which it is replaced |
//! | `ForeignRow` | list, account, tastytrade: positions | this row, JSON in the broker's own words, stands at the end of the list |
//! | `SpuriousRefusal` | tastytrade: token | 400 `invalid_request` for a refresh that is good; no effect |
//! | `AccessTokenDies` | brokers, Google | every access token given out so far is over; the refresh token lives |
//! | `RefreshTokenDies` | brokers | the refresh token is over; access tokens live |
//! | `LoginElsewhere` | brokers | both are over |
//! | `LaggingPositions` | account, tastytrade: positions | positions are shown as they were so long ago |
//! | `OddQuote` | quotes | the quote of this contract, or of every one, is odd in one of the ways of [`Odd`] |
//! | `Equity` | account | what the account is worth is shown as this, or left out |
//! | `LateSignal` | signal | rows are published so much later |
//! | `StaleSignal` | signal | today's row is not there |
//! | `MovedStrikes` | signal | the newest row's strikes lie so many points higher |
//! | `FlippedSignal` | signal | the newest row's directions are the opposite |
//! | `Trade` | signal | `Trade` is this, whatever `Predictions` say |
//! | `NewestFirst` | signal | the rows come in the opposite order, and `Trade` is a list of the newest two, newest first |
//!
//! What a span of time answers is a rule with [`Rule::from`], [`Rule::until`] and [`Rule::always`]: two
//! seconds of 401 on every route of a broker, for one. What the user does at the broker (an order of an
//! earlier day, an edit, a cancel) is no fault of a request: `Simulator::with_exchange`, in the crate
//! `gamma-simulator`.

mod answers;
mod odd;
mod plan;
mod route;
mod seeded;
mod view;

use std::time::Duration;

use gamma_market::{OptionSymbol, Price};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::requests::Service;

pub(crate) use answers::answer;
pub use odd::{Another, Empty, Odd};
pub use plan::Request;
pub(crate) use plan::Strike;
pub use plan::{FaultPlan, Fired, Rule};
pub use route::Route;
pub use view::View;

/// Whether the request took effect before its answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nothing was done.
    BeforeEffect,
    /// What was asked for was done.
    AfterEffect,
}

/// One thing that goes wrong; the table above says what each does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Real time, since virtual time stands still while a run works: it shuffles what happens at once and
    /// tries socket timeouts, so milliseconds are enough. A client that gives up meanwhile is not served at
    /// all; for the opposite take [`Fault::Hang`].
    Latency(Duration),
    /// 429, with this many seconds in `Retry-After` where there is one.
    TooManyRequests {
        /// Whole seconds.
        retry_after: Option<u32>,
    },
    /// 401.
    Unauthorized,
    /// The page of the network in front of the service: 403, HTML.
    EdgePage,
    /// 404: by the API itself, or by the gateway, which knows no such route for the moment.
    NotFound {
        /// Whether the API's own words say so.
        by_the_api: bool,
    },
    /// 200, and nothing in it.
    Empty(Empty),
    /// Refused with this text before anything was accepted.
    Declined(String),
    /// This status, a 5xx.
    ServerError(u16, When),
    /// `ThrottlingException` and its like.
    Throttled,
    /// Nobody listens from this request on, for so much virtual time.
    Refused(Duration),
    /// Cut without an answer.
    Dropped(When),
    /// Never answered.
    Hang(When),
    /// Success that does not say which order.
    NoLocation,
    /// Success that names another order, or nothing that is one.
    Location(String),
    /// Success that names another order of this account.
    NamesAnother(Another),
    /// Success for an order that does not exist.
    NotMade,
    /// Not to be found for so long.
    HiddenFor(Duration),
    /// Rejected with this text after it was accepted.
    Rejected(String),
    /// Fills shown so long after they happened.
    FillsLate(Duration),
    /// Fills told twice.
    FillsTwice,
    /// Of an order that is over nothing remains, filled or not.
    NothingRemains,
    /// `invalid_request` for no reason.
    SpuriousRefusal,
    /// So many packages fill now.
    PartFill(u32),
    /// Replaced at the broker by an order with this limit.
    ReplacedElsewhere(Price),
    /// Filled when the cancel comes.
    FilledFirst,
    /// So many packages fill after the cancel was accepted; `u32::MAX` for all.
    FillsDuringCancel(u32),
    /// Orders as of so long ago.
    StaleOrders(Duration),
    /// A status nobody knows.
    StatusShown(String),
    /// Replaced orders read as cancelled.
    ReplacedAsCanceled,
    /// No links between orders.
    Unlinked,
    /// One more row, in the broker's words.
    ForeignRow(Value),
    /// Quotes of this contract, `None` for all, are odd.
    OddQuote(Option<OptionSymbol>, Odd),
    /// The access tokens end.
    AccessTokenDies,
    /// The refresh token ends.
    RefreshTokenDies,
    /// All tokens end.
    LoginElsewhere,
    /// Positions as of so long ago.
    LaggingPositions(Duration),
    /// The account's worth in dollars; `None` leaves every field of it out.
    Equity(Option<Decimal>),
    /// Rows come so much later.
    LateSignal(Duration),
    /// Only the rows before today's.
    StaleSignal,
    /// Strikes moved by so many points.
    MovedStrikes(i64),
    /// Sides with their directions swapped.
    FlippedSignal,
    /// `Trade` as this: empty, it says that there is no trade.
    Trade(serde_json::Value),
    /// Lists read from the other end.
    NewestFirst,
}

/// At which step of serving a request a fault acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It only waits.
    Delay,
    /// It changes the world before the request is served.
    World,
    /// It changes what the answer shows.
    View,
    /// It acts on what was just accepted.
    Accepted,
    /// It is the answer, or the lack of one.
    Answer(When),
}

impl Fault {
    pub(crate) fn stage(&self, route: &Route) -> Stage {
        match self {
            Self::Latency(_) => Stage::Delay,
            Self::TooManyRequests { .. } | Self::Unauthorized | Self::EdgePage | Self::Declined(_) => {
                Stage::Answer(When::BeforeEffect)
            }
            Self::NotFound { .. } | Self::Empty(_) => Stage::Answer(When::BeforeEffect),
            Self::Throttled | Self::Refused(_) | Self::SpuriousRefusal => Stage::Answer(When::BeforeEffect),
            Self::ServerError(_, when) | Self::Dropped(when) | Self::Hang(when) => Stage::Answer(*when),
            Self::NoLocation
            | Self::Location(_)
            | Self::HiddenFor(_)
            | Self::Rejected(_)
            | Self::FillsDuringCancel(_) => Stage::Accepted,
            Self::NamesAnother(_) | Self::NotMade => Stage::Accepted,
            Self::PartFill(_) | Self::ReplacedElsewhere(_) if *route == Route::PlaceOrder => Stage::Accepted,
            Self::PartFill(_) | Self::ReplacedElsewhere(_) | Self::FilledFirst => Stage::World,
            Self::AccessTokenDies | Self::RefreshTokenDies | Self::LoginElsewhere => Stage::World,
            Self::StaleOrders(_)
            | Self::StatusShown(_)
            | Self::FillsLate(_)
            | Self::FillsTwice
            | Self::NothingRemains => Stage::View,
            Self::LaggingPositions(_) | Self::Equity(_) | Self::OddQuote(..) => Stage::View,
            Self::ReplacedAsCanceled | Self::Unlinked | Self::ForeignRow(_) => Stage::View,
            Self::LateSignal(_)
            | Self::StaleSignal
            | Self::MovedStrikes(_)
            | Self::FlippedSignal
            | Self::Trade(_)
            | Self::NewestFirst => Stage::View,
        }
    }

    /// Whether it makes sense for a request of this kind; elsewhere a rule with it does nothing.
    pub(crate) fn fits(&self, service: Service, route: &Route) -> bool {
        let tastytrade = service == Service::Tastytrade;
        let broker = tastytrade || service == Service::Schwab;
        match self {
            Self::Latency(_)
            | Self::ServerError(..)
            | Self::Refused(_)
            | Self::Dropped(_)
            | Self::Hang(_) => true,
            Self::TooManyRequests { .. } | Self::Unauthorized | Self::EdgePage => service != Service::Aws,
            Self::NotFound { .. } | Self::Empty(_) => broker,
            Self::Throttled => service == Service::Aws,
            Self::AccessTokenDies => broker || service == Service::Google,
            Self::RefreshTokenDies | Self::LoginElsewhere => broker,
            Self::NoLocation
            | Self::Location(_)
            | Self::HiddenFor(_)
            | Self::Rejected(_)
            | Self::Declined(_)
            | Self::NamesAnother(_) => broker && matches!(route, Route::PlaceOrder | Route::ReplaceOrder),
            Self::NotMade => broker && *route == Route::PlaceOrder,
            Self::PartFill(_) | Self::ReplacedElsewhere(_) => {
                matches!(route, Route::PlaceOrder | Route::ReadOrder | Route::ListOrders | Route::CancelOrder)
            }
            Self::FilledFirst | Self::FillsDuringCancel(_) => {
                *route == Route::CancelOrder || (tastytrade && *route == Route::ReplaceOrder)
            }
            Self::StaleOrders(_)
            | Self::StatusShown(_)
            | Self::FillsLate(_)
            | Self::ReplacedAsCanceled
            | Self::Unlinked => broker && matches!(route, Route::ReadOrder | Route::ListOrders),
            Self::ForeignRow(_) => {
                broker
                    && (*route == Route::ListOrders
                        || *route == if tastytrade { Route::Positions } else { Route::Account })
            }
            Self::OddQuote(..) => broker && *route == Route::Quotes,
            Self::FillsTwice | Self::NothingRemains => {
                tastytrade && matches!(route, Route::ReadOrder | Route::ListOrders)
            }
            Self::SpuriousRefusal => tastytrade && *route == Route::Token,
            Self::LaggingPositions(_) => *route == if tastytrade { Route::Positions } else { Route::Account },
            Self::Equity(_) => *route == Route::Account,
            Self::LateSignal(_) | Self::StaleSignal | Self::MovedStrikes(_) | Self::FlippedSignal => {
                *route == Route::Signal
            }
            Self::Trade(_) | Self::NewestFirst => *route == Route::Signal,
        }
    }
}
