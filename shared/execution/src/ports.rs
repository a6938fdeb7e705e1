//! What a run needs from the world, as traits. Adapters implement them; nothing here knows an adapter.

mod broker;
mod clock;
mod ledger;
mod signal;
mod tokens;

pub use broker::{AccountSnapshot, Broker, BrokerError, BrokerFault, CancelReply, Capabilities, Fill, NotPlaced, OrderId, OrderStatus, OrderView, PlaceReply};
pub use clock::Clock;
pub use ledger::{
    Arming, Controls, DayRecord, DayState, Decision, IntentKey, IntentRecord, IntentState, Lease, Ledger, LedgerError, LoadedDay, PutOutcome, RunEnd,
    RunRecord, RungRecord, RungState, Writer,
};
pub use signal::{SignalError, SignalSource};
pub use tokens::{InHand, SaveError, StoredToken, TokenIssuer, TokenLock, TokenLockError, TokenRenewal, TokenStore, TokenVersion, TokenWrite};
