//! What a run needs from the world, as traits. Adapters implement them; nothing here knows an adapter.

mod broker;
mod capabilities;
mod clock;
mod edge;
mod handoff;
mod ledger;
mod notify;
mod operator;
mod signal;
mod tokens;

pub use broker::{
    AccountSnapshot, Broker, BrokerError, BrokerFault, CancelReply, Fill, NotPlaced, NotSent, OrderId,
    OrderName, OrderStatus, OrderView, PlaceReply, WorkingOrders,
};
pub use capabilities::{Capabilities, Incapable, Lack, OrderKind};
pub use clock::Clock;
pub use edge::{
    EdgeDecision, EdgeLedger, EdgeLog, Equity, EquitySource, MoneyRow, Observation, Transfer, Transfers,
    Verdict, is_transfer, words_say_transfer,
};
pub use handoff::{Archive, Consumer, Handoff, HandoffError, Outbox, PendingHandoff, RunKey};
pub use ledger::{
    Arming, Controls, DayRecord, DayState, Decision, IntentKey, IntentRecord, IntentState, Lease, Ledger,
    LedgerError, LoadedDay, PutOutcome, RunEnd, RunRecord, RungRecord, RungState, Slot, Writer,
};
pub use notify::{Notice, Notifier, NotifyError, Severity};
pub use operator::{
    ChangeState, ControlChange, ControlRecord, ControlScope, ControlVerb, OperatorLedger, Standing,
};
pub use signal::{SignalError, SignalSource, SignalView};
pub use tokens::{
    InHand, SaveError, StoredToken, TokenIssuer, TokenLock, TokenLockError, TokenRenewal, TokenStore,
    TokenVersion, TokenWrite,
};

// Readers of a day name its strategy and know no more of it.
pub use gamma_strategy::constant_stable::NAME as STRATEGY;
